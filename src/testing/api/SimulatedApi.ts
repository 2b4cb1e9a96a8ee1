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
  /** How it says when to come back. Default `"none"`. */
  readonly hints?: HintDialect.HintDialect
}

/**
 * A call. Calls of one `row` take the same time, whatever the attempt; without one, each is a row of its own.
 *
 * @since 0.2.0
 * @category models
 */
export interface Call {
  readonly row?: number
  /** Default 1. */
  readonly tokens?: number
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
  /** What the headers say of the limits, in numbers, where they say anything. */
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
  /** For reasons that are not capacity, whether it took a place or not. */
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
  /** Answers as a server does, with a status: 200 where it serves. */
  readonly respond: (call?: Call) => Effect.Effect<Answer>
  /** The same with the manners of this library: fails with `CapacityError`, with its `retryAfter`, or with `ServerError`. */
  readonly call: (call?: Call) => Effect.Effect<Answer, Capacity.CapacityError | ServerError>
  readonly counts: Effect.Effect<Counts>
}

/** A number that differs where any of the others does. */
const mix = (...numbers: ReadonlyArray<number>): number =>
  numbers.reduce((hash, number) => Math.imul(hash ^ number, 0x9e3779b1) ^ (hash >>> 15), 0x2545f491)

/**
 * How long the API works on a row, in milliseconds: the same for every attempt, so that the ideal can be known beforehand.
 *
 * @since 0.2.0
 * @category drawing
 */
export const serviceTime = (seed: number, latency: Latency.Latency | undefined, row: number, tokens: number): number =>
  (latency ?? defaultLatency)(new PCGRandom(mix(seed, row)), tokens)

const defaultLatency = Latency.constant(100)

/**
 * Makes an API on the current `Clock`; what it draws comes from `seed`, or from `Random`.
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
    const { hints = "none", latency, model, rejectionLatency = 50 } = options
    const clock = yield* Effect.clock
    const seed = options.seed ?? (yield* Random.nextInt)
    const counts = { accepted: 0, rejected: 0, failed: 0, hung: 0 }
    let state = model.initial
    let calls = 0

    // The server's clock is right, whatever its callers' clocks show.
    const now = (): number => Monotonic.now(clock)
    const after = (millis: number, answer: Answer): Effect.Effect<Answer> =>
      Effect.as(clock.sleep(Duration.millis(millis)), answer)

    const respond = ({ client = "client", row, tokens = 1 }: Call = {}): Effect.Effect<Answer> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const at = now()
          const call = calls++
          const service = serviceTime(seed, latency, row ?? call, tokens)
          const chance = new PCGRandom(mix(seed, ~call)).number()
          const [next, verdict] = model.arrive(state, { at, client, tokens, service, chance, row })
          state = next
          const { status = 200 } = verdict._tag === "hung" ? {} : verdict
          counts[verdict._tag === "accepted" && status >= 400 ? "failed" : verdict._tag] += 1
          const quota = "quota" in verdict ? verdict.quota : undefined
          const rejected = verdict._tag === "rejected"
          const headers = HintDialect.headers(hints, { at, chance, rejected, opensIn: opensIn(verdict), quota })
          const told = quota !== undefined && hints === "reset-headers" ? { headers, quota } : { headers }
          switch (verdict._tag) {
            case "accepted":
              return Effect.ensuring(
                restore(after((verdict.wait ?? 0) + service + (verdict.extra ?? 0), { status, ...told })),
                Effect.sync(() => {
                  state = model.leave?.(state, now()) ?? state
                })
              )
            case "rejected":
            case "failed":
              return restore(after(rejectionLatency, { status, ...told }))
            case "hung":
              return restore(Effect.zipRight(clock.sleep(Duration.infinity), Effect.never))
          }
        })
      )

    return {
      name: model.name,
      respond,
      call: (call) => Effect.flatMap(respond(call), (answer) => judge(answer, clock.unsafeCurrentTimeMillis())),
      counts: Effect.sync(() => ({ ...counts }))
    }
  })

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
