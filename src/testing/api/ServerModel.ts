/**
 * How servers limit their callers: pure models, for simulations. A model is a step from a state and a request to the
 * next state and a verdict. A model of your own takes about ten lines.
 *
 * Instants are in epoch milliseconds, spans in milliseconds, rates per second.
 *
 * @since 0.2.0
 */
import type { Hints } from "../../law/ControlLaw.js"
import { isDue } from "../../structure/TimerQueue.js"
import * as Curve from "./Curve.js"
import * as Fifo from "./Fifo.js"

/**
 * A request as it reaches the server.
 *
 * @since 0.2.0
 * @category models
 */
export interface Request {
  readonly at: number
  readonly client: string
  /** The row of the simulation, if the request is from one; all its attempts have the same number. */
  readonly row?: number | undefined
  /** Its size, for limits that count tokens. */
  readonly tokens: number
  /** How many of its tokens are output. Default none. */
  readonly output?: number | undefined
  /** How long the server would work on it, in milliseconds. */
  readonly service: number
  /** A random number for this request, from 0 to 1, for models that decide by chance. */
  readonly chance: number
}

/**
 * What the server does with a request.
 *
 * - `accepted`: the server works on it after `wait` milliseconds in a queue, `extra` milliseconds longer than normal,
 *   and then answers with `status`: by default 200, or that of an error if it fails in the end
 * - `rejected`: not now; `opensIn` is the time until it would be accepted, as far as the server knows (`Infinity` for
 *   never); with `silent` the server does not tell. If the rejection itself makes that time longer, `unaskedIn` is the
 *   time without the rejection: the ideal client is never rejected
 * - `failed`: an error that says nothing about capacity, as fast as a rejection; it takes no place
 * - `hung`: no answer, ever
 *
 * @since 0.2.0
 * @category models
 */
export type Verdict =
  | {
      readonly _tag: "accepted"
      readonly status?: number
      readonly wait?: number
      readonly extra?: number
      readonly quota?: Hints
    }
  | {
      readonly _tag: "rejected"
      readonly status: number
      readonly opensIn?: number
      readonly unaskedIn?: number | undefined
      readonly silent?: boolean
      readonly quota?: Hints
    }
  | { readonly _tag: "failed"; readonly status: number }
  | { readonly _tag: "hung" }

/**
 * A server. It is pure, so that it can be simulated, asked for the ideal, and tested with a table.
 *
 * @example
 * ```ts
 * import { ServerModel } from "effect-aimd/testing"
 *
 * // Every third request is too many.
 * const everyThird: ServerModel.ServerModel<number> = {
 *   name: "every third",
 *   initial: 0,
 *   arrive: (count) => [count + 1, count % 3 === 2 ? { _tag: "rejected", status: 429 } : { _tag: "accepted" }]
 * }
 * assert.strictEqual(everyThird.arrive(2, { at: 0, client: "a", tokens: 1, service: 10, chance: 0 })[1]._tag, "rejected")
 * ```
 *
 * @since 0.2.0
 * @category models
 */
export interface ServerModel<State = unknown> {
  readonly name: string
  readonly initial: State
  // Methods, not properties: a server is given only states of its own, so one of any state is a `ServerModel`.
  arrive(state: State, request: Request): readonly [State, Verdict]
  /** An accepted request has ended, or its caller has gone. */
  leave?(state: State, at: number): State
}

/**
 * What a limit counts: requests, all tokens, or only input or output tokens.
 *
 * @since 0.2.0
 * @category models
 */
export type Unit = "requests" | "tokens" | "inputTokens" | "outputTokens"

const costOf = (unit: Unit, { output = 0, tokens }: Request): number =>
  ({ requests: 1, tokens, inputTokens: tokens - output, outputTokens: output })[unit]

/** What it is called in the name of a server. */
const nouns = { requests: "", tokens: " tokens", inputTokens: " input tokens", outputTokens: " output tokens" }

/** A number for a name. */
const short = (n: number): number => Math.round(n * 1000) / 1000

/** When there is room for a request: never, where it is larger than the limit itself. */
const fits = (cost: number, limit: number, opensIn: number): number => (cost > limit ? Infinity : opensIn)

/** Rounding must not keep a bucket a hair short of its next token for ever. */
const epsilon = 1e-9

/**
 * A token bucket: it holds at most `burst` and fills with `rate` a second. A request takes one, or as many as it has
 * tokens. As in nginx `limit_req`, Envoy and most gateways.
 *
 * @since 0.2.0
 * @category servers
 */
export const tokenBucket = (options: {
  readonly rate: number
  readonly burst: number
  readonly unit?: Unit
  readonly status?: number
}): ServerModel<{ readonly level: number; readonly at: number }> => {
  const { burst, rate, status = 429, unit = "requests" } = options
  return {
    name: `bucket ${short(rate)}/s burst ${short(burst)}${nouns[unit]}`,
    initial: { level: burst, at: 0 },
    arrive: (state, request) => {
      const level = Math.min(burst, state.level + (rate * Math.max(0, request.at - state.at)) / 1000)
      const cost = costOf(unit, request)
      const left = level - cost
      const accepted = left >= -epsilon
      const next = { level: accepted ? left : level, at: request.at }
      const quota = {
        [unit]: { limit: burst, remaining: Math.floor(next.level), resetAfter: ((burst - next.level) / rate) * 1000 }
      }
      return [
        next,
        accepted
          ? { _tag: "accepted", quota }
          : { _tag: "rejected", status, opensIn: fits(cost, burst, (-left / rate) * 1000), quota }
      ]
    }
  }
}

/**
 * At most `limit` in each window of time. Windows follow the clock, or, with `aligned: false`, begin with the first
 * request (as in express-rate-limit).
 *
 * @since 0.2.0
 * @category servers
 */
export const fixedWindow = (options: {
  readonly limit: number
  /** Milliseconds. */
  readonly per: number
  readonly aligned?: boolean
  readonly unit?: Unit
  readonly status?: number
}): ServerModel<{ readonly from: number; readonly used: number }> => {
  const { aligned = true, limit, per, status = 429, unit = "requests" } = options
  return {
    name: `window ${limit} per ${per / 1000} s${nouns[unit]}`,
    initial: { from: -Infinity, used: 0 },
    arrive: (state, request) => {
      const { at } = request
      const current = at < state.from + per ? state : { from: aligned ? Math.floor(at / per) * per : at, used: 0 }
      const cost = costOf(unit, request)
      const used = current.used + cost
      const accepted = used <= limit
      const next = accepted ? { from: current.from, used } : current
      const resetAfter = current.from + per - at
      const quota = { [unit]: { limit, remaining: limit - next.used, resetAfter } }
      return [
        next,
        accepted
          ? { _tag: "accepted", quota }
          : { _tag: "rejected", status, opensIn: fits(cost, limit, resetAfter), quota }
      ]
    }
  }
}

interface Spent {
  readonly at: number
  readonly cost: number
}

/**
 * The state of a {@link slidingWindow}: what counts, and when the newest of it came.
 *
 * @since 0.2.0
 * @category models
 */
export interface SlidingLog {
  readonly log: Fifo.Fifo<Spent>
  readonly used: number
  readonly newest: number
}

/**
 * At most `limit` in any span of `per` milliseconds. With `countRejected` a rejected request counts like any other, so
 * a client that tries too often is never served, as OpenAI documents for its limits per minute.
 *
 * @since 0.2.0
 * @category servers
 */
export const slidingWindow = (options: {
  readonly limit: number
  /** Milliseconds. */
  readonly per: number
  readonly countRejected?: boolean
  readonly unit?: Unit
  readonly status?: number
}): ServerModel<SlidingLog> => {
  const { countRejected = false, limit, per, status = 429, unit = "requests" } = options
  return {
    name: `sliding ${limit} per ${per / 1000} s${countRejected ? ", rejections count" : ""}`,
    initial: { log: Fifo.empty, used: 0, newest: -Infinity },
    arrive: (state, request) => {
      const cost = costOf(unit, request)
      let { log, newest, used } = state
      for (let oldest = log.front; oldest !== undefined && oldest.value.at + per <= request.at; oldest = log.front) {
        used -= oldest.value.cost
        log = Fifo.shift(log)
      }
      const accepted = used + cost <= limit
      if (accepted || countRejected) {
        log = Fifo.push(log, { at: request.at, cost })
        used += cost
        newest = request.at
      }
      // Beyond the limit only the newest matter: the window is full until they have left.
      for (let oldest = log.front; oldest !== undefined && used - oldest.value.cost >= limit; oldest = log.front) {
        used -= oldest.value.cost
        log = Fifo.shift(log)
      }
      const next = { log, used, newest }
      const resetAfter = Math.max(0, newest + per - request.at)
      const quota = { [unit]: { limit, remaining: Math.max(0, limit - used), resetAfter } }
      if (accepted) return [next, { _tag: "accepted", quota }]
      let over = used + cost - limit
      for (const spent of Fifo.values(log)) {
        over -= spent.cost
        if (over <= 0) return [next, { _tag: "rejected", status, opensIn: spent.at + per - request.at, quota }]
      }
      return [next, { _tag: "rejected", status, opensIn: Infinity, quota }]
    }
  }
}

/**
 * At most `cap` at once, as in nginx `limit_conn` or a GPU server; the cap may change with time.
 *
 * @since 0.2.0
 * @category servers
 */
export const concurrencyCap = (options: {
  readonly cap: number | Curve.Curve
  readonly status?: number
}): ServerModel<number> => {
  const { cap, status = 429 } = options
  const curve = typeof cap === "number" ? Curve.constant(cap) : cap
  return {
    name: typeof cap === "number" ? `cap ${cap}` : "cap that changes",
    initial: 0,
    arrive: (inFlight, { at }) =>
      inFlight < curve.at(at) ? [inFlight + 1, { _tag: "accepted" }] : [inFlight, { _tag: "rejected", status }],
    leave: (inFlight) => inFlight - 1
  }
}

/**
 * Workers with a bounded queue, as in vLLM or Triton: a request waits for a worker, first come, first served, and
 * latency grows before anything is rejected. The state has the instant at which each accepted request will be done. The
 * server also works on a request whose caller has left.
 *
 * @since 0.2.0
 * @category servers
 */
export const workers = (options: {
  readonly workers: number
  readonly queue: number
  readonly status?: number
}): ServerModel<ReadonlyArray<number>> => {
  const { queue, status = 503, workers } = options
  return {
    name: `${workers} workers, queue of ${queue}`,
    initial: [],
    arrive: (state, { at, service }) => {
      // Less than a nanosecond, which no clock waits for, and the answer is out.
      const ends = state.filter((end) => !isDue(end, at))
      const first = ends[0]
      if (first !== undefined && ends.length >= workers + queue) {
        return [ends, { _tag: "rejected", status, opensIn: first - at }]
      }
      // Sorted: the worker that takes this one is free when all but `workers - 1` of those before it have ended.
      const startsAt = ends[ends.length - workers] ?? at
      const end = startsAt + service
      return [[...ends, end].sort((a, b) => a - b), { _tag: "accepted", wait: startsAt - at }]
    }
  }
}

/**
 * Traffic may grow by at most `growth` (0.5 for half) from one span of `per` milliseconds to the next, but may always
 * reach `floor` a second, as with OpenAI's "slow down". A bucket of one second spreads what is accepted within a span.
 *
 * @since 0.2.0
 * @category servers
 */
export const slopeLimit = (options: {
  readonly growth: number
  /** Milliseconds. */
  readonly per: number
  readonly floor: number
  readonly status?: number
}): ServerModel<Slope> => {
  const { floor, growth, per, status = 429 } = options
  return {
    name: `slope +${Math.round(growth * 1e4) / 100} % per ${per / 1000} s from ${floor}/s`,
    initial: { from: 0, rate: floor, accepted: 0, level: floor, at: 0 },
    arrive: (state, request) => {
      let { accepted, from, rate } = state
      while (request.at >= from + per) {
        rate = Math.max(floor, (accepted / per) * 1000 * (1 + growth))
        accepted = 0
        from += per
        // After a silence of whole spans only the floor is left.
        if (rate === floor) from += Math.floor((request.at - from) / per) * per
      }
      const level = Math.min(rate, state.level + (rate * Math.max(0, request.at - state.at)) / 1000)
      const isAccepted = level >= 1 - epsilon
      const next = {
        from,
        rate,
        accepted: isAccepted ? accepted + 1 : accepted,
        level: isAccepted ? level - 1 : level,
        at: request.at
      }
      return [
        next,
        isAccepted ? { _tag: "accepted" } : { _tag: "rejected", status, opensIn: ((1 - level) / rate) * 1000 }
      ]
    }
  }
}

/**
 * The state of a {@link slopeLimit}.
 *
 * @since 0.2.0
 * @category models
 */
export interface Slope {
  readonly from: number
  /** Allowed in this span, a second. */
  readonly rate: number
  readonly accepted: number
  readonly level: number
  readonly at: number
}

/**
 * Several limits at once: a request must be accepted by all of them. If one rejects it, it uses nothing of the others.
 *
 * @example
 * ```ts
 * import { ServerModel } from "effect-aimd/testing"
 *
 * const tier = ServerModel.all(
 *   ServerModel.tokenBucket({ rate: 10, burst: 600 }),
 *   ServerModel.tokenBucket({ rate: 1500, burst: 90_000, unit: "tokens" })
 * )
 * assert.strictEqual(tier.name, "bucket 10/s burst 600 and bucket 1500/s burst 90000 tokens")
 * ```
 *
 * @since 0.2.0
 * @category servers
 */
export const all = (...models: ReadonlyArray<ServerModel>): ServerModel<ReadonlyArray<unknown>> => ({
  name: models.map(({ name }) => name).join(" and "),
  initial: models.map(({ initial }) => initial),
  arrive: (states, request) => {
    const steps = models.map((model, index) => model.arrive(states[index], request))
    const quota = Object.assign({}, ...steps.map(([, verdict]) => ("quota" in verdict ? verdict.quota : {}))) as Hints
    const refusals = steps.map(([, verdict]) => verdict).filter((verdict) => verdict._tag !== "accepted")
    if (refusals.length === 0) {
      const accepted = steps.map(([, verdict]) => verdict).filter((verdict) => verdict._tag === "accepted")
      const most = (part: "wait" | "extra") => Math.max(...accepted.map((verdict) => verdict[part] ?? 0))
      const status = accepted.find((verdict) => verdict.status !== undefined)?.status
      const verdict = { _tag: "accepted", wait: most("wait"), extra: most("extra"), quota } as const
      return [steps.map(([state]) => state), status === undefined ? verdict : { ...verdict, status }]
    }
    const next = steps.map(([state, verdict], index) => (verdict._tag === "accepted" ? states[index] : state))
    const other = refusals.find((verdict) => verdict._tag !== "rejected")
    if (other !== undefined) return [next, other]
    const rejections = refusals.filter((verdict) => verdict._tag === "rejected")
    const status = rejections[0]?.status ?? 429
    const waits = rejections.flatMap(({ opensIn }) => (opensIn === undefined ? [] : [opensIn]))
    const silent = rejections.some((rejection) => rejection.silent === true)
    const rejected = { _tag: "rejected", status, silent, quota } as const
    if (waits.length < rejections.length) return [next, rejected]
    const opensIn = Math.max(...waits)
    const unaskedIn = Math.max(...rejections.map((rejection) => rejection.unaskedIn ?? rejection.opensIn ?? 0))
    return [next, unaskedIn < opensIn ? { ...rejected, opensIn, unaskedIn } : { ...rejected, opensIn }]
  },
  leave: (states, at) => models.map((model, index) => model.leave?.(states[index], at) ?? states[index])
})
