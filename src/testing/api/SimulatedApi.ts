/**
 * An API that answers in virtual time: a server model behind Effects.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { PCGRandom } from "effect/Utils"
import * as Capacity from "../../Capacity.js"
import type * as ControlLaw from "../../law/ControlLaw.js"
import * as Hints from "../../Hints.js"
import * as Prices from "../../limit/Prices.js"
import type { Price } from "../../limit/Prices.js"
import * as Monotonic from "../../structure/Monotonic.js"
import * as RetryAfter from "../../answer/RetryAfter.js"
import * as HintDialect from "./HintDialect.js"
import * as Latency from "./Latency.js"
import type { ServerModel, Verdict } from "./ServerModel.js"

/**
 * An API to simulate.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly model: ServerModel
  /** How long it works on a request. Default 100 milliseconds. */
  readonly latency?: Latency.Latency
  /** How long a rejection takes, and a failure before any work was done, in milliseconds. Default 50. */
  readonly rejectionLatency?: number
  /** How it tells when to come back. Default `"none"`. */
  readonly hints?: HintDialect.HintDialect
  /** How long a request takes to arrive. It is counted when it arrives, even if its caller has left. Default 0. */
  readonly transit?: Latency.Latency
  /** Whether its answers tell how many tokens were used; with a price, also what they cost. Default false. */
  readonly usage?: boolean | Price
}

/**
 * A call. All calls with the same `row` take the same time; without a `row`, each call is a row of its own.
 *
 * @since 0.2.0
 * @category models
 */
export interface Call {
  readonly row?: number
  /** Default 1. */
  readonly tokens?: number
  /** How many of its tokens are output. Default none. */
  readonly output?: number
  /** Default `"client"`. */
  readonly client?: string
}

/**
 * An answer, as it would come over HTTP.
 *
 * @since 0.2.0
 * @category models
 */
export interface Answer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Record<string, string>
  /** What it tells about the limits and about what was used, in numbers, if it tells anything. */
  readonly quota?: ControlLaw.Hints
}

/**
 * The API failed for a reason that is not capacity.
 *
 * @since 0.2.0
 * @category errors
 */
export class ServerError extends Data.TaggedError("ServerError")<{ readonly status: number }> {
  override get message(): string {
    return `the simulated API failed with status ${this.status}`
  }
}

/**
 * What the API has done so far.
 *
 * @since 0.2.0
 * @category models
 */
export interface Counts {
  /** Served, or to be served. */
  readonly accepted: number
  readonly rejected: number
  /** Failed for reasons that are not capacity, with or without a place. */
  readonly failed: number
  readonly hung: number
}

/**
 * A simulated API. Several clients may share one.
 *
 * @since 0.2.0
 * @category models
 */
export interface SimulatedApi {
  readonly name: string
  /** Answers like a server, with a status; 200 if it serves. */
  readonly respond: (call?: Call) => Effect.Effect<Answer>
  /** The same with this library's errors: fails with `CapacityError` and its `retryAfter`, or with `ServerError`. */
  readonly call: (call?: Call) => Effect.Effect<Answer, Capacity.CapacityError | ServerError>
  readonly counts: Effect.Effect<Counts>
  /** The tokens that were accepted, and what they cost: 0 without a price. */
  readonly bill: Effect.Effect<{ readonly tokens: number; readonly money: number }>
}

/** A number that differs where any of the others does. */
const mix = (...numbers: ReadonlyArray<number>): number =>
  numbers.reduce((hash, number) => Math.imul(hash ^ number, 0x9e3779b1) ^ (hash >>> 15), 0x2545f491)

/**
 * How long the API works on a row, in milliseconds: the same for every attempt, so that the ideal is known in advance.
 *
 * @since 0.2.0
 * @category drawing
 */
export const serviceTime = (seed: number, latency: Latency.Latency | undefined, row: number, tokens: number): number =>
  (latency ?? defaultLatency)(new PCGRandom(mix(seed, row)), tokens)

const defaultLatency = Latency.constant(100)

/** The server of an API: what becomes of each request, and what it came to. */
const serverOf = ({ hints = "none", latency, model, usage = false }: Options, seed: number, now: () => number) => {
  const counts = { accepted: 0, rejected: 0, failed: 0, hung: 0 }
  const bill = { tokens: 0, money: 0 }
  let state = model.initial

  /** A request reaches the server: what becomes of it. */
  const arrive = ({ client = "client", output = 0, row, tokens = 1 }: Call, call: number) => {
    const at = now()
    const service = serviceTime(seed, latency, row ?? call, tokens)
    const chance = new PCGRandom(mix(seed, ~call)).number()
    const [next, verdict] = model.arrive(state, { at, client, tokens, output, service, chance, row })
    state = next
    const { status = 200 } = verdict._tag === "hung" ? {} : verdict
    counts[verdict._tag === "accepted" && status >= 400 ? "failed" : verdict._tag] += 1
    const told = usageOf(usage, tokens, output)
    if (verdict._tag === "accepted") {
      bill.tokens += tokens
      bill.money += told.money ?? 0
    }
    const quota = "quota" in verdict ? verdict.quota : undefined
    const rejected = verdict._tag === "rejected"
    const headers = HintDialect.headers(hints, { at, chance, rejected, opensIn: opensIn(verdict), quota })
    const said = {
      ...(hints === "reset-headers" && quota),
      ...(usage !== false && verdict._tag === "accepted" && status < 400 && { usage: told })
    }
    return { verdict, service, answer: { status, headers, ...(Object.keys(said).length > 0 && { quota: said }) } }
  }

  const leave = Effect.sync(() => {
    state = model.leave?.(state, now()) ?? state
  })

  return { arrive, bill, counts, leave }
}

/**
 * Makes an API on the current `Clock`; its random numbers come from `seed`, or from `Random`.
 *
 * @example
 * ```ts
 * import { Effect, Schedule } from "effect"
 * import { ServerModel, SimulatedApi, VirtualTime } from "effect-aimd/testing"
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* SimulatedApi.make({ model: ServerModel.tokenBucket({ rate: 1, burst: 5 }) })
 *   const call = Effect.retry(api.call(), Schedule.spaced("1 second"))
 *   yield* Effect.forEach(Array.from({ length: 20 }), () => call, { concurrency: 10 })
 *   return yield* api.counts
 * })
 *
 * const { elapsed, exit } = VirtualTime.run(program)
 * assert.strictEqual(exit._tag, "Success")
 * assert.ok(String(elapsed).startsWith("Duration(1"))
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options & { readonly seed?: number }): Effect.Effect<SimulatedApi> =>
  Effect.gen(function* () {
    const { model, rejectionLatency = 50, transit } = options
    const clock = yield* Effect.clock
    const seed = options.seed ?? (yield* Random.nextInt)
    // The server's clock is right, whatever its callers' clocks show.
    const now = (): number => Monotonic.now(clock)
    const { arrive, bill, counts, leave } = serverOf(options, seed, now)
    let calls = 0

    const after = (millis: number, answer: Answer): Effect.Effect<Answer> =>
      Effect.as(clock.sleep(Duration.millis(millis)), answer)

    type Restore = <A>(effect: Effect.Effect<A>) => Effect.Effect<A>
    const serve = (request: Call, call: number, restore: Restore): Effect.Effect<Answer> => {
      const { answer, service, verdict } = arrive(request, call)
      switch (verdict._tag) {
        case "accepted":
          return Effect.ensuring(restore(after((verdict.wait ?? 0) + service + (verdict.extra ?? 0), answer)), leave)
        case "rejected":
        case "failed":
          return restore(after(rejectionLatency, answer))
        case "hung":
          return restore(Effect.zipRight(clock.sleep(Duration.infinity), Effect.never))
      }
    }

    /** What was sent arrives, whether anybody waits for its answer or not. */
    const late = (request: Call, call: number, at: number): Effect.Effect<void> =>
      Effect.suspend(() => clock.sleep(Duration.millis(Math.max(0, at - now())))).pipe(
        Effect.zipRight(
          Effect.suspend(() => (arrive(request, call).verdict._tag === "accepted" ? leave : Effect.void))
        ),
        Effect.forkDaemon,
        Effect.asVoid
      )

    const respond = (request: Call = {}): Effect.Effect<Answer> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const call = calls++
          if (transit === undefined) return serve(request, call, restore)
          const way = transit(new PCGRandom(mix(seed, ~call, 1)), request.tokens ?? 1)
          const arrivesAt = now() + way
          return Effect.zipRight(
            Effect.onInterrupt(restore(clock.sleep(Duration.millis(way))), () => late(request, call, arrivesAt)),
            Effect.suspend(() => serve(request, call, restore))
          )
        })
      )

    return {
      name: model.name,
      respond,
      call: (call) => Effect.flatMap(respond(call), (answer) => judge(answer, clock.unsafeCurrentTimeMillis())),
      counts: Effect.sync(() => ({ ...counts })),
      bill: Effect.sync(() => ({ ...bill }))
    }
  })

const usageOf = (price: boolean | Price, tokens: number, output: number): ControlLaw.Usage => {
  const used = { inputTokens: tokens - output, outputTokens: output }
  return typeof price === "boolean"
    ? used
    : { ...used, money: Prices.of(price, { requests: 1, tokens, ...used, model: undefined }) }
}

const opensIn = (verdict: Verdict): number | undefined =>
  verdict._tag === "rejected" && verdict.silent !== true ? verdict.opensIn : undefined

/** Reads an answer as a client of this library does. */
const judge = (answer: Answer, now: number): Effect.Effect<Answer, Capacity.CapacityError | ServerError> => {
  const { headers, quota, status } = answer
  const judged = Effect.suspend((): Effect.Effect<Answer, Capacity.CapacityError | ServerError> => {
    if (status < 400) return Effect.succeed(answer)
    if (!Capacity.isCapacityStatus(status)) return Effect.fail(new ServerError({ status }))
    const retryAfter = RetryAfter.fromHeaders(headers, now)
    return Effect.fail(
      new Capacity.CapacityError(Option.isNone(retryAfter) ? { status } : { status, retryAfter: retryAfter.value })
    )
  })
  return quota === undefined ? judged : Effect.zipRight(Hints.report(quota), judged)
}
