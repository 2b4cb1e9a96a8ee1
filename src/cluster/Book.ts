/**
 * What an entity has let start, as it must be known to whoever comes after it: the amounts with their ages, and how much more
 * it may have let start since it wrote that down.
 *
 * @since 0.2.0
 */
import { type Unit, units } from "../limit/Cost.js"

/**
 * So much of each unit.
 *
 * @since 0.2.0
 * @category models
 */
export type Amount = Readonly<Record<Unit, number>>

/**
 * Nothing of any unit.
 *
 * @since 0.2.0
 * @category values
 */
export const nothing: Amount = { requests: 0, tokens: 0, inputTokens: 0, outputTokens: 0 }

const each = (f: (unit: Unit) => number): Amount => ({
  requests: f("requests"),
  tokens: f("tokens"),
  inputTokens: f("inputTokens"),
  outputTokens: f("outputTokens")
})

/**
 * Amounts that were let start, at the latest so many milliseconds before they were written down.
 *
 * @since 0.2.0
 * @category models
 */
export interface Aged {
  readonly age: number
  readonly amount: Amount
}

/**
 * What is written down. Whoever reads it must take all of `allowed` for started.
 *
 * @since 0.2.0
 * @category models
 */
export interface Page {
  readonly counted: ReadonlyArray<Aged>
  readonly allowed: Amount
}

/**
 * The place of a start in the book.
 *
 * @since 0.2.0
 * @category models
 */
export interface Line {
  at: number
  amount: Amount
  /** Where it went when it was drawn together with a later one. */
  into: Line | undefined
}

/**
 * A book; instants in milliseconds of the monotonic clock, none before an earlier one.
 *
 * @since 0.2.0
 * @category models
 */
export interface Book {
  /** Whether a start of so much is covered by what is written down. */
  readonly allows: (amount: Amount) => boolean
  readonly add: (amount: Amount, at: number) => Line
  /** A start took so much more, or less where it is negative. */
  readonly correct: (line: Line, by: Amount) => void
  /** What is to be written down now. Until that is certain, starts have to be covered by the old page and the new one. */
  readonly turn: (now: number) => Page
  /** The page is written down: those before it count no more. */
  readonly written: (page: Page) => void
}

/**
 * What a book has to know of the limits.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** How much a page allows of each unit; Infinity where no limit counts it. */
  readonly chunk: Amount
  /** For how long a start counts, in milliseconds. */
  readonly keeps: number
}

/**
 * Somebody who turns the page.
 *
 * @since 0.2.0
 * @category models
 */
export interface Writer {
  /** Is told that another page is needed soon, or now. */
  readonly onShort: () => void
}

/** Starts so close together are one line. */
const together = 5

/** With more lines than this, those are drawn together that are close for their age. */
const manyLines = 128

const closeness = 20

/** The last of those that a line was drawn together with. */
const lastOf = (line: Line): Line => {
  let last = line
  while (last.into !== undefined) last = last.into
  return last
}

/** A page that may be what the next entity reads, and what was started since it was turned to. */
interface Turned {
  readonly page: Page
  spent: Amount
}

const fits = ({ page, spent }: Turned, amount: Amount): boolean =>
  units.every((unit) => amount[unit] === 0 || spent[unit] + amount[unit] <= page.allowed[unit])

/**
 * Draws lines together that are close for their age, into the later one; leaves out those that count no more.
 *
 * @since 0.2.0
 * @category arithmetic
 */
export const drawTogether = (lines: ReadonlyArray<Line>, keeps: number, now: number): Array<Line> => {
  const kept: Array<Line> = []
  for (const line of lines) {
    if (now - line.at > keeps) continue
    const last = kept.at(-1)
    if (last !== undefined && line.at - last.at <= (now - line.at) / closeness) {
      last.into = line
      line.amount = each((unit) => line.amount[unit] + last.amount[unit])
      kept.pop()
    }
    kept.push(line)
  }
  return kept
}

/**
 * Opens a book in which nothing is allowed before its first page is written.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ chunk, keeps, onShort }: Options & Writer): Book => {
  let lines: Array<Line> = []
  let turned: Array<Turned> = []
  let crowded = manyLines
  /** What waits because it is not allowed. */
  let wanted: Amount | undefined

  const isShort = (): boolean => {
    const newest = turned.at(-1)
    if (newest === undefined || wanted !== undefined) return true
    return units.some((unit) => newest.spent[unit] > newest.page.allowed[unit] / 2)
  }

  return {
    allows: (amount) => {
      const isAllowed = turned.length > 0 && turned.every((one) => fits(one, amount))
      if (!isAllowed) {
        wanted = amount
        onShort()
      }
      return isAllowed
    },
    add: (amount, at) => {
      for (const one of turned) one.spent = each((unit) => one.spent[unit] + amount[unit])
      if (isShort()) onShort()
      const last = lines.at(-1)
      if (last !== undefined && at - last.at <= together) {
        last.at = at
        last.amount = each((unit) => last.amount[unit] + amount[unit])
        return last
      }
      const line: Line = { at, amount, into: undefined }
      lines.push(line)
      if (lines.length > crowded) {
        lines = drawTogether(lines, keeps, at)
        crowded = 2 * Math.max(manyLines, lines.length)
      }
      return line
    },
    correct: (line, by) => {
      const last = lastOf(line)
      last.amount = each((unit) => Math.max(0, last.amount[unit] + by[unit]))
    },
    turn: (now) => {
      lines = drawTogether(lines, keeps, now)
      const most = wanted
      wanted = undefined
      const page = {
        counted: lines.map(({ amount, at }) => ({ age: now - at, amount })),
        allowed: each((unit) => Math.max(chunk[unit], most?.[unit] ?? 0))
      }
      turned.push({ page, spent: nothing })
      return page
    },
    written: (page) => {
      const index = turned.findIndex((one) => one.page === page)
      if (index > 0) turned = turned.slice(index)
    }
  }
}
