/** What a run costs: tokens as the answers tell them, times the prices that the user gives. */
import { Effect, Predicate } from "effect"
import type { Usage } from "effect-aimd"
import type { Row } from "../input/Row.js"

/** Money for a million tokens, in whatever currency the ceiling is in. */
export interface Prices {
  readonly input: number
  readonly output: number
}

export interface Tokens {
  readonly input: number
  readonly output: number
}

const million = 1_000_000

const count = (u: unknown): number | undefined =>
  Predicate.isNumber(u) && Number.isFinite(u) && u >= 0 ? u : undefined

/** The tokens that are paid for; undefined if nobody told of any. Where the parts are not told, they were all read. */
export const tokensOf = ({ inputTokens, outputTokens = 0, tokens }: Usage.Usage): Tokens | undefined =>
  tokens === undefined ? undefined : { input: inputTokens ?? Math.max(0, tokens - outputTokens), output: outputTokens }

/** What some tokens cost. */
export const costOf = (prices: Prices, { input, output }: Tokens): number =>
  (input * prices.input + output * prices.output) / million

/** The most tokens that a body lets the API write; undefined if it sets no bound. */
const outputBound = (body: string | undefined): number | undefined => {
  const request: unknown = body === undefined ? undefined : JSON.parse(body)
  if (!Predicate.isRecord(request)) return undefined
  const { max_completion_tokens, max_output_tokens, max_tokens, n } = request
  const most = count(max_completion_tokens) ?? count(max_output_tokens) ?? count(max_tokens)
  return most === undefined ? undefined : most * (count(n) ?? 1)
}

/** The most tokens that a row may take. A token is at least one byte, so there are at most as many as bytes. */
export const boundOf = ({ body }: Row): { readonly input: number; readonly output: number | undefined } => ({
  input: Buffer.byteLength(body ?? ""),
  output: outputBound(body)
})

/** The account of a run. */
export interface Ledger {
  /** All that was paid so far, by earlier runs as well. */
  readonly spent: () => number
  readonly tokens: () => Tokens
  /** Answers that told no tokens: of these the most that they may have cost is counted. */
  readonly untold: () => number
  /** Whether a row did not start because the ceiling may have been passed. */
  readonly isReached: () => boolean
  /** Lets a row start once its cost fits; false if it never will. */
  readonly reserve: (row: Row) => Effect.Effect<boolean>
  /** The row's attempt has ended, and was answered or not; with what it used, if it told. */
  readonly settle: (row: Row, isAnswered: boolean, usage: Usage.Usage | undefined) => void
  /** Nobody starts any more. */
  readonly close: () => void
}

interface Held {
  readonly cost: number
}

/** Those who wait until there may be room for them. */
const makeLine = () => {
  let waiting: Array<() => void> = []
  return {
    next: Effect.async<void>((resume) => {
      const wait = () => resume(Effect.void)
      waiting.push(wait)
      return Effect.sync(() => void (waiting = waiting.filter((other) => other !== wait)))
    }),
    /** All of them look again. */
    wake: (): void => {
      const woken = waiting
      waiting = []
      for (const resume of woken) resume()
    }
  }
}

/**
 * Makes an account. `max` is the ceiling, `spent` what earlier runs have paid.
 *
 * A row starts when what was spent, and the most that it and all in flight may cost, is within the ceiling. A row that sets no
 * bound to the answer is taken for the largest answer so far; before there is one, such rows go one at a time.
 */
export const make = (
  prices: Prices,
  max: number,
  before: { readonly tokens: Tokens; readonly largest: number }
): Ledger => {
  let { tokens } = before
  let spent = costOf(prices, tokens)
  let largest = before.largest
  let untold = 0
  let isReached = false
  let isClosed = false
  const held = new Map<Row, Held>()
  let reserved = 0
  const { next, wake } = makeLine()

  const costBound = (row: Row): number | undefined => {
    const { input, output = prices.output === 0 ? 0 : largest === 0 ? undefined : largest } = boundOf(row)
    return output === undefined ? undefined : costOf(prices, { input, output })
  }

  const hold = (row: Row, cost: number): void => {
    held.set(row, { cost })
    reserved += cost
  }

  const reserve = (row: Row): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      if (isClosed || isReached) return Effect.succeed(false)
      const known = max === Infinity ? 0 : costBound(row)
      const cost = known ?? costOf(prices, { input: boundOf(row).input, output: 0 })
      const isAlone = held.size === 0
      if (spent + reserved + cost <= max && (known !== undefined || isAlone)) {
        hold(row, cost)
        return Effect.succeed(true)
      }
      if (isAlone) {
        isReached = true
        wake()
        return Effect.succeed(false)
      }
      return Effect.zipRight(next, reserve(row))
    })

  return {
    spent: () => spent,
    tokens: () => tokens,
    untold: () => untold,
    isReached: () => isReached,
    reserve,
    settle: (row, isAnswered, usage) => {
      const { cost } = held.get(row) ?? { cost: 0 }
      held.delete(row)
      reserved = held.size === 0 ? 0 : reserved - cost
      const used = usage && tokensOf(usage)
      if (used !== undefined) {
        tokens = { input: tokens.input + used.input, output: tokens.output + used.output }
        spent += costOf(prices, used)
        largest = Math.max(largest, used.output)
      } else if (isAnswered) {
        untold += 1
        spent += cost
      }
      wake()
    },
    close: () => {
      isClosed = true
      wake()
    }
  }
}
