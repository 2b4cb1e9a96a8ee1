/**
 * How the parties of a client go through its pool: a batch, single calls, a stream.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { BufferEntry } from "../order/ReorderBuffer.js"
import type * as Capacity from "../Capacity.js"
import type { Cost } from "../limit/Cost.js"
import type { BatchHandle, RowContext } from "../PooledExecutor.js"
import type { ServerError } from "./api/SimulatedApi.js"
import type * as Lives from "./Lives.js"
import { outcomeOf } from "./Attempts.js"
import type { Outlet } from "./Members.js"
import * as Monotonic from "../structure/Monotonic.js"
import type * as Trace from "./Trace.js"
import type * as Workload from "./Workload.js"

/**
 * What a party needs of its client.
 *
 * @since 0.2.0
 * @category models
 */
export interface Client {
  readonly index: number
  readonly pool: Pick<Outlet, "execute" | "executeBatch" | "stream">
  readonly clock: Clock.Clock
  readonly emit: Trace.Observer
  /** An attempt of a row, with its events. */
  readonly attempt: (
    row: number,
    size: Workload.Row,
    number: number
  ) => Effect.Effect<unknown, Capacity.CapacityError | ServerError>
  /** What the pool is told that a row takes; undefined where it is told nothing. */
  readonly cost: ((row: Workload.Row) => Cost) | undefined
  /** The last answer of a row. */
  readonly answerOf: (row: number) => number
  /** Of a client with journals. */
  readonly living: Lives.Living | undefined
}

/**
 * A party on its way: how it goes, and how one of its rows is taken back.
 *
 * @since 0.2.0
 * @category models
 */
export interface Running {
  readonly run: Effect.Effect<void>
  /** Takes back the row of this index; does nothing to a single call. */
  readonly withdraw: (index: number, how: "cancel" | "evict") => Effect.Effect<void>
}

/** What all kinds of party share: the events of rows, each of which is finished once. */
const rowsOf = ({ clock, emit, index }: Client, first: number, handle: BatchHandle | undefined) => {
  const done = new Set<number>()
  const at = (): { readonly at: number; readonly client: number } => ({ at: Monotonic.now(clock), client: index })
  const finished = (
    row: number,
    order: number,
    outcome: Trace.Outcome,
    attempts: number,
    entry?: { readonly completedAt: number; readonly exit: Exit.Exit<unknown, unknown> }
  ) => {
    const now = at()
    done.add(row)
    const completedAt = entry?.completedAt ?? now.at
    const answer = entry !== undefined && Exit.isSuccess(entry.exit) ? entry.exit.value : undefined
    const told = typeof answer === "number" ? { answer } : {}
    emit({ _tag: "finished", ...now, row, order, outcome, attempts, completedAt, ...told })
  }
  return {
    at,
    finished,
    isDone: (row: number): boolean => done.has(row),
    withdraw: (index: number, how: "cancel" | "evict"): Effect.Effect<void> =>
      handle === undefined
        ? Effect.void
        : Effect.suspend(() => {
            const row = first + index
            emit({ _tag: "withdrawn", ...at(), row, how })
            return Effect.map(handle[how](String(index)), (count) => {
              if (how === "evict" && count > 0 && !done.has(row)) finished(row, 0, "evicted", 0)
            })
          })
  }
}

type Rows = ReturnType<typeof rowsOf>

/** What is done with the rows of a batch or a stream; a journal keeps which answer each got. */
const processOf =
  ({ answerOf, attempt, living }: Client, first: number) =>
  (row: Workload.Row, { attempt: number, rowIndex }: RowContext) => {
    const answered = attempt(first + rowIndex, row, number)
    return living === undefined ? answered : Effect.map(answered, (): unknown => answerOf(first + rowIndex))
  }

/** Whose turns the rows are, where they say so. */
const turnOf = ({ rows }: Workload.Party) =>
  rows.some(({ turn }) => turn !== undefined) ? { turn: (row: Workload.Row) => row.turn } : {}

/** What an event says of that, of what rows take, and of their journal. */
const saidOf = (
  { cost, living }: Client,
  kind: Workload.Party["kind"],
  rows: ReadonlyArray<Workload.Row>
): Pick<Trace.Event & { readonly _tag: "submitted" }, "turns" | "costs" | "isKept"> => ({
  ...(rows.some(({ turn }) => turn !== undefined) && { turns: rows.map(({ turn }) => turn) }),
  ...(cost && { costs: rows.map(cost) }),
  ...(living !== undefined && kind !== "calls" && { isKept: true })
})

/** The journal of a party, where its client has one. One without rows shares its number with the next party. */
const journalOf = ({ living }: Client, { rows }: Workload.Party, first: number, onOpen = () => {}) => {
  if (living === undefined || rows.length === 0) return {}
  const open = living.journal(first)
  const journal: typeof open = (mind) => Effect.tap(open(mind), onOpen)
  return { journal }
}

const batch = (
  client: Client,
  party: Workload.Party,
  first: number,
  rows: Rows,
  handle: BatchHandle | undefined
): Effect.Effect<void> => {
  const { cost, emit, pool } = client
  let isSubmitted = false
  const submitted = (): void => {
    if (isSubmitted) return
    isSubmitted = true
    emit({
      _tag: "submitted",
      ...rows.at(),
      row: first,
      count: party.rows.length,
      line: first + 1,
      ...saidOf(client, party.kind, party.rows)
    })
  }
  const journal = journalOf(client, party, first, submitted)
  // A journal may have to wait for the lease of the process before: until then the pool knows of no row.
  if (journal.journal === undefined) submitted()
  const entries = pool.executeBatch(party.rows, processOf(client, first), {
    ...(party.timeout !== undefined && { timeout: party.timeout }),
    ...(handle && { handle }),
    ...(cost && { cost }),
    ...turnOf(party),
    ...journal
  })
  return Effect.onExit(entries, (exit) =>
    Effect.sync(() => {
      submitted()
      if (Exit.isSuccess(exit)) {
        exit.value.entries.forEach((entry: BufferEntry<unknown, unknown>, order) =>
          rows.finished(first + entry.submitIndex, order, outcomeOf(entry.exit), entry.attempts, entry)
        )
        return
      }
      client.living?.failed(exit.cause)
      // A caller who interrupts a batch gets no entries, nor does one who comes after the shutdown.
      const left = party.rows.map((_, index) => first + index).filter((row) => !rows.isDone(row))
      left.forEach((row, order) => rows.finished(row, order, outcomeOf(exit), 0))
    })
  ).pipe(Effect.ignore)
}

const calls = (client: Client, party: Workload.Party, first: number, rows: Rows): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { attempt, clock, cost, emit, pool } = client
    const begin = Monotonic.now(clock)
    const running: Array<Fiber.Fiber<void>> = []
    for (const [order, size] of party.rows.entries()) {
      const { after = 0 } = size
      const wait = begin + after - Monotonic.now(clock)
      if (wait > 0) yield* Effect.sleep(wait)
      const row = first + order
      let attempts = 0
      emit({ _tag: "submitted", ...rows.at(), row, count: 1, line: 0, ...saidOf(client, party.kind, [size]) })
      const call = pool.execute(
        Effect.suspend(() => attempt(row, size, ++attempts)),
        { ...size.turn, ...(cost && { cost: cost(size) }) }
      )
      running.push(
        yield* Effect.fork(
          Effect.onExit(call, (exit) => Effect.sync(() => rows.finished(row, 0, outcomeOf(exit), attempts))).pipe(
            Effect.exit,
            Effect.asVoid
          )
        )
      )
    }
    yield* Effect.forEach(running, Fiber.await, { discard: true })
  })

/** The rows of a stream: a plain iterable, or, where they come at times of their own, a stream of Effect. */
const source = (
  { rows }: Workload.Party,
  clock: Clock.Clock,
  onRead: (index: number, row: Workload.Row) => void
): Iterable<Workload.Row> | Stream.Stream<Workload.Row> => {
  const read = (row: Workload.Row, index: number): Workload.Row => {
    onRead(index, row)
    return row
  }
  if (rows.every(({ after = 0 }) => after === 0)) {
    return {
      *[Symbol.iterator]() {
        for (const [index, row] of rows.entries()) yield read(row, index)
      }
    }
  }
  return Stream.suspend(() => {
    const begin = Monotonic.now(clock)
    // One by one: of a chunk all would be read at once.
    return Stream.rechunk(Stream.fromIterable(rows.entries()), 1).pipe(
      Stream.mapEffect(([index, row]) =>
        Effect.suspend(() => {
          const wait = begin + (row.after ?? 0) - Monotonic.now(clock)
          const now = Effect.sync(() => read(row, index))
          return wait > 0 ? Effect.delay(now, wait) : now
        })
      )
    )
  })
}

const stream = (
  client: Client,
  party: Workload.Party,
  first: number,
  rows: Rows,
  handle: BatchHandle | undefined
): Effect.Effect<void> => {
  const { clock, cost, emit, pool } = client
  const { leavesAfter, maxPending = 1000, ordered = true, reader = 0 } = party.reading ?? {}
  const line = first + 1
  // One without rows shares its number with the next party.
  if (party.rows.length > 0) emit({ _tag: "opened", ...rows.at(), line, ordered, maxPending, reader })
  const handedBack = new Set<number>()
  let lastRead: { readonly row: number; readonly at: number } | undefined
  const onRead = (index: number, size: Workload.Row): void => {
    const row = first + index
    lastRead = { row, at: Monotonic.now(clock) }
    emit({ _tag: "submitted", ...rows.at(), row, count: 1, line, ...saidOf(client, party.kind, [size]) })
  }
  const entries = pool.stream(source(party, clock, onRead), processOf(client, first), {
    ordered,
    maxPending,
    ...(party.timeout !== undefined && { timeout: party.timeout }),
    ...(handle && { handle }),
    ...(cost && { cost }),
    ...turnOf(party),
    ...journalOf(client, party, first),
    onEntry: (entry) =>
      Effect.sync(() => rows.finished(first + entry.submitIndex, 0, outcomeOf(entry.exit), entry.attempts, entry)),
    onUnfinished: (left) => Effect.sync(() => left.forEach(({ rowIndex }) => handedBack.add(first + rowIndex)))
  })
  return (leavesAfter === undefined ? entries : Stream.take(entries, leavesAfter)).pipe(
    Stream.runForEach(({ submitIndex }) =>
      Effect.suspend(() => {
        emit({ _tag: "released", ...rows.at(), row: first + submitIndex })
        return reader > 0 ? Effect.sleep(reader) : Effect.void
      })
    ),
    Effect.onExit((exit) =>
      Effect.sync(() => {
        if (Exit.isFailure(exit)) client.living?.failed(exit.cause)
        // The row that a stream gives in the very instant in which it is interrupted, it keeps for itself.
        if (lastRead?.at === Monotonic.now(clock)) handedBack.add(lastRead.row)
        for (const row of handedBack) if (!rows.isDone(row)) rows.finished(row, 0, "interrupted", 0)
      })
    ),
    Effect.ignore
  )
}

/**
 * Makes a party ready to run; its first row has the number `first`. Only with a handle can rows be taken back.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  client: Client,
  party: Workload.Party,
  first: number,
  handle: BatchHandle | undefined
): Running => {
  const rows = rowsOf(client, first, party.kind === "calls" ? undefined : handle)
  return {
    withdraw: rows.withdraw,
    run: Effect.suspend(() => {
      switch (party.kind) {
        case "batch":
          return batch(client, party, first, rows, handle)
        case "calls":
          return calls(client, party, first, rows)
        case "stream":
          return stream(client, party, first, rows, handle)
      }
    })
  }
}
