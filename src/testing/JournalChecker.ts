/**
 * Checkers of journals: what must hold over all processes of a client.
 *
 * @since 0.2.0
 */
import type { Checker } from "./Checker.js"
import { sizes } from "./PerClient.js"
import type * as Trace from "./Trace.js"

/** What is known of a row of a batch or a stream, over all processes. */
interface Row {
  readonly line: number
  /** The process that has started it last. */
  life: number
  /** Whether its last attempt runs, or has an answer: whoever starts it again repeats it. */
  isAnswered: boolean
  /** The last answer that it got. */
  answer: number | undefined
  /** The caller has had its entry, with the answer that it has. */
  isOut: boolean
}

/** The rows of a client. Of single calls nothing is kept. */
const makeClient = () => ({
  life: -1,
  rows: new Map<number, Row>(),
  /** The largest size that the pool of each process had. */
  sizes: new Array<number>(),
  size: sizes(),
  /** For each line and process the attempts that were repeated after it. */
  repeated: new Map<string, number>()
})

const clientsOf = (check: (event: Trace.Event, client: ReturnType<typeof makeClient>) => string | undefined) => () => {
  const clients = new Map<number, ReturnType<typeof makeClient>>()
  return (event: Trace.Event): string | undefined => {
    const client = clients.get(event.client) ?? makeClient()
    clients.set(event.client, client)
    client.size.observe(event)
    if (event._tag === "joined") client.life += 1
    client.sizes[client.life] = Math.max(client.sizes[client.life] ?? 0, client.size.now())
    if (event._tag === "submitted" && event.line !== 0) {
      for (let row = event.row; row < event.row + event.count; row++) {
        const fresh = { line: event.line, life: client.life, isAnswered: false, answer: undefined, isOut: false }
        if (!client.rows.has(row)) client.rows.set(row, fresh)
      }
    }
    const violation = check(event, client)
    const row = "row" in event ? client.rows.get(event.row) : undefined
    if (row === undefined) return violation
    if (event._tag === "started") {
      row.life = client.life
      row.isAnswered = true
      row.isOut = false
    }
    if (event._tag === "ended") {
      row.isAnswered = isAnswer(event.outcome)
      if (event.answer !== undefined) row.answer = event.answer
    }
    if (event._tag === "finished") row.isOut = isAnswer(event.outcome)
    return violation
  }
}

const isAnswer = (outcome: Trace.Outcome): boolean => outcome === "success" || outcome === "failed"

/**
 * A crash costs at most `poolSize` attempts of a batch: at most this many attempts that ran, or had their answer, are
 * started again.
 *
 * @since 0.2.0
 * @category invariants
 */
export const repeatsAtMostPoolSize: Checker = {
  name: "a crash repeats at most poolSize attempts",
  start: clientsOf((event, { life, repeated, rows, sizes }) => {
    const row = event._tag === "started" ? rows.get(event.row) : undefined
    if (row === undefined || row.life === life || !row.isAnswered) return undefined
    const name = `${row.line} ${row.life}`
    const count = (repeated.get(name) ?? 0) + 1
    repeated.set(name, count)
    const most = sizes[row.life] ?? 0
    return count > most ? `${count} attempts of process ${row.life} are repeated, with a pool of ${most}` : undefined
  })
}

/**
 * An entry that its caller has got is kept: no later process starts the row again.
 *
 * @since 0.2.0
 * @category invariants
 */
export const keepsWhatIsOut: Checker = {
  name: "nothing is released before it is written",
  start: clientsOf((event, { life, rows }) => {
    const row = event._tag === "started" ? rows.get(event.row) : undefined
    return row !== undefined && row.life < life && row.isOut
      ? `process ${life} starts row ${event._tag === "started" ? event.row : ""}, whose entry was out in process ${row.life}`
      : undefined
  })
}

/**
 * A row has one result in all processes: the last answer that it got.
 *
 * @since 0.2.0
 * @category invariants
 */
export const oneResultARow: Checker = {
  name: "a row has one result over all processes",
  start: clientsOf((event, { rows }) => {
    if (event._tag !== "finished" || event.outcome !== "success" || event.answer === undefined) return undefined
    const row = rows.get(event.row)
    return row !== undefined && row.answer !== event.answer
      ? `row ${event.row} has answer ${event.answer}, and got ${row.answer} last`
      : undefined
  })
}

/**
 * All of them. Without a crash only the last one can find something.
 *
 * @since 0.2.0
 * @category invariants
 */
export const all: ReadonlyArray<Checker> = [repeatsAtMostPoolSize, keepsWhatIsOut, oneResultARow]
