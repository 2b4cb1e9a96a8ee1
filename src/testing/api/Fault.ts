/**
 * What goes wrong with servers: combinators over any `ServerModel`. Without them nothing does.
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
 * Nobody is served within the spans. The status is 503 unless told otherwise, and says nothing of when it is over.
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
 * A share of the requests, from 0 to 1, fails for reasons that are not capacity; status 500 unless told otherwise.
 *
 * The server first admits or rejects it like any other, and works on it as long. So it takes its token, and its place until
 * it is answered.
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
 * A share of the requests, from 0 to 1, is never answered. It takes none of the capacity.
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
 * A server that wakes up slowly: at the instant `from` (default 0) it works `slowdown` times as long on a request, then less
 * and less, and after `lasts` milliseconds as long as ever.
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
 * The capacity of a limit by time, times the curve: its own clock runs faster or slower. For limits of rate; the cap of a
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
