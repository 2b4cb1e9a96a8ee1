/**
 * What goes wrong with servers. Each fault takes any `ServerModel` and returns one with the fault.
 *
 * @since 0.2.0
 */
import * as Curve from "./Curve.js"
import type { Request, ServerModel, Verdict } from "./ServerModel.js"

/**
 * A span of time, in epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Span {
  readonly from: number
  readonly until: number
}

/** The same server, another answer before it is asked. */
const before = <State>(
  model: ServerModel<State>,
  name: string,
  instead: (request: Request) => Verdict | undefined
): ServerModel<State> => ({
  ...model,
  name: `${model.name}, ${name}`,
  arrive: (state, request) => {
    const verdict = instead(request)
    return verdict === undefined ? model.arrive(state, request) : [state, verdict]
  }
})

/**
 * Nobody is served within the spans. The status is 503 by default, and the answer does not tell when it is over.
 *
 * @since 0.2.0
 * @category faults
 */
export const outages =
  (spans: ReadonlyArray<Span>, options: { readonly status?: number } = {}) =>
  <State>(model: ServerModel<State>): ServerModel<State> => {
    const { status = 503 } = options
    const lasts = spans.map(({ from, until }) => `${(until - from) / 1000} s`).join(", ")
    return before(model, `out for ${lasts}`, ({ at }) => {
      const span = spans.find(({ from, until }) => from <= at && at < until)
      return span && { _tag: "rejected", status, opensIn: span.until - at, silent: true }
    })
  }

const percent = (share: number): string => `${Math.round(share * 1e4) / 100} %`

/** The chance that is left of one, for what is decided next: independent of what was decided by it. */
const rest = (chance: number, rate: number): number => (chance - rate) / (1 - rate)

/**
 * A share of the requests, from 0 to 1, fails for reasons that are not capacity; the status is 500 by default.
 *
 * The server first accepts or rejects such a request like any other, and works on it as long. So it uses a token, and a
 * place until it is answered.
 *
 * @since 0.2.0
 * @category faults
 */
export const failing =
  (options: { readonly rate: number; readonly status?: number }) =>
  <State>(model: ServerModel<State>): ServerModel<State> => {
    const { rate, status = 500 } = options
    return {
      ...model,
      name: `${model.name}, ${percent(rate)} fail`,
      arrive: (state, request) => {
        const fails = request.chance < rate
        const chance = fails ? request.chance / rate : rest(request.chance, rate)
        const [next, verdict] = model.arrive(state, { ...request, chance })
        return [next, fails && verdict._tag === "accepted" ? { ...verdict, status } : verdict]
      }
    }
  }

/**
 * A share of the requests, from 0 to 1, is never answered. Such a request uses no capacity.
 *
 * @since 0.2.0
 * @category faults
 */
export const hanging =
  ({ rate }: { readonly rate: number }) =>
  <State>(model: ServerModel<State>): ServerModel<State> => ({
    ...model,
    name: `${model.name}, ${percent(rate)} hang`,
    arrive: (state, request) =>
      request.chance < rate
        ? [state, { _tag: "hung" }]
        : model.arrive(state, { ...request, chance: rest(request.chance, rate) })
  })

/**
 * A share of the requests, from 0 to 1, or a curve of it over time, is rejected at any load, as by an overload
 * elsewhere. They are rejected before the server sees them, and use nothing of its limits. The status is 503 by
 * default. Only with `opensIn`, in milliseconds, does the answer tell when to come back.
 *
 * @example
 * ```ts
 * import { Curve, Fault, ServerModel } from "effect-aimd/testing"
 *
 * const cap = ServerModel.concurrencyCap({ cap: 24 })
 * const noisy = Fault.rejecting({ rate: 0.01, status: 529 })(cap)
 * const episodes = Fault.rejecting({ rate: Curve.pulses({ every: 10_000, lasts: 2000, high: 0.5 }) })(cap)
 * assert.deepStrictEqual([noisy.name, episodes.name], ["cap 24, 1 % rejected by chance", "cap 24, some rejected by chance"])
 * ```
 *
 * @since 0.2.0
 * @category faults
 */
export const rejecting =
  (options: { readonly rate: number | Curve.Curve; readonly status?: number; readonly opensIn?: number }) =>
  <State>(model: ServerModel<State>): ServerModel<State> => {
    const { opensIn, rate, status = 503 } = options
    const curve = typeof rate === "number" ? Curve.constant(rate) : rate
    const rejected = { _tag: "rejected", status, ...(opensIn === undefined ? { silent: true } : { opensIn }) } as const
    return {
      ...model,
      name: `${model.name}, ${typeof rate === "number" ? percent(rate) : "some"} rejected by chance`,
      arrive: (state, request) => {
        const share = curve.at(request.at)
        return request.chance < share
          ? [state, rejected]
          : model.arrive(state, { ...request, chance: rest(request.chance, share) })
      }
    }
  }

/**
 * Some rows are rejected at every try, such as a prompt that is larger than the limit of a minute, or a closed tenant.
 * They use nothing of the limits. The status is 429 by default, and the answer does not tell when to come back.
 *
 * @since 0.2.0
 * @category faults
 */
export const refusing =
  (options: { readonly row: (row: number) => boolean; readonly status?: number }) =>
  <State>(model: ServerModel<State>): ServerModel<State> => {
    const { row: isRefused, status = 429 } = options
    return before(model, "some rows refused", ({ row }) =>
      row !== undefined && isRefused(row) ? { _tag: "rejected", status, opensIn: Infinity, silent: true } : undefined
    )
  }

/**
 * The state of a server with a {@link lockOut}.
 *
 * @since 0.2.0
 * @category models
 */
export interface LockedOut<State> {
  readonly model: State
  /** Nobody is served before this instant, in epoch milliseconds. */
  readonly until: number
}

/**
 * A server that punishes callers: after a rejection, all requests are rejected for `lasts` milliseconds, by default
 * with 429. Only with `silent: false` does the server tell when it is over.
 *
 * @since 0.2.0
 * @category faults
 */
export const lockOut =
  (options: { readonly lasts: number; readonly silent?: boolean; readonly status?: number }) =>
  <State>(model: ServerModel<State>): ServerModel<LockedOut<State>> => {
    const { lasts, silent = true, status = 429 } = options
    return {
      name: `${model.name}, locked out for ${lasts / 1000} s by one too many`,
      initial: { model: model.initial, until: -Infinity },
      arrive: (state, request) => {
        const left = state.until - request.at
        if (left > 0) return [state, { _tag: "rejected", status, opensIn: left, silent }]
        const [next, verdict] = model.arrive(state.model, request)
        if (verdict._tag !== "rejected") return [{ ...state, model: next }, verdict]
        const unaskedIn = verdict.unaskedIn ?? verdict.opensIn
        return [
          { model: next, until: request.at + lasts },
          { _tag: "rejected", status, opensIn: lasts, unaskedIn, silent }
        ]
      },
      leave: (state, at) => ({ ...state, model: model.leave?.(state.model, at) ?? state.model })
    }
  }

/**
 * A server that is slow at first: at the instant `from` (default 0) it works `slowdown` times as long on a request,
 * then less and less, and after `lasts` milliseconds as long as normal.
 *
 * @since 0.2.0
 * @category faults
 */
export const coldStart =
  (options: { readonly lasts: number; readonly slowdown: number; readonly from?: number }) =>
  <State>(model: ServerModel<State>): ServerModel<State> => {
    const { from = 0, lasts, slowdown } = options
    return {
      ...model,
      name: `${model.name}, cold for ${lasts / 1000} s`,
      arrive: (state, request) => {
        const left = request.at < from ? 0 : Math.max(0, 1 - (request.at - from) / lasts)
        const service = request.service * (1 + (slowdown - 1) * left)
        const [next, verdict] = model.arrive(state, { ...request, service })
        const extra = service - request.service
        return [next, verdict._tag === "accepted" ? { ...verdict, extra: (verdict.extra ?? 0) + extra } : verdict]
      }
    }
  }

/**
 * A limit whose capacity is multiplied by a curve: its clock runs faster or slower. For limits of rate; the cap of a
 * `concurrencyCap` takes a curve itself.
 *
 * @since 0.2.0
 * @category faults
 */
export const scaled =
  (curve: Curve.Curve, name = "capacity that changes") =>
  <State>(model: ServerModel<State>): ServerModel<State> => ({
    ...model,
    name: `${model.name}, ${name}`,
    arrive: (state, request) => {
      const [next, verdict] = model.arrive(state, { ...request, at: curve.area(0, request.at) })
      return [
        next,
        verdict._tag === "rejected" && verdict.opensIn !== undefined
          ? { ...verdict, opensIn: Curve.reach(curve, request.at, verdict.opensIn) }
          : verdict
      ]
    },
    ...(model.leave === undefined ? {} : { leave: (state, at) => model.leave?.(state, curve.area(0, at)) ?? state })
  })

/**
 * A wall clock that is set forward at instants of virtual time, by `by` milliseconds, or back if `by` is negative. It
 * is an option of `VirtualTime` and `Simulation`. The servers' clocks stay right.
 *
 * @example
 * ```ts
 * import { Fault } from "effect-aimd/testing"
 *
 * const anHourBack = Fault.wallClock([{ at: 5000, by: -3_600_000 }])
 * assert.deepStrictEqual([4999, 5000].map(anHourBack), [4999, -3_595_000])
 * ```
 *
 * @since 0.2.0
 * @category faults
 */
export const wallClock =
  (jumps: ReadonlyArray<{ readonly at: number; readonly by: number }>) =>
  (at: number): number =>
    jumps.reduce((shown, jump) => (jump.at <= at ? shown + jump.by : shown), at)
