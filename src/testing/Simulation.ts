/**
 * Runs a world of clients with pools, their rows, and one API in virtual time, while checkers look at every step.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as PoolConfig from "../PoolConfig.js"
import * as PooledExecutor from "../PooledExecutor.js"
import * as Monotonic from "../structure/Monotonic.js"
import * as Acts from "./Acts.js"
import * as Attempts from "./Attempts.js"
import * as Checker from "./Checker.js"
import * as JournalChecker from "./JournalChecker.js"
import * as LawChecker from "./LawChecker.js"
import * as LimitChecker from "./LimitChecker.js"
import * as Liveness from "./Liveness.js"
import * as Lives from "./Lives.js"
import * as Members from "./Members.js"
import * as Parties from "./Parties.js"
import * as Ideal from "./report/Ideal.js"
import * as Recorder from "./report/Recorder.js"
import * as Report from "./report/Report.js"
import * as SimulatedApi from "./api/SimulatedApi.js"
import * as StreamChecker from "./StreamChecker.js"
import type * as Trace from "./Trace.js"
import * as TurnChecker from "./TurnChecker.js"
import * as VirtualTime from "./time/VirtualTime.js"
import type * as Workload from "./Workload.js"

/**
 * A client of the API: a pool and its rows. Times are in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Client {
  readonly name?: string
  /** When it joins, after the start of the simulation. Default 0. */
  readonly joinsAt?: number
  readonly pool: PoolConfig.Options
  /** Gives the client a group of pools: the options of each, in addition to those of `pool`. Default one pool. */
  readonly members?: Readonly<Record<string, Members.Member>>
  readonly workload: ReadonlyArray<Workload.Party>
  /** Whether its rows say how many tokens they take. Default false. */
  readonly costs?: boolean
  /** What somebody does to the pool and its rows meanwhile. Default nothing. */
  readonly acts?: ReadonlyArray<Workload.Act>
  /** When the pool is shut down, after the client has joined. Default never. */
  readonly shutdownAt?: number
  /** When the pool's scope is closed. Default when all is done. */
  readonly closedAt?: number
  /**
   * Gives its batches and streams journals, and lets its processes die. All instants count anew for each process.
   * Default none.
   */
  readonly journal?: Lives.Journaled
}

/**
 * A world.
 *
 * @since 0.2.0
 * @category models
 */
export interface World {
  readonly api: SimulatedApi.Options
  /** Other APIs, by name, for members of groups. Default none. */
  readonly apis?: Readonly<Record<string, SimulatedApi.Options>>
  readonly clients: ReadonlyArray<Client>
}

/**
 * Options of a simulation.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends VirtualTime.Options {
  /** Checkers that look at every step. Default {@link invariants}. */
  readonly checkers?: ReadonlyArray<Checker.Checker>
  /** Observers that also get the events. */
  readonly observers?: ReadonlyArray<Trace.Observer>
  /** Instants at which capacity comes back, in epoch milliseconds: the report says how fast the pools did. */
  readonly recoveries?: ReadonlyArray<number>
}

/** The numbers of a client: its own, of its first row, and of the first of its members. */
interface Numbers {
  readonly index: number
  readonly base: number
  readonly members: number
}

/** A party, with the first of its rows among those of its client, and how many there are. */
type Placed = Parties.Running & { readonly first: number; readonly rows: number }

const withdrawing =
  (parties: ReadonlyArray<Placed>): Acts.Target["withdraw"] =>
  (row, how) => {
    const party = parties.find(({ first, rows }) => row >= first && row < first + rows)
    return party === undefined ? Effect.void : party.withdraw(row - party.first, how)
  }

/** A client's way through the simulation. */
const runClient = (
  client: Client,
  { base, index, members }: Numbers,
  apis: Attempts.Apis,
  answers: Attempts.Answers,
  emit: Trace.Observer,
  living?: Lives.Living
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const at = () => ({ at: Monotonic.now(clock), client: index })
    const name = client.name ?? `client ${index}`
    const scope = yield* Scope.make()
    living?.owns(scope)
    const made =
      client.members === undefined
        ? Members.alone({ clock, emit }, client.pool, index)
        : Members.group({ clock, emit }, client.pool, index, client.members, members)
    const pool = yield* Scope.extend(made, scope)

    const cost = client.costs === true ? Attempts.costOf : undefined
    const attempt = Attempts.make({ index, name, asking: pool.asking, clock, emit, cost }, apis, answers)
    const about: Parties.Client = { index, pool, clock, emit, attempt, cost, answerOf: answers.last, living }
    const acts = client.acts ?? []
    const takesBack = acts.some(({ kind }) => kind === "cancel" || kind === "evict")
    const fibers: Array<Fiber.RuntimeFiber<void>> = []
    const parties: Array<Placed> = []
    let first = 0
    for (const party of client.workload) {
      const handle = takesBack ? yield* PooledExecutor.handle : undefined
      const ready = Parties.make(about, party, base + first, handle)
      parties.push({ ...ready, first, rows: party.rows.length })
      const fiber = yield* Effect.fork(Effect.delay(ready.run, party.at ?? 0))
      first += party.rows.length
      fibers.push(fiber)
      if (party.interruptedAt !== undefined) {
        yield* Effect.fork(Effect.delay(Fiber.interrupt(fiber), party.interruptedAt))
      }
    }
    const target = { pool, at, emit, withdraw: withdrawing(parties) }
    for (const act of acts) {
      const run = Effect.suspend(() => Acts.run(target, act))
      yield* Effect.fork(Effect.delay(run, act.at))
    }

    const end = (how: Effect.Effect<void>): Effect.Effect<void> =>
      Effect.suspend(() => {
        emit({ _tag: "shutdown", ...at() })
        return Effect.map(how, () => emit({ _tag: "shut", ...at() }))
      })
    const close = end(Scope.close(scope, Exit.void))
    if (client.shutdownAt !== undefined) yield* Effect.fork(Effect.delay(end(pool.shutdown), client.shutdownAt))
    if (client.closedAt !== undefined) yield* Effect.fork(Effect.delay(close, client.closedAt))

    const exits = yield* Effect.forEach(fibers, Fiber.await)
    // Nothing of the above is a defect; one of the pool's own must not go unseen.
    for (const exit of exits) if (Exit.isFailure(exit) && Cause.isDie(exit.cause)) yield* exit
    yield* close
    const { inFlight, limits, money, pending } = yield* pool.stats
    yield* pool.left
    emit({ _tag: "left", ...at(), inFlight, pending, ...(limits && { limits }), ...(money && { money }) })
  })

const rowsOf = (client: Client): number => client.workload.reduce((sum, { rows }) => sum + rows.length, 0)

const largestSize = ({ acts = [], members, pool }: Client): number =>
  acts.reduce(
    (most, act) => (act.kind === "resize" ? Math.max(most, act.poolSize) : most),
    Object.values(members ?? { alone: { pool } })
      .map((member) => member.pool.poolSize ?? pool.poolSize ?? PoolConfig.defaults.poolSize)
      .reduce((sum, size) => sum + size, 0)
  )

/** The APIs of a world; what each draws is its own. */
const makeApis = ({ api, apis = {} }: World, seed: number): Effect.Effect<Attempts.Apis> =>
  Effect.gen(function* () {
    const first = yield* SimulatedApi.make({ ...api, seed })
    const others = new Map<string, SimulatedApi.SimulatedApi>()
    for (const [index, [name, options]] of Object.entries(apis).entries()) {
      others.set(name, yield* SimulatedApi.make({ ...options, seed: seed + index + 1 }))
    }
    return (name) => (name === undefined ? undefined : others.get(name)) ?? first
  })

/** The names of all clients, and after them those of their members. */
const namesOf = (clients: ReadonlyArray<Client>): ReadonlyArray<string> => {
  const names = clients.map(({ name }, index) => name ?? `client ${index}`)
  const members = clients.flatMap(({ members = {} }, index) =>
    Object.keys(members).map((member) => `${names[index] ?? ""}, ${member}`)
  )
  return [...names, ...members]
}

/** When the rows would have been done at best, by the first API alone. */
const idealFinish = ({ api, clients }: World, seed: number, startAt: number): number => {
  const demands = clients.flatMap(({ joinsAt = 0, workload }) =>
    workload.flatMap(({ at = 0, rows }) =>
      rows.map(({ after = 0, tokens }) => ({ at: startAt + joinsAt + at + after, tokens }))
    )
  )
  const timed = demands.map(({ at, tokens }, row) => ({
    at,
    tokens,
    service: SimulatedApi.serviceTime(seed, api.latency, row, tokens)
  }))
  const inFlight = clients.reduce((sum, client) => sum + largestSize(client), 0)
  return Ideal.finishedAt(
    api.model,
    timed.sort((a, b) => a.at - b.at),
    inFlight
  )
}

/**
 * All checkers of this library: those of `Checker`, `LawChecker`, `Liveness`, `StreamChecker`, `JournalChecker`,
 * `LimitChecker` and `TurnChecker`. Filter them to leave some out.
 *
 * @since 0.2.0
 * @category checkers
 */
export const invariants: ReadonlyArray<Checker.Checker> = [
  ...Checker.all,
  ...LawChecker.all,
  ...Liveness.all,
  ...StreamChecker.all,
  ...JournalChecker.all,
  ...LimitChecker.all,
  ...TurnChecker.all
]

/**
 * The simulation as a program, to run in `VirtualTime` with your own options, or to explore. It fails with the first
 * violation.
 *
 * @since 0.2.0
 * @category running
 */
export const program = (
  world: World,
  options: Omit<Options, keyof VirtualTime.Options> & { readonly seed?: number } = {}
): Effect.Effect<Report.Report, Checker.ViolationError> =>
  Effect.gen(function* () {
    const { checkers = invariants, observers = [], recoveries = [], seed = 0 } = options
    const { clients } = world
    const clock = yield* Effect.clock
    const now = (): number => Monotonic.now(clock)
    const startAt = now()
    const names = namesOf(clients)
    const recorder = Recorder.make(
      clients.reduce((sum, client) => sum + rowsOf(client), 0),
      names.length
    )
    const violated = yield* Deferred.make<never, Checker.ViolationError>()
    const check = Checker.observe(checkers, (error) => Deferred.unsafeDone(violated, Effect.fail(error)))
    const emit: Trace.Observer = (event) => {
      recorder.observe(event)
      for (const observer of observers) observer(event)
      check(event)
    }
    const apis = yield* makeApis(world, seed)

    const running: Array<Effect.Effect<void>> = []
    let base = 0
    let members = clients.length
    const answers = Attempts.makeAnswers()
    for (const [index, client] of clients.entries()) {
      const numbers: Numbers = { index, base, members }
      const { journal } = client
      const run =
        journal === undefined
          ? runClient(client, numbers, apis, answers, emit)
          : Lives.run(journal, index, now, emit, (living) =>
              runClient(client, numbers, apis, answers, living.emit, living)
            )
      members += Object.keys(client.members ?? {}).length
      running.push(Effect.delay(run, client.joinsAt ?? 0))
      base += rowsOf(client)
    }
    yield* Effect.raceFirst(Effect.all(running, { concurrency: "unbounded", discard: true }), Deferred.await(violated))
    return Report.make(recorder.record(), {
      server: world.api.model.name,
      seed,
      clients: names,
      idealFinish: idealFinish(world, seed, startAt),
      recoveries
    })
  })

/** A row takes some ten events; a hundred leave room for rejections. */
const eventsARow = 200

/**
 * Runs a world in virtual time. If something goes wrong (a violation, a deadlock, a limit), it is in `exit`.
 *
 * @since 0.2.0
 * @category running
 */
export const run = (world: World, options: Options = {}): VirtualTime.Run<Report.Report, Checker.ViolationError> => {
  const rows = world.clients.reduce((sum, client) => sum + rowsOf(client), 0)
  return VirtualTime.run(program(world, options), { maxEvents: 1_000_000 + rows * eventsARow, ...options })
}

/**
 * Runs a world and returns its report; throws if anything goes wrong.
 *
 * @example
 * ```ts
 * import { ServerModel, Simulation, Workload } from "effect-aimd/testing"
 *
 * const report = Simulation.report({
 *   api: { model: ServerModel.tokenBucket({ rate: 50, burst: 50 }), hints: "seconds" },
 *   clients: [{ pool: { poolSize: 8 }, workload: Workload.atOnce(500) }]
 * })
 * assert.strictEqual(report.successes, 500)
 * assert.ok(report.makespan >= report.idealMakespan)
 * ```
 *
 * @since 0.2.0
 * @category running
 */
export const report = (world: World, options: Options = {}): Report.Report =>
  Exit.getOrElse(run(world, options).exit, (cause) => {
    throw new Error(Cause.pretty(cause))
  })

/**
 * The trace of a world as text, one line for each event: the same for the same seed, byte for byte.
 *
 * @since 0.2.0
 * @category running
 */
export const events = (world: World, options: Options = {}): ReadonlyArray<Trace.Event> => {
  const seen: Array<Trace.Event> = []
  run(world, { ...options, observers: [...(options.observers ?? []), (event) => seen.push(event)] })
  return seen
}
