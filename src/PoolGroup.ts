/**
 * Several pools that can do the same work, used as one: for several keys of one API, regions, models or providers. A
 * row goes to the pool that can serve it soonest, by what each pool's law knows about its API.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as MetricLabel from "effect/MetricLabel"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Argument from "./structure/Argument.js"
import * as Batch from "./pool/Batch.js"
import type * as BatchInput from "./pool/BatchInput.js"
import * as Call from "./pool/Call.js"
import * as Capacity from "./Capacity.js"
import * as GroupAdmission from "./pool/GroupAdmission.js"
import * as Home from "./route/Home.js"
import * as Insider from "./pool/Insider.js"
import * as PoolConfig from "./PoolConfig.js"
import * as PooledExecutor from "./PooledExecutor.js"
import type * as PoolError from "./PoolError.js"
import * as PoolOf from "./pool/PoolOf.js"
import * as PoolStats from "./PoolStats.js"
import * as ProgressOf from "./pool/Progress.js"
import type { Rows } from "./pool/Source.js"
import * as Standing from "./pool/GroupStanding.js"

/**
 * A pool in a group, and what it costs.
 *
 * @since 0.2.0
 * @category models
 */
export interface Member {
  readonly pool: PooledExecutor.PooledExecutor
  /** What a row costs there, in any unit: only differences count. Default 0. */
  readonly price?: number | undefined
}

/**
 * Options of a group.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options<Name extends string> {
  /**
   * The pools, by the names that entries, errors and statistics show. A pool may serve others besides the group, and be in
   * several groups. Each keeps its own size, law, limits and budget: a row that is larger than a limit of any of them
   * fails with `CallTooLargeError`.
   */
  readonly members: Readonly<Record<Name, PooledExecutor.PooledExecutor | Member>>
  /** Names the group in metrics, spans, logs and errors. Default `"group"`. */
  readonly name?: string | undefined
  /**
   * How long a row may go on being retried for capacity errors, from its first start, at all members together. Default the
   * longest of the members'.
   */
  readonly maxCapacityRetry?: Duration.DurationInput | undefined
  /** Interrupts an attempt that takes longer. Default the longest of the members'; none where one has none. */
  readonly attemptTimeout?: Duration.DurationInput | undefined
  /**
   * How long a row waits rather than pay a price that is higher by 1. Default 0: the price only decides between members
   * that are equally soon. See {@link Member}.
   */
  readonly patience?: Duration.DurationInput | undefined
  /**
   * How long a call with a `key` waits for the member of its key rather than go to another member, as long as that
   * member serves calls at all. Default 10 seconds.
   */
  readonly stickiness?: Duration.DurationInput | undefined
  /** As the option `ageing` of a pool, for the turns of the group's rows. Default 1 minute. */
  readonly ageing?: Duration.DurationInput | undefined
  /**
   * Whether an error is the member's own trouble, such as a key that was revoked or a quota that is used up. Then the
   * row goes to another member. It fails with the error only when every member has answered with such an error. The
   * member's law takes it like a 503: the member gets one row as a probe now and then, and more rows once it serves
   * again. Default none. `attempt` returns every error as it is.
   */
  readonly leaves?: ((error: unknown) => boolean) | undefined
}

/**
 * What an attempt is told about its row, and which member runs it.
 *
 * @since 0.2.0
 * @category models
 */
export interface RowContext<out Name extends string> extends BatchInput.RowContext {
  /** The member that runs this attempt; another member may run the next one. */
  readonly member: Name
}

/**
 * Options of a single call.
 *
 * @since 0.2.0
 * @category models
 */
export interface CallOptions extends PooledExecutor.CallOptions {
  /**
   * Calls with the same key go to the same member, if it serves them soon enough: for caches of prompts, and sessions.
   * Default none.
   */
  readonly key?: string | undefined
}

/**
 * What a group did, and each of its members. `limits` has the limits of all members, each after its member's name.
 * `money` is that of all members together.
 *
 * @since 0.2.0
 * @category models
 */
export interface Stats<Name extends string> extends PoolStats.PoolStats {
  /** A member counts each attempt of the group as a row, and also counts the rows of others that use it. */
  readonly members: Readonly<Record<Name, PoolStats.PoolStats>>
}

/**
 * A group: a pool whose attempts are told which member runs them.
 *
 * @since 0.2.0
 * @category models
 */
export interface PoolGroup<Name extends string> {
  readonly names: ReadonlyArray<Name>
  /** Attempts that may be in flight at all members together. */
  readonly poolSize: number
  /** Runs one call; see `PooledExecutor.execute`. If one member rejects it, it goes to the others at once. */
  execute<A, E, R>(
    call: (member: Name) => Effect.Effect<A, E, R>,
    options?: CallOptions
  ): Effect.Effect<A, PoolError.CallError<E>, R>
  /** Runs one attempt, at one member; a capacity error is returned. */
  attempt<A, E, R>(
    call: (member: Name) => Effect.Effect<A, E, R>,
    options?: CallOptions
  ): Effect.Effect<A, PoolError.AttemptError<E>, R>
  /** See `PooledExecutor.executeBatch`. An entry says which member ran the row's last attempt. */
  executeBatch<Row, A, E, R, R2 = never, KE = never, KR = never>(
    rows: Iterable<Row>,
    process: (row: Row, context: RowContext<Name>) => Effect.Effect<A, E, R>,
    options?: BatchInput.BatchOptions<Row, A, E, R2> & BatchInput.JournalOption<Row, A, E, KE, KR>
  ): Effect.Effect<
    Batch.BatchResult<A, PoolError.RowError<E>>,
    PoolError.PoolShutdownError | NoInfer<KE>,
    R | NoInfer<R2 | KR>
  >
  /** See `PooledExecutor.forEach`. */
  forEach<Row, A, E, R, R2 = never, KE = never, KR = never>(
    rows: Iterable<Row>,
    process: (row: Row, context: RowContext<Name>) => Effect.Effect<A, E, R>,
    options?: BatchInput.BatchOptions<Row, A, E, R2> & BatchInput.JournalOption<Row, A, E, KE, KR>
  ): Effect.Effect<Array<A>, PoolError.RowError<E> | NoInfer<KE>, R | NoInfer<R2 | KR>>
  /** See `PooledExecutor.stream`. */
  stream<Row, A, E, R, E2 = never, R2 = never, R3 = never, KE = never, KR = never>(
    rows: Rows<Row, E2, R2>,
    process: (row: Row, context: RowContext<Name>) => Effect.Effect<A, E, R>,
    options?: BatchInput.StreamOptions<Row, A, E, R3> & BatchInput.JournalOption<Row, A, E, KE, KR>
  ): PooledExecutor.RowStream<A, E, NoInfer<E2 | KE>, R | NoInfer<R2 | R3 | KR>>
  /** Rows and calls without an outcome. */
  readonly pendingCount: Effect.Effect<number>
  readonly stats: Effect.Effect<Stats<Name>>
  /** Every decision of a member's law that changes something; its `reason` begins with the member's name. */
  readonly changes: Stream.Stream<PoolStats.Change>
  /** How far all rows and calls of the group are, every second from now on. */
  readonly progress: Stream.Stream<ProgressOf.Progress>
  /** No row of the group starts until `resume`. The members still run what others give them. */
  readonly pause: Effect.Effect<void>
  /** Lets a paused group go on. */
  readonly resume: Effect.Effect<void>
  /**
   * Attempts in flight finish, and waiting rows fail with `PoolShutdownError`. Returns when nothing is in flight. The
   * members stay open.
   */
  readonly shutdown: Effect.Effect<void>
}

/**
 * The name of the member that runs the current attempt; undefined outside the attempts of a group.
 *
 * @since 0.2.0
 * @category references
 */
export const currentMember: Effect.Effect<string | undefined> = Insider.currentMember

const wrong = (what: string, expected: string, actual: unknown): never => {
  throw Argument.refusal(what, expected, actual)
}

/** A duration out of an option, in milliseconds. */
const millisOf = (name: string, value: unknown, fallback: number): number =>
  value === undefined
    ? fallback
    : Option.match(Argument.duration(value), {
        onNone: () => wrong(`option ${name}`, 'a duration of at least 0, such as "10 seconds"', value),
        onSome: Duration.toMillis
      })

const isMember = (u: unknown): u is Member => Predicate.hasProperty(u, "pool")

/** The members as the group's machine takes them; throws what is wrong with them. */
const joiningOf = <Name extends string>(options: Options<Name>): ReadonlyArray<GroupAdmission.Joining> => {
  if (!Predicate.isRecord(options)) return wrong("argument of PoolGroup.make", "an object with members", options)
  const { members, patience } = options
  if (!Predicate.isRecord(members)) return wrong("option members", "an object of pools by name", members)
  const perPrice = millisOf("patience", patience, 0)
  const joining = Object.entries<PooledExecutor.PooledExecutor | Member>(members).map(([name, given]) => {
    const { pool, price = 0 } = isMember(given) ? given : { pool: given }
    const admission = PoolOf.find(pool)
    if (name === "") return wrong("option members", "names that are not empty", name)
    if (!Number.isFinite(price)) return wrong(`price of the member ${name}`, "a finite number", price)
    return admission === undefined
      ? wrong(`member ${name}`, "a pool that PooledExecutor.make made, or { pool, price }", pool)
      : { name, admission, handicap: price * perPrice }
  })
  if (joining.length === 0) return wrong("option members", "at least one pool", members)
  if (new Set(joining.map(({ admission }) => admission)).size < joining.length) {
    return wrong("option members", "each pool once", Object.keys(members))
  }
  return joining
}

const configOf = (
  { ageing, attemptTimeout, maxCapacityRetry, name = "group" }: Options<string>,
  joining: ReadonlyArray<GroupAdmission.Joining>
): Effect.Effect<PoolConfig.PoolConfig> => {
  const admissions = joining.map(({ admission }) => admission)
  const limit = attemptTimeout ?? Standing.longest(admissions, (config) => config.attemptTimeout)
  const budget = maxCapacityRetry ?? Standing.longest(admissions, (config) => config.maxCapacityRetry)
  const maxRetryAfter = Standing.longest(admissions, (config) => config.maxRetryAfter)
  return PoolConfig.make({
    name,
    ageing,
    ...(limit === undefined ? {} : { attemptTimeout: limit }),
    ...(budget === undefined ? {} : { maxCapacityRetry: budget }),
    ...(maxRetryAfter === undefined ? {} : { maxRetryAfter })
  })
}

/** Callers without types may hand in anything: a promise above all. */
const checked = <A, E, R>(what: string, attempt: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.isEffect(attempt) ? attempt : Effect.die(Argument.refusal(what, Argument.anEffect, attempt))

/** Sends a row on that met a member with a trouble of its own; `tried` are those that it has met. */
const leaving =
  (leaves: (error: unknown) => boolean, isLast: (tried: ReadonlySet<string>) => boolean) =>
  <A, E, R>(
    member: string,
    tried: Set<string>,
    attempt: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Capacity.CapacityError, R> =>
    Effect.catchAll(attempt, (error): Effect.Effect<never, E | Capacity.CapacityError> => {
      if (Capacity.isCapacityError(error) || !leaves(error)) return Effect.fail(error)
      tried.add(member)
      return isLast(tried)
        ? Effect.fail(error)
        : Effect.fail(
            new Capacity.CapacityError({ status: 503, message: `the member ${member} is left alone`, cause: error })
          )
    })

type Leave = ReturnType<typeof leaving>

/** The single calls of a group: one line for those without a key, and one for each home. */
const callsOf = <Name extends string>(
  { admission, at }: GroupAdmission.GroupAdmission,
  homes: () => ReadonlyArray<Name>,
  leave: Leave
): Pick<PoolGroup<Name>, "execute" | "attempt"> => {
  const anywhere = Call.open(admission)
  const sticky = new Map<string, Call.Calls>()

  const callsAt = (home: Name): Call.Calls => {
    const open = sticky.get(home)
    if (open !== undefined) return open
    const calls: Call.Calls = Call.open(at(home, () => calls.waiting))
    sticky.set(home, calls)
    return calls
  }

  const through = <A, E, R, F>(
    how: (calls: Call.Calls) => (call: Effect.Effect<A, E, R>, options?: CallOptions) => Effect.Effect<A, F, R>,
    call: (member: Name) => Effect.Effect<A, E, R>,
    run: (member: Name) => Effect.Effect<A, E, R>,
    options: CallOptions | undefined
  ): Effect.Effect<A, F, R> =>
    Effect.suspend(() => {
      if (!Predicate.isFunction(call)) {
        return Effect.die(Argument.refusal("argument call", "a function from a member's name to an Effect", call))
      }
      const home = options?.key === undefined ? undefined : Home.of(options.key, homes())
      // The names of the members are those that the group was made with.
      const attempt = Effect.flatMap(currentMember, (member) => run(member as Name))
      return how(home === undefined ? anywhere : callsAt(home))(attempt, options)
    })

  return {
    execute: <A, E, R>(call: (member: Name) => Effect.Effect<A, E, R>, options?: CallOptions) =>
      Effect.suspend(() => {
        const tried = new Set<string>()
        // A capacity error of the group's own making is retried like any other, and never the outcome.
        const run = (member: Name) =>
          leave(member, tried, checked("result of call", call(member))) as Effect.Effect<A, E, R>
        return through<A, E, R, PoolError.CallError<E>>((calls) => calls.execute, call, run, options)
      }),
    attempt: <A, E, R>(call: (member: Name) => Effect.Effect<A, E, R>, options?: CallOptions) =>
      through<A, E, R, PoolError.AttemptError<E>>(
        (calls) => calls.attempt,
        call,
        (member) => checked("result of call", call(member)),
        options
      )
  }
}

/** The process of a row, told which member runs it. */
const told = <Name extends string, Row, A, E, R>(
  process: (row: Row, context: RowContext<Name>) => Effect.Effect<A, E, R>,
  leave: Leave
) => {
  if (!Predicate.isFunction(process)) return process
  const tried = new Map<number, Set<string>>()
  return (row: Row, context: BatchInput.RowContext): Effect.Effect<A, E, R> =>
    Effect.flatMap(currentMember, (member) => {
      // The names of the members are those that the group was made with.
      const name = member as Name
      const before = tried.get(context.rowIndex) ?? new Set<string>()
      const attempt = checked(`process of row ${context.rowIndex}`, process(row, { ...context, member: name }))
      // A capacity error of the group's own making is retried like any other, and never a row's outcome.
      const left = leave(name, before, attempt) as Effect.Effect<A, E, R>
      return Effect.onExit(left, (exit) =>
        Effect.sync(() => {
          if (Exit.isSuccess(exit) || before.size === 0) tried.delete(context.rowIndex)
          else tried.set(context.rowIndex, before)
        })
      )
    })
}

const isNever = (): boolean => false

/** The face of a group over its machine. */
const faceOf = <Name extends string>(
  machine: GroupAdmission.GroupAdmission,
  joining: ReadonlyArray<GroupAdmission.Joining>,
  { leaves = isNever }: Options<Name>,
  shutdown: Effect.Effect<void>
): PoolGroup<Name> => {
  const { admission } = machine
  const open = (): ReadonlyArray<GroupAdmission.Joining> => joining.filter((member) => !member.admission.isShutdown)
  // A record's keys are its names.
  const namesOf = (some: ReadonlyArray<GroupAdmission.Joining>) => some.map(({ name }) => name as Name)
  const leave = leaving(leaves, (tried) => open().every(({ name }) => tried.has(name)))
  return {
    names: namesOf(joining),
    get poolSize() {
      return admission.config.poolSize
    },
    ...callsOf(machine, () => namesOf(open()), leave),
    executeBatch: (rows, process, options) => Batch.run(admission, rows, told(process, leave), options, false),
    forEach: (rows, process, options) => PooledExecutor.failFast(admission, rows, told(process, leave), options),
    stream: (rows, process, options) => Batch.stream(admission, rows, told(process, leave), options),
    pendingCount: Effect.sync(() => PoolStats.pending(admission.tally)),
    stats: Effect.sync(() => {
      const members = joining.map((member) => [member.name, PooledExecutor.snapshot(member.admission)] as const)
      return {
        ...PooledExecutor.snapshot(admission),
        ...toldOf(members),
        // Each name has its pool.
        members: Object.fromEntries(members) as Record<Name, PoolStats.PoolStats>
      }
    }),
    changes: PooledExecutor.changesOf(admission),
    progress: ProgressOf.stream(
      () => ProgressOf.ofPool(admission),
      () => admission.isShutdown
    ),
    pause: Effect.sync(admission.pauseStarts),
    resume: Effect.sync(admission.resume),
    shutdown
  }
}

/** The limits of all members, each with the name of its own, and their money together. */
const toldOf = (
  members: ReadonlyArray<readonly [string, PoolStats.PoolStats]>
): Pick<PoolStats.PoolStats, "limits" | "money"> => {
  const limits = members.flatMap(([name, stats]) =>
    (stats.limits ?? []).map((standing) => ({ ...standing, limit: `${name}: ${standing.limit}` }))
  )
  const monies = members.flatMap(([, { money }]) => money ?? [])
  return {
    ...(limits.length > 0 && { limits }),
    ...(monies.length > 0 && {
      money: monies.reduce((all, money) => ({
        spent: all.spent + money.spent,
        estimated: all.estimated + money.estimated,
        reserved: all.reserved + money.reserved,
        budget: all.budget + money.budget
      }))
    })
  }
}

/**
 * Makes a group that lives as long as the scope. When the scope closes, the attempts of the group are interrupted, and
 * waiting rows fail with `PoolShutdownError`. The members stay open as long as their own scopes. Invalid options die.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Capacity, PoolGroup, PooledExecutor } from "effect-aimd"
 *
 * const program = Effect.gen(function* () {
 *   const ours = yield* PooledExecutor.make({ name: "ours", poolSize: 2 })
 *   const theirs = yield* PooledExecutor.make({ name: "theirs", poolSize: 2 })
 *   const group = yield* PoolGroup.make({ members: { ours, theirs } })
 *   const { entries } = yield* group.executeBatch(["a", "b", "c"], (row, { member }) =>
 *     member === "ours" ? Effect.fail(new Capacity.CapacityError({ status: 429 })) : Effect.succeed(`${row} by ${member}`)
 *   )
 *   return entries.map(({ member }) => member)
 * }).pipe(Effect.scoped)
 *
 * assert.deepStrictEqual(await Effect.runPromise(program), ["theirs", "theirs", "theirs"])
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <const Name extends string>(
  options: Options<Name>
): Effect.Effect<PoolGroup<Name>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { joining, stickiness } = yield* Effect.sync(() => ({
      joining: joiningOf(options),
      stickiness: millisOf("stickiness", options.stickiness, 10_000)
    }))
    const config = yield* configOf(options, joining)
    const inherited = yield* FiberRef.get(FiberRef.currentMetricLabels)
    const labels = [...inherited, MetricLabel.make("pool", config.name)]
    const machine = yield* GroupAdmission.make(config, joining, stickiness, labels)
    const stop = (interrupt: boolean): Effect.Effect<void> =>
      Effect.suspend(() => {
        machine.admission.shutdown(interrupt)
        return machine.admission.idle
      })
    yield* Effect.addFinalizer(() => Effect.zipRight(stop(true), Effect.sync(machine.close)))
    return faceOf(machine, joining, options, stop(false))
  })
