/**
 * Processes that share a limit, in virtual time: each with clocks of its own, a way to the store that takes its time and loses
 * messages, and an API that counts. Processes die and stop, the store is away, forgets, or comes back as it was before.
 */
import { RateLimiter } from "@effect/experimental"
import { type Clock, Duration, Effect, Exit, Fiber, Random, Scope } from "effect"
import type { PoolConfig } from "effect-aimd"
import { SharedLimit } from "effect-aimd/shared"
import { clockOf } from "../cluster/world.js"
import * as FakeRedis from "./redis.js"

export type Trouble = "death" | "stop" | "store away" | "store fails" | "store forgets" | "store restored"

/** Times in milliseconds. */
export interface Plan {
  readonly options: SharedLimit.Options & { readonly limits: ReadonlyArray<PoolConfig.Limit> }
  readonly processes: number
  readonly rows: number
  /** Tokens of a row, as it says and as it takes: at most so many. */
  readonly tokens: number
  /** The longest way to the store, and to the API; how long a call lasts there. */
  readonly delay: number
  readonly loss: number
  readonly transit: number
  readonly latency: number
  /** What happens, about so far apart, until then. */
  readonly troubles: ReadonlyArray<Trouble>
  readonly troubleEvery: number
  readonly troubleUntil: number
}

export interface Arrival {
  readonly at: number
  readonly requests: number
  readonly tokens: number
}

export interface Story {
  readonly arrivals: ReadonlyArray<Arrival>
  readonly done: number
  readonly troubles: ReadonlyArray<Trouble>
  readonly commands: number
  /** From the first arrival to the last. */
  readonly elapsed: number
}

interface Process {
  readonly scope: Scope.CloseableScope
  isDead: boolean
  stoppedUntil: number
}

const uniform = (low: number, high: number) => Effect.map(Random.next, (share) => low + share * (high - low))

const nowOf = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6

/** The store as a process reaches it. */
const wayOf = (
  truth: Clock.Clock,
  plan: Plan,
  redis: FakeRedis.FakeRedis,
  weather: { awayUntil: number; failsUntil: number }
) => {
  const sleep = (millis: number) => truth.sleep(Duration.millis(millis))
  return (process: Process): RateLimiter.RateLimiterStore["Type"] => {
    const awake: Effect.Effect<void> = Effect.suspend(() => {
      if (process.isDead) return Effect.never
      const left = process.stoppedUntil - nowOf(truth)
      return left > 0 ? Effect.zipRight(sleep(left), awake) : Effect.void
    })
    const way = Effect.gen(function* () {
      if ((yield* Random.next) < plan.loss) return yield* Effect.never
      yield* sleep(yield* uniform(0.2, plan.delay))
    })
    return RateLimiter.RateLimiterStore.of({
      ...redis.store,
      fixedWindow: (options) =>
        Effect.gen(function* () {
          yield* way
          if (nowOf(truth) < weather.failsUntil) {
            return yield* new RateLimiter.RateLimitStoreError({ message: "connection refused" })
          }
          // What hangs is done in the end, whoever waits for it.
          const answer = yield* Effect.forkDaemon(
            Effect.zipRight(
              Effect.suspend(() => sleep(Math.max(0, weather.awayUntil - nowOf(truth)))),
              redis.store.fixedWindow(options)
            )
          )
          const result = yield* Fiber.join(answer)
          yield* way
          yield* awake
          return result
        })
    })
  }
}

/** Runs rows through the pools; needs virtual time. */
export const run = (plan: Plan): Effect.Effect<Story, never, Scope.Scope> =>
  Effect.gen(function* () {
    const truth = yield* Effect.clock
    const sleep = (millis: number) => truth.sleep(Duration.millis(millis))
    const redis = FakeRedis.make(truth)
    const weather = { awayUntil: 0, failsUntil: 0 }
    const storeOf = wayOf(truth, plan, redis, weather)
    const arrivals: Array<Arrival> = []
    const left = new Set(Array.from({ length: plan.rows }, (_, row) => row))
    const tokensOf = (row: number): number => 1 + ((row * 37) % plan.tokens)
    const troubles: Array<Trouble> = []
    let restore = redis.snapshot()

    /** What was sent arrives, whatever becomes of whoever sent it. */
    const call = (row: number) =>
      Effect.gen(function* () {
        const way = yield* uniform(0, plan.transit)
        yield* Effect.forkDaemon(
          Effect.zipRight(
            sleep(way),
            Effect.sync(() => void arrivals.push({ at: nowOf(truth), requests: 1, tokens: tokensOf(row) }))
          )
        )
        yield* sleep(way + plan.latency)
        left.delete(row)
      })

    const join = (share: number) =>
      Effect.gen(function* () {
        const process: Process = { scope: yield* Scope.make(), isDead: false, stoppedUntil: 0 }
        // Two clocks go apart by a hundredth at most.
        const clock = clockOf(truth, () => process, 1 + (yield* uniform(-0.005, 0.005)), yield* uniform(-1e6, 1e6))
        const rows = [...left].filter((row) => row % plan.processes === share)
        const work = Effect.gen(function* () {
          const pool = yield* SharedLimit.make("simulated", plan.options)
          yield* pool.forEach(rows, call, { cost: (row) => ({ tokens: tokensOf(row) }) })
        }).pipe(
          Effect.orDie,
          Effect.provideService(RateLimiter.RateLimiterStore, storeOf(process)),
          Effect.withClock(clock),
          Scope.extend(process.scope)
        )
        yield* Effect.forkIn(work, process.scope)
        return process
      })

    const processes: Array<Process> = []
    for (let share = 0; share < plan.processes; share++) processes.push(yield* join(share))

    const strike = (trouble: Trouble) =>
      Effect.gen(function* () {
        troubles.push(trouble)
        const share = yield* Random.nextIntBetween(0, plan.processes)
        const process = processes[share]
        if (process === undefined) return
        switch (trouble) {
          case "death":
            process.isDead = true
            yield* Effect.forkDaemon(Scope.close(process.scope, Exit.void))
            yield* sleep(yield* uniform(1, 500))
            processes[share] = yield* join(share)
            return
          case "stop":
            process.stoppedUntil = Math.ceil(nowOf(truth) + (yield* uniform(50, 4000)))
            return
          case "store away":
            weather.awayUntil = nowOf(truth) + (yield* uniform(50, 6000))
            return
          case "store fails":
            weather.failsUntil = nowOf(truth) + (yield* uniform(50, 6000))
            return
          case "store forgets":
            return redis.forget()
          case "store restored":
            restore()
            restore = redis.snapshot()
        }
      })

    const misfortune = Effect.gen(function* () {
      while (plan.troubles.length > 0 && nowOf(truth) < plan.troubleUntil) {
        yield* sleep(yield* uniform(0.2 * plan.troubleEvery, 1.8 * plan.troubleEvery))
        const trouble = plan.troubles[yield* Random.nextIntBetween(0, plan.troubles.length)]
        if (trouble !== undefined) yield* strike(trouble)
      }
    })
    const struck = yield* Effect.fork(misfortune)
    while (left.size > 0) yield* sleep(50)
    yield* Fiber.interrupt(struck)
    // What was sent by those that died arrives.
    yield* sleep(plan.transit + 1)
    for (const { scope } of processes) yield* Scope.close(scope, Exit.void)
    arrivals.sort((a, b) => a.at - b.at)
    return {
      arrivals,
      done: plan.rows - left.size,
      troubles,
      commands: redis.commands,
      elapsed: (arrivals.at(-1)?.at ?? 0) - (arrivals[0]?.at ?? 0)
    }
  })

/** The most that any span has seen. */
export const mostIn = (arrivals: ReadonlyArray<Arrival>, per: number, unit: "requests" | "tokens"): number => {
  let [first, sum, most] = [0, 0, 0]
  for (const arrival of arrivals) {
    sum += arrival[unit]
    for (let old = arrivals[first]; old !== undefined && old.at <= arrival.at - per; old = arrivals[++first])
      sum -= old[unit]
    most = Math.max(most, sum)
  }
  return most
}
