/**
 * Runs any Effect program in virtual time: years pass in seconds, and the same seed gives the same run.
 *
 * Time stands still while anything can run, and jumps to the next deadline when nothing can. This works for everything
 * in Effect that waits, because it waits on `Clock` or on another fiber. A program that waits on the world outside (a
 * promise, a socket) ends with an error that names what it waits for.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import type * as FiberStatus from "effect/FiberStatus"
import * as Random from "effect/Random"
import * as RuntimeFlags from "effect/RuntimeFlags"
import * as RuntimeFlagsPatch from "effect/RuntimeFlagsPatch"
import type * as Scope from "effect/Scope"
import { FiberWatch, sleepForEver, type WaitingFiber } from "./FiberWatch.js"
import * as TaskQueue from "./TaskQueue.js"
import * as VirtualClock from "./VirtualClock.js"
import { StuckError, VirtualTimeLimitError } from "./VirtualTimeError.js"

export {
  /**
   * A fiber that waits.
   *
   * @since 0.2.0
   * @category models
   */
  type WaitingFiber
} from "./FiberWatch.js"

export {
  /**
   * The program waits for something that will never come.
   *
   * @since 0.2.0
   * @category errors
   */
  StuckError,
  /**
   * The program did not end within its limits.
   *
   * @since 0.2.0
   * @category errors
   */
  VirtualTimeLimitError
} from "./VirtualTimeError.js"

/**
 * Options of a run.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** Seeds `Random` and the choice of the interleaving. Default 0. */
  readonly seed?: number
  /**
   * Which fiber goes on next, if several can: `"fifo"` (the default), as in Effect, or `"random"`, chosen by the seed.
   * With `"random"`, sleeps that end in one instant also end in any order.
   */
  readonly interleaving?: "fifo" | "random"
  /** How likely it is that a fiber yields before each of its steps, from 0 (the default) to 0.5; chosen by the seed. */
  readonly preemption?: number
  /** The instant at which time starts, in epoch milliseconds. Default 0. */
  readonly startAt?: number
  /**
   * What the wall clock (`Clock.currentTimeMillis`) shows at an instant of virtual time, both in epoch milliseconds. It
   * does not change sleeps and `Clock.currentTimeNanos`. Default the instant itself. See `Fault.wallClock`.
   */
  readonly wallClock?: (at: number) => number
  /** After this much virtual time, the program ends with a `VirtualTimeLimitError`. Default none. */
  readonly maxVirtualTime?: Duration.DurationInput
  /** The same after this many events. An event is a turn of a fiber or the end of a sleep. Default 10,000,000. */
  readonly maxEvents?: number
}

/**
 * The result of a run.
 *
 * @since 0.2.0
 * @category models
 */
export interface Run<out A, out E> {
  readonly exit: Exit.Exit<A, E | StuckError | VirtualTimeLimitError>
  /** The virtual time that the program took. */
  readonly elapsed: Duration.Duration
  /** Turns of a fiber and ends of a sleep. */
  readonly events: number
  readonly seed: number
  /** How many fibers, such as daemons, were left when the program ended; they were interrupted then. */
  readonly leftRunning: number
}

/** What virtual time gives the fibers that it stops to end in: finalizers may sleep, and one of them may hang. */
const graceEvents = 1_000_000

/**
 * Runs a program to its end, synchronously, in virtual time. A program that needs a `Scope` gets one.
 *
 * `exit` has the program's own failure, or that of virtual time: {@link StuckError} if the program waits for ever,
 * {@link VirtualTimeLimitError} if it never ends. `Clock`, `Random` and the scheduler belong to the run; the program
 * provides every other service.
 *
 * @example
 * ```ts
 * import { Effect, Schedule } from "effect"
 * import { VirtualTime } from "effect-aimd/testing"
 *
 * let polls = 0
 * const poll = Effect.suspend(() => (++polls < 100 ? Effect.fail("not yet") : Effect.succeed("done")))
 * const program = Effect.retry(poll, Schedule.spaced("1 hour"))
 *
 * const run = VirtualTime.run(program)
 * assert.deepStrictEqual(String(run.elapsed), "Duration(4d 3h)")
 * ```
 *
 * @since 0.2.0
 * @category running
 */
export const run = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, options: Options = {}): Run<A, E> => {
  const { maxEvents = 10_000_000, seed = 0, startAt = 0 } = options
  const machine = makeMachine(options)
  const main = machine.fork(Effect.scoped(program))
  const lastInstant = startAt + Duration.toMillis(options.maxVirtualTime ?? Duration.infinity)
  const outcome = machine.drive(() => main.unsafePoll() !== null, maxEvents, lastInstant)
  const { elapsed: after, events } = machine
  const exit =
    main.unsafePoll() ??
    Exit.fail(
      outcome instanceof VirtualTimeLimitError ? outcome : new StuckError({ after, waiting: whatWaits(machine) })
    )
  return { exit, elapsed: Duration.millis(after), events, seed, leftRunning: stop(machine) }
}

/** What runs fibers in virtual time. */
const makeMachine = ({ interleaving = "fifo", preemption = 0, seed = 0, startAt = 0, wallClock }: Options) => {
  const tasks = TaskQueue.make({ seed, interleaving, preemption })
  const clock = VirtualClock.make({ startAt, rank: tasks.rank, sleepForEver, wallClock })
  const elapsed = (): number => clock.now() - startAt
  const watch = new FiberWatch(elapsed)
  let events = 0

  const limitError = (limit: "maxVirtualTime" | "maxEvents"): VirtualTimeLimitError =>
    new VirtualTimeLimitError({ limit, after: elapsed(), events })

  return {
    watch,
    get elapsed(): number {
      return elapsed()
    },
    get events(): number {
      return events
    },
    /** Runs what can run, and lets time go on, until `isDone`; says what is in the way where it cannot. */
    drive: (isDone: () => boolean, limit: number, lastInstant = Infinity): "done" | "stuck" | VirtualTimeLimitError => {
      while (!isDone()) {
        // By chance the next sleep of this instant ends before what can run has run: only so can those that it wakes interleave.
        const together = interleaving === "random" && clock.nextInstant() === clock.now() && tasks.rank() < 0.5
        const task = together ? undefined : tasks.next()
        if (task !== undefined) {
          task()
        } else {
          const next = clock.nextInstant()
          if (next === undefined) return "stuck"
          if (next > lastInstant) return limitError("maxVirtualTime")
          clock.advance()
        }
        if (++events >= limit && !isDone()) return limitError("maxEvents")
      }
      return "done"
    },
    // This is the runtime of the programs under test: somebody has to run them.
    fork: <B, F>(effect: Effect.Effect<B, F>): Fiber.RuntimeFiber<B, F> =>
      // eslint-disable-next-line no-restricted-syntax
      Effect.runFork(
        Effect.withFiberRuntime<B, F>((fiber) => {
          watch.add(fiber)
          fiber.addObserver((exit) => watch.onEnd(exit, fiber))
          return effect
        }).pipe(
          Effect.supervised(watch),
          Effect.withRuntimeFlagsPatch(RuntimeFlagsPatch.enable(RuntimeFlags.OpSupervision)),
          Effect.withClock(clock),
          Effect.withRandom(Random.make(seed))
        ),
        { scheduler: tasks }
      )
  }
}

type Machine = ReturnType<typeof makeMachine>

const whatWaits = ({ drive, events, fork, watch }: Machine): ReadonlyArray<WaitingFiber> => {
  const fibers = [...watch.live]
  const statuses = new Map<Fiber.RuntimeFiber<unknown, unknown>, FiberStatus.FiberStatus>()
  const example = fork(Effect.async<never>((_resume) => undefined))
  for (const fiber of fibers) fork(Effect.map(fiber.status, (status) => void statuses.set(fiber, status)))
  drive(() => statuses.size === fibers.length, events + graceEvents)
  const waiting = fibers.flatMap((fiber) => {
    const status = statuses.get(fiber)
    return (status && watch.waiting(fiber, status, example)) ?? []
  })
  example.unsafeInterruptAsFork(FiberId.none)
  return waiting
}

/** Interrupts what is left, so that finalizers run and nothing keeps the process alive. */
const stop = ({ drive, events, watch }: Machine): number => {
  let left = [...watch.live]
  const count = left.length
  for (const fiber of left) fiber.unsafeInterruptAsFork(FiberId.none)
  drive(() => (left = left.filter((fiber) => fiber.unsafePoll() === null)).length === 0, events + graceEvents)
  return count
}

/**
 * A test body for any test runner: runs the program in virtual time. If the program fails, it throws, with the line
 * that repeats the run.
 *
 * `it("backs off", VirtualTime.test(program))` needs no `TestClock` and no `adjust`: time goes by itself.
 *
 * @since 0.2.0
 * @category testing
 */
export const test =
  <A, E>(program: Effect.Effect<A, E, Scope.Scope>, options: Options = {}): (() => void) =>
  () => {
    const { exit, seed } = run(program, options)
    if (Exit.isFailure(exit)) throw failed(exit.cause, replayLine("program", { ...options, seed }))
  }

/**
 * Options of an exploration. Here `interleaving` is `"random"` by default.
 *
 * @since 0.2.0
 * @category models
 */
export interface ExploreOptions extends Omit<Options, "seed"> {
  /** The seeds to try; a number stands for 0, 1, 2 … below it. */
  readonly seeds: number | Iterable<number>
}

/**
 * What an exploration found.
 *
 * @since 0.2.0
 * @category models
 */
export interface Exploration<out World, out A, out E> {
  /** Runs and events until the first failure, or all of them. */
  readonly runs: number
  readonly events: number
  /** The smallest world that was found to fail, and its seed; undefined if nothing failed. */
  readonly failure: Failure<World, A, E> | undefined
}

/**
 * A failure that was found, with the smallest world that also fails.
 *
 * @since 0.2.0
 * @category models
 */
export interface Failure<out World, out A, out E> {
  readonly world: World
  readonly run: Run<A, E>
  /** Where it was first found. */
  readonly found: { readonly world: World; readonly seed: number }
  /** The cause, and the line of code that repeats it. */
  readonly message: string
}

/** So many runs may go into making a failure smaller. */
const shrinkRuns = 1000
/** So many other seeds are tried on a smaller world: its fibers interleave differently. */
const neighbours = 25

/**
 * Runs a program once for each seed, until one run fails. Each seed is another interleaving.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { VirtualTime } from "effect-aimd/testing"
 *
 * const lostUpdate = Effect.gen(function* () {
 *   let balance = 0
 *   const deposit = Effect.gen(function* () {
 *     const read = balance
 *     yield* Effect.yieldNow()
 *     balance = read + 1
 *   })
 *   yield* Effect.all([deposit, deposit], { concurrency: "unbounded" })
 *   if (balance !== 2) return yield* Effect.fail(`balance ${balance}`)
 * })
 *
 * const { failure } = VirtualTime.explore(lostUpdate, { seeds: 100 })
 * assert.match(failure?.message ?? "", /balance 1/)
 * ```
 *
 * @since 0.2.0
 * @category exploring
 */
export const explore = <A, E>(
  program: Effect.Effect<A, E, Scope.Scope>,
  options: ExploreOptions
): Exploration<undefined, A, E> =>
  exploreWorlds(() => program, { ...options, world: () => undefined, shrink: () => [], show: () => "program" })

/**
 * The same for programs that are made from a world, such as its rows and its faults. If a world fails, smaller worlds
 * from `shrink` are tried, as long as these fail too.
 *
 * @since 0.2.0
 * @category exploring
 */
export const exploreWorlds = <World, A, E>(
  program: (world: World) => Effect.Effect<A, E, Scope.Scope>,
  options: ExploreOptions & {
    readonly world: (seed: number) => World
    /** Smaller worlds, the smallest first; see {@link fewer}. */
    readonly shrink: (world: World) => Iterable<World>
    /** The program of a world, as code, for the line that repeats it. Default `program(…)` with the world as JSON. */
    readonly show?: (world: World) => string
  }
): Exploration<World, A, E> => {
  const { seeds, show = (world) => `program(${JSON.stringify(world)})`, shrink, world: worldOf, ...rest } = options
  const settings: Options = { interleaving: "random", ...rest }
  const attempt = (world: World, seed: number): Run<A, E> => run(program(world), { ...settings, seed })

  const smallest = (world: World, first: Run<A, E>): Failure<World, A, E> => {
    let best = { world, run: first }
    let left = shrinkRuns
    const fails = (candidate: World, trySeeds: Iterable<number>): boolean => {
      for (const seed of trySeeds) {
        if (left-- <= 0) return false
        const next = attempt(candidate, seed)
        if (Exit.isSuccess(next.exit)) continue
        best = { world: candidate, run: next }
        return true
      }
      return false
    }
    const shrinkOnce = (): boolean => {
      for (const candidate of shrink(best.world)) {
        if (fails(candidate, [best.run.seed, ...range(neighbours)])) return true
      }
      return false
    }
    while (left > 0 && shrinkOnce());
    fails(best.world, range(Math.min(best.run.seed, left)))
    const cause = Exit.isFailure(best.run.exit) ? best.run.exit.cause : Cause.empty
    const { message } = failed(cause, replayLine(show(best.world), { ...settings, seed: best.run.seed }))
    return { ...best, found: { world, seed: first.seed }, message }
  }

  let runs = 0
  let events = 0
  for (const seed of typeof seeds === "number" ? range(seeds) : seeds) {
    const world = worldOf(seed)
    const result = attempt(world, seed)
    runs += 1
    events += result.events
    if (Exit.isFailure(result.exit)) return { runs, events, failure: smallest(world, result) }
  }
  return { runs, events, failure: undefined }
}

/**
 * A test body that explores. If a seed fails, it throws, with the line that repeats the run.
 *
 * @since 0.2.0
 * @category testing
 */
export const testAll =
  <A, E>(program: Effect.Effect<A, E, Scope.Scope>, options: ExploreOptions): (() => void) =>
  () => {
    const { failure } = explore(program, options)
    if (failure !== undefined) throw new Error(failure.message)
  }

/**
 * Smaller lists made from a list: its halves, then the list without each of its elements. For the rows and the faults
 * of a world.
 *
 * @since 0.2.0
 * @category exploring
 */
export const fewer = function* <A>(list: ReadonlyArray<A>): Generator<ReadonlyArray<A>> {
  const half = Math.floor(list.length / 2)
  if (half > 0) yield* [list.slice(0, half), list.slice(half)]
  for (const index of list.keys()) yield list.filter((_, other) => other !== index)
}

const range = (length: number): Array<number> => Array.from({ length }, (_, index) => index)

const replayLine = (program: string, options: Options): string =>
  `VirtualTime.run(${program}, ${JSON.stringify(options)})`

const failed = (cause: Cause.Cause<unknown>, replay: string): Error =>
  new Error(`${Cause.pretty(cause)}\n\nreplay it with\n  ${replay}`)
