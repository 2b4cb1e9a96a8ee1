/** Random worlds for a pool: a workload and its faults, run in virtual time, and the log of what happened. */
import {
  AimdThrottle,
  Capacity,
  DelayLaw,
  PoolConfig,
  PooledExecutor,
  WindowLaw,
  type ControlLaw,
  type PoolStats,
  type ReorderBuffer
} from "effect-aimd"
import { Clock, Duration, Effect, Exit, FastCheck, Fiber, Logger, LogLevel, Option, Scope, Stream, Utils } from "effect"
import { Trace, VirtualTime } from "effect-aimd/testing"
import { outcome, Refused } from "./api.js"
import { pace } from "./laws.js"

export interface Answer {
  readonly kind: "ok" | "busy" | "refused" | "broken" | "interrupt" | "hang" | "shutdown"
  readonly after: number
  readonly retryAfter: number | undefined
  /** Whether the attempt refuses to be interrupted. */
  readonly stubborn: boolean
}

/** How a stream's rows come, and how its entries are taken. */
export interface Reading {
  readonly ordered: boolean
  readonly maxPending: number
  /** How long the reader takes for an entry, and the source for a row. */
  readonly reader: number
  readonly source: number
  /** What the source does after its last row. */
  readonly end: "end" | "fail" | "hang" | "throw"
  readonly kind: "stream" | "generator"
}

/** What somebody does to the pool, or to a row of a party, while it runs. */
export type Act =
  | { readonly kind: "pause"; readonly at: number; readonly lasts: number }
  | { readonly kind: "resize"; readonly at: number; readonly size: number }
  | { readonly kind: "cancel" | "evict"; readonly at: number; readonly party: number; readonly row: number }

export interface Party {
  readonly kind: "batch" | "forEach" | "calls" | "stream"
  readonly at: number
  /** What each row is answered, attempt by attempt; the last answer stays. */
  readonly rows: ReadonlyArray<ReadonlyArray<Answer>>
  readonly timeout: number | undefined
  readonly interruptedAt: number | undefined
  readonly reading: Reading
}

export interface World {
  readonly seed: number
  /** How likely a fiber yields before any one of its steps. */
  readonly preemption: number
  readonly interleaving: "fifo" | "random"
  readonly poolSize: number
  readonly minDispatchDelay: number
  readonly budget: number
  readonly maxRetryAfter: number
  readonly attemptTimeout: number | undefined
  readonly law: "window" | "delay" | "pace" | "wild"
  readonly parties: ReadonlyArray<Party>
  readonly acts: ReadonlyArray<Act>
  readonly end: { readonly kind: "shutdown" | "close"; readonly at: number }
}

export type Event =
  | {
      readonly type: "start" | "end"
      readonly at: number
      readonly party: number
      readonly row: number
      readonly what: string
    }
  | {
      readonly type: "decide"
      readonly at: number
      readonly decision: ControlLaw.Decision
      readonly admittedAt: number
      /** The Retry-After that the law was told of. */
      readonly heard: number | undefined
      /** Whether it was a rejection that is the row's own trouble, which holds nobody else. */
      readonly own: boolean
    }
  | {
      readonly type: "hint"
      readonly at: number
      readonly until: number
      readonly party: number
      readonly startedAt: number
      readonly stubborn: boolean
    }
  /** A party has its outcome; what the pool says at that moment. */
  | {
      readonly type: "rest"
      readonly at: number
      readonly party: number
      readonly inFlight: number
      readonly pending: number
    }
  /** `closes`: the pool's scope closes, and what is in flight is interrupted. */
  | { readonly type: "shutdown"; readonly at: number; readonly closes: boolean }
  | { readonly type: "shut" | "pause" | "resume"; readonly at: number }
  | { readonly type: "resize"; readonly at: number; readonly size: number }

/** What came of a stream. */
export interface Streamed {
  /** Rows that the source gave. */
  read: number
  /** The most rows that were read and not taken as entries. */
  mostAhead: number
  /** Rows that left without an entry, because they were evicted. */
  evicted: number
  readonly taken: Array<Entry>
  /** What onEntry was told, in turn. */
  readonly heard: Array<Entry>
  readonly unfinished: Array<number>
}

export type Entry = ReorderBuffer.BufferEntry<unknown, unknown>

export interface Run {
  readonly log: ReadonlyArray<Event>
  /** What each party ended with, a batch with its entries. */
  readonly exits: ReadonlyArray<Exit.Exit<ReadonlyArray<Exit.Exit<unknown, unknown>>, unknown>>
  readonly batches: ReadonlyArray<
    { readonly entries: ReadonlyArray<Entry>; readonly stats: PoolStats.BatchStats } | undefined
  >
  readonly streams: ReadonlyArray<Streamed | undefined>
  readonly after: PoolStats.PoolStats
  readonly endedAt: number
}

/** The last resort: by then the scope closes, so that what hangs ends too. */
const lastAt = 1_000_000

const wild = (seed: number): ControlLaw.ControlLaw<number> => {
  const decide = (state: number, poolSize: number, now: number): ControlLaw.Step<number> => {
    const chance = new Utils.PCGRandom(seed + state)
    const pick = (values: ReadonlyArray<number>) => values[chance.integer(values.length)] ?? 0
    const window = chance.integer(poolSize + 2)
    const holdUntil = pick([0, 0, now + 40])
    return {
      state: state + 1,
      decision: {
        window,
        spacing: pick([0, 0, 20, 55]),
        holdUntil,
        delay: pick([5, 10, 50]),
        epoch: state,
        reason: "wild"
      }
    }
  }
  return {
    name: "wild",
    initial: (poolSize, now) => decide(0, poolSize, now),
    step: (state, _, now) => decide(state, 4, now)
  }
}

const lawOf = (world: World): ControlLaw.ControlLaw => {
  switch (world.law) {
    case "window":
      return WindowLaw.make()
    case "delay":
      return DelayLaw.make(
        AimdThrottle.parameters({ ...PoolConfig.defaults, minDispatchDelay: Duration.millis(world.minDispatchDelay) })
      )
    case "pace":
      return pace({ initial: 0, min: 0, max: 200, step: 20 })
    case "wild":
      return wild(world.seed)
  }
}

export const run = (world: World): Run => {
  const log: Array<Event> = []
  const { interleaving, preemption, seed } = world
  // What the pool logs belongs to no test here.
  const quiet = Logger.withMinimumLogLevel(program(world, log), LogLevel.None)
  const { exit } = VirtualTime.run(quiet, { seed, preemption, interleaving, maxEvents: 1_000_000 })
  return Exit.getOrElse(exit, (cause) => {
    throw new Error(`the world ended: ${String(cause)}`)
  })
}

const program = (world: World, log: Array<Event>): Effect.Effect<Run> =>
  Effect.gen(function* () {
    const { attemptTimeout, budget, maxRetryAfter, minDispatchDelay, parties, poolSize } = world
    const control = Trace.listen(lawOf(world), (at, decision, sample) => {
      const heard = sample?._tag === "capacity" ? sample.retryAfter : undefined
      const own = sample?._tag === "neutral" && sample.ownRejection
      log.push({ type: "decide", at, decision, admittedAt: at - (sample?.latency ?? 0), heard, own })
    })
    const options: PoolConfig.Options = { poolSize, minDispatchDelay, maxRetryAfter, maxCapacityRetry: budget, control }
    const clock = yield* Effect.clock
    const scope = yield* Scope.make()
    const pool = yield* Scope.extend(
      PooledExecutor.make(attemptTimeout === undefined ? options : { ...options, attemptTimeout }),
      scope
    )
    const note = (
      event:
        | { readonly type: "shutdown"; readonly closes: boolean }
        | { readonly type: "shut" | "pause" | "resume" }
        | { readonly type: "resize"; readonly size: number }
    ) => Effect.sync(() => void log.push({ ...event, at: clock.unsafeCurrentTimeMillis() }))
    const shutdown = Effect.zipRight(note({ type: "shutdown", closes: false }), pool.shutdown)

    const attemptOf = (party: number, row: number, answers: ReadonlyArray<Answer>) => {
      let attempts = 0
      const answerNow = () => answers[Math.min(attempts, answers.length) - 1]
      const act = Effect.suspend(() => {
        const answer = answerNow()
        if (answer === undefined) return Effect.dieMessage("no answer")
        const acted = Effect.delay(answering(answer, shutdown), answer.after)
        return answer.stubborn && answer.kind !== "hang" ? Effect.uninterruptible(acted) : acted
      })
      // A start and its end are logged in one step each, so that no interruption comes between an attempt and its log.
      return Effect.uninterruptibleMask((restore) => {
        attempts += 1
        const startedAt = clock.unsafeCurrentTimeMillis()
        const stubborn = answerNow()?.stubborn ?? false
        log.push({ type: "start", at: startedAt, party, row, what: `attempt ${attempts}` })
        return Effect.onExit(restore(act), (exit) =>
          Effect.sync(() => {
            const at = clock.unsafeCurrentTimeMillis()
            const error = Exit.isFailure(exit) && exit.cause._tag === "Fail" ? exit.cause.error : undefined
            log.push({ type: "end", at, party, row, what: outcome(exit) })
            if (Capacity.isCapacityError(error) && error.retryAfter !== undefined) {
              log.push({
                type: "hint",
                at,
                party,
                startedAt,
                stubborn,
                until: at + Math.min(Duration.toMillis(error.retryAfter), maxRetryAfter)
              })
            }
          })
        )
      })
    }

    const batches: Array<Run["batches"][number]> = parties.map(() => undefined)
    const streams: Array<Streamed | undefined> = parties.map(({ kind }) =>
      kind === "stream" ? { read: 0, mostAhead: 0, evicted: 0, taken: [], heard: [], unfinished: [] } : undefined
    )
    const handles = yield* Effect.forEach(parties, () => PooledExecutor.handle)
    const runStream = (seen: Streamed, party: Party, index: number): Effect.Effect<void, unknown> => {
      const { reading, rows, timeout } = party
      const attempts = rows.map((answers, row) => attemptOf(index, row, answers))
      const look = () => void (seen.mostAhead = Math.max(seen.mostAhead, seen.read - seen.evicted - seen.taken.length))
      const handle = handles[index]
      const entries = pool.stream(
        sourceOf(rows.length, reading, () => {
          seen.read += 1
          look()
        }),
        (row) => attempts[row] ?? Effect.dieMessage("no such row"),
        {
          ordered: reading.ordered,
          maxPending: reading.maxPending,
          ...(handle && { handle }),
          ...(timeout !== undefined && { timeout }),
          onEntry: (entry) => Effect.sync(() => void seen.heard.push(entry)),
          onUnfinished: (left) => Effect.sync(() => void seen.unfinished.push(...left.map(({ rowIndex }) => rowIndex)))
        }
      )
      return Stream.runForEach(entries, (entry) =>
        Effect.map(Effect.sleep(reading.reader), () => {
          look()
          seen.taken.push(entry)
        })
      )
    }
    const runParty = (
      party: Party,
      index: number
    ): Effect.Effect<ReadonlyArray<Exit.Exit<unknown, unknown>>, unknown> => {
      const attempts = party.rows.map((answers, row) => attemptOf(index, row, answers))
      const process = (row: number) => attempts[row] ?? Effect.dieMessage("no such row")
      const rows = attempts.map((_, row) => row)
      const timeout = party.timeout === undefined ? {} : { timeout: party.timeout }
      const handle = handles[index]
      switch (party.kind) {
        case "stream": {
          const seen = streams[index]
          return seen === undefined
            ? Effect.dieMessage("no stream")
            : Effect.map(Effect.exit(runStream(seen, party, index)), (exit) =>
                // An end that its rows or the pool brought about is one; an interruption is the party's own.
                [...seen.taken.map((entry) => entry.exit), ...(Exit.isFailure(exit) ? [exit] : [])]
              )
        }
        case "batch":
          return Effect.map(pool.executeBatch(rows, process, { ...timeout, ...(handle && { handle }) }), (result) => {
            batches[index] = result
            return result.entries.map(({ exit }) => exit)
          })
        case "forEach":
          return Effect.map(pool.forEach(rows, process, timeout), (values) =>
            values.map((value) => Exit.succeed(value))
          )
        case "calls":
          // Not a `forEach` without bound: interrupted in the instant in which it starts, it may never end.
          return Effect.uninterruptibleMask((restore) =>
            Effect.flatMap(
              Effect.forEach(rows, (row) => Effect.fork(Effect.interruptible(pool.execute(process(row))))),
              (calls) =>
                Effect.onInterrupt(restore(Effect.forEach(calls, Fiber.await)), () => Fiber.interruptAll(calls))
            )
          )
      }
    }

    const rest = (party: number) =>
      Effect.map(pool.stats, ({ inFlight, pending }) => {
        log.push({ type: "rest", at: clock.unsafeCurrentTimeMillis(), party, inFlight, pending })
      })
    const act = (act: Act): Effect.Effect<void> => {
      switch (act.kind) {
        case "pause":
          return Effect.zipRight(
            note({ type: "pause" }),
            Effect.zipRight(pool.pause, Effect.delay(Effect.zipLeft(pool.resume, note({ type: "resume" })), act.lasts))
          )
        case "resize":
          return Effect.zipRight(note({ type: "resize", size: act.size }), pool.resize(act.size))
        case "cancel":
          return Effect.asVoid(handles[act.party]?.cancel(String(act.row)) ?? Effect.void)
        case "evict":
          return Effect.map(handles[act.party]?.evict(String(act.row)) ?? Effect.succeed(0), (count) => {
            const seen = streams[act.party]
            if (seen !== undefined) seen.evicted += count
          })
      }
    }
    for (const one of world.acts) yield* Effect.forkDaemon(Effect.delay(act(one), one.at))
    const fibers = yield* Effect.forEach(parties, (party, index) =>
      Effect.forkDaemon(Effect.ensuring(Effect.delay(runParty(party, index), party.at), rest(index)))
    )
    for (const [index, { interruptedAt }] of parties.entries()) {
      const fiber = fibers[index]
      if (interruptedAt !== undefined && fiber !== undefined) {
        yield* Effect.forkDaemon(Effect.delay(Fiber.interrupt(fiber), interruptedAt))
      }
    }
    const close = Effect.zipRight(note({ type: "shutdown", closes: true }), Scope.close(scope, Exit.void))
    const end = world.end.kind === "close" ? close : Effect.zipRight(shutdown, note({ type: "shut" }))
    yield* Effect.forkDaemon(Effect.delay(end, world.end.at))
    const last = yield* Effect.forkDaemon(Effect.delay(close, lastAt))
    const exits = yield* Effect.forEach(fibers, Fiber.await)
    const endedAt = yield* Clock.currentTimeMillis
    const after = yield* pool.stats
    yield* Fiber.interrupt(last)
    yield* close
    return { log, exits, batches, streams, after, endedAt }
  })

/** Whether the rows come from a generator: it can neither fail nor hang, and a stream takes its place there. */
export const isGenerator = ({ end, kind }: Reading): boolean =>
  kind === "generator" && (end === "end" || end === "throw")

/** So many rows, one by one; `onRead` is told of each. */
const sourceOf = (
  rows: number,
  reading: Reading,
  onRead: () => void
): Stream.Stream<number, Refused> | Iterable<number> => {
  const { end, source } = reading
  const generate = function* () {
    for (let row = 0; row < rows; row++) {
      onRead()
      yield row
    }
    if (end === "throw") throw new Error("no more rows")
  }
  if (isGenerator(reading)) return { [Symbol.iterator]: generate }
  const one = (row: number) =>
    Effect.delay(
      Effect.sync(() => (onRead(), row)),
      source
    )
  const last: Record<Reading["end"], Stream.Stream<never, Refused>> = {
    end: Stream.empty,
    fail: Stream.fail(new Refused({ code: 0 })),
    throw: Stream.die(new Error("no more rows")),
    hang: Stream.never
  }
  return Stream.concat(
    Stream.unfoldEffect(0, (row) =>
      row < rows ? Effect.map(one(row), (read) => Option.some([read, row + 1] as const)) : Effect.succeed(Option.none())
    ),
    last[end]
  )
}

const answering = (
  { kind, retryAfter }: Answer,
  shutdown: Effect.Effect<void>
): Effect.Effect<string, Capacity.CapacityError | Refused> => {
  switch (kind) {
    case "ok":
      return Effect.succeed("ok")
    case "busy":
      return Effect.suspend(() =>
        Effect.fail(
          new Capacity.CapacityError(
            retryAfter === undefined ? { status: 429 } : { status: 503, retryAfter: Duration.millis(retryAfter) }
          )
        )
      )
    case "refused":
      return Effect.suspend(() => Effect.fail(new Refused({ code: 400 })))
    case "broken":
      return Effect.die(new Error("broken"))
    case "interrupt":
      return Effect.interrupt
    case "hang":
      return Effect.never
    case "shutdown":
      return Effect.as(shutdown, "ok")
  }
}

const millis = (max: number) => FastCheck.integer({ min: 0, max })
const never = FastCheck.constant(undefined)
/** Most worlds live: what ends things before their time comes once in so many. */
const onceIn = <A>(times: number, arbitrary: FastCheck.Arbitrary<A>): FastCheck.Arbitrary<A | undefined> =>
  FastCheck.oneof({ weight: times - 1, arbitrary: never }, { weight: 1, arbitrary })

const answer = (kinds: ReadonlyArray<Answer["kind"]>): FastCheck.Arbitrary<Answer> =>
  FastCheck.record({
    kind: FastCheck.constantFrom(...kinds),
    after: FastCheck.oneof(FastCheck.constantFrom(0, 10, 50), millis(80)),
    retryAfter: onceIn(2, FastCheck.constantFrom(0, 50, 100, 400)),
    stubborn: FastCheck.boolean()
  })

const act = (calm: boolean): FastCheck.Arbitrary<Act> =>
  FastCheck.oneof(
    FastCheck.record({ kind: FastCheck.constant("pause" as const), at: millis(300), lasts: millis(700) }),
    FastCheck.record({
      kind: FastCheck.constant("resize" as const),
      at: millis(300),
      size: FastCheck.integer({ min: 1, max: 6 })
    }),
    ...(calm
      ? []
      : [
          FastCheck.record({
            kind: FastCheck.constantFrom("cancel" as const, "evict" as const),
            at: millis(300),
            party: FastCheck.integer({ min: 0, max: 2 }),
            row: FastCheck.integer({ min: 0, max: 5 })
          })
        ])
  )

/** Worlds that may do anything; in calm ones nobody hangs, gives up or shuts down, so that every row has its last answer. */
export const worlds = (calm: boolean): FastCheck.Arbitrary<World> => {
  const served = answer(["ok", "ok", "ok", "refused", "broken"])
  const last = calm
    ? served
    : FastCheck.oneof(
        { weight: 100, arbitrary: served },
        { weight: 6, arbitrary: answer(["busy", "interrupt"]) },
        { weight: 2, arbitrary: answer(["hang"]) },
        { weight: 1, arbitrary: answer(["shutdown"]) }
      )
  const row = FastCheck.tuple(FastCheck.array(answer(["busy"]), { maxLength: 3 }), last).map(([first, final]) => [
    ...first,
    final
  ])
  return FastCheck.record({
    seed: FastCheck.nat(),
    preemption: FastCheck.constantFrom(0, 0.02, 0.05),
    interleaving: FastCheck.constantFrom("fifo", "random"),
    poolSize: FastCheck.integer({ min: 1, max: 4 }),
    minDispatchDelay: FastCheck.constantFrom(0, 0, 10, 35),
    budget: calm ? FastCheck.constant(lastAt) : FastCheck.constantFrom(100, 2000, 5000),
    maxRetryAfter: FastCheck.constantFrom(100, 10_000),
    attemptTimeout: calm ? never : onceIn(8, FastCheck.constantFrom(40, 70)),
    law: FastCheck.constantFrom("window", "delay", "pace", "wild"),
    parties: FastCheck.array(
      FastCheck.record({
        kind: FastCheck.constantFrom("batch", "stream", "stream", "calls", ...(calm ? [] : (["forEach"] as const))),
        at: millis(100),
        rows: FastCheck.array(row, { maxLength: 6 }),
        timeout: calm ? never : onceIn(8, FastCheck.constantFrom(0, 50, 120, 400)),
        interruptedAt: calm ? never : onceIn(8, millis(600)),
        reading: FastCheck.record({
          ordered: FastCheck.boolean(),
          maxPending: FastCheck.constantFrom(1, 2, 3, 1000),
          reader: FastCheck.constantFrom(0, 0, 5, 120),
          source: FastCheck.constantFrom(0, 0, 7, 60),
          end: calm
            ? FastCheck.constant("end" as const)
            : FastCheck.constantFrom("end", "end", "end", "fail", "hang", "throw"),
          // A promise is no matter of virtual time.
          kind: FastCheck.constantFrom("stream", "generator")
        })
      }),
      { minLength: 1, maxLength: 3 }
    ),
    acts: FastCheck.array(act(calm), { maxLength: 3 }),
    end: FastCheck.record({
      kind: FastCheck.constantFrom("shutdown", "close"),
      at: calm ? FastCheck.constant(lastAt) : onceIn(8, millis(600)).map((at) => at ?? lastAt)
    })
  })
}
