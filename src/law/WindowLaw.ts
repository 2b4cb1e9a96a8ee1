/**
 * The default law: it finds the API's limit, whatever its kind, and stays just below it. `docs/CONTROL-LAW.md` explains it.
 *
 * Three limits are learned at once, for a server has one of them or several: attempts in flight, starts a second, and
 * starts in a period. At a rejection the law asks which of them was being tested, measures that one, and goes back to what
 * it measured. Where rejections come that no test has asked for, it weighs whether chance explains them better.
 *
 * @since 0.2.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Argument from "../structure/Argument.js"
import type { ControlLaw, Step } from "./ControlLaw.js"
import * as Bucket from "./window/Bucket.js"
import { decide } from "./window/Decide.js"
import { reject } from "./window/Rejection.js"
import * as Ramp from "./Ramp.js"
import * as Level from "./window/Level.js"
import * as Noise from "./window/Noise.js"
import * as Pace from "./window/Pace.js"
import * as Permits from "./window/Permits.js"
import { begin, draft as draftOf, explain, reset, type State as WindowState } from "./window/State.js"
import { succeed } from "./window/Success.js"
import { memory } from "./window/Numbers.js"

/**
 * Options of the law; the default law has none of them set.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * How many times the least latency seen an answer may take before the window shrinks: for servers that queue before they
   * reject, and whose latency does not depend on the request. Default none: the latency of a language model follows the
   * length of its output, and says nothing about its load.
   */
  readonly latencyTolerance?: number
  /**
   * Other pools use the same limit at the same time: other processes or machines with the same key. Then the law takes a
   * 429, and any rejection at the times when others test the limit, for their doing and gives way, so that all come to equal
   * parts. Default false: such a rejection may be chance.
   */
  readonly shared?: boolean
}

/**
 * What the law knows.
 *
 * @since 0.2.0
 * @category models
 */
export type State = WindowState

const isLearned = Schema.is(
  Schema.Struct({
    window: Schema.Finite.pipe(Schema.greaterThanOrEqualTo(1)),
    rate: Schema.optionalWith(Schema.Finite.pipe(Schema.positive()), { exact: true }),
    slowStart: Schema.Boolean
  })
)

/**
 * Makes the law.
 *
 * @example
 * ```ts
 * import { WindowLaw } from "effect-aimd"
 *
 * const law = WindowLaw.make()
 * const { decision, state } = law.initial(64, 0)
 * assert.strictEqual(decision.window, 12)
 * const attempt = { row: 12, attempt: 1, epoch: 0, sequence: 12, inFlight: 12, startedWith: 12, latency: 50, bound: "window" } as const
 * const next = law.step(state, { _tag: "capacity", status: 429, retryAfter: undefined, ...attempt }, 50)
 * assert.strictEqual(next.decision.window, 11)
 * assert.strictEqual(next.decision.reason, "11 in flight were too many (status 429)")
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options = {}): ControlLaw<State> => {
  const { latencyTolerance = Infinity, shared = false } = options
  if (!(Predicate.isNumber(latencyTolerance) && latencyTolerance >= 1)) {
    throw Argument.refusal("option latencyTolerance of WindowLaw.make", "a number of at least 1", latencyTolerance)
  }
  if (!Predicate.isBoolean(shared)) throw Argument.refusal("option shared of WindowLaw.make", "true or false", shared)
  return lawOf(latencyTolerance, shared)
}

const lawOf = (latencyTolerance: number, shared: boolean): ControlLaw<State> => ({
  name: "window",
  remembers: 2 * Bucket.most,
  initial: (poolSize, now, learned) => resume(begin(poolSize, now, 0, shared), learned),
  resize: (state, poolSize, now) => {
    const draft = draftOf(state)
    draft.poolSize = poolSize
    draft.now = now
    draft.decision = decide(draft)
    return { state: draft, decision: draft.decision }
  },
  step: (state, told, now, starts) => {
    if (told._tag === "neutral") return { state, decision: state.decision }
    // A limit of starts without a period is a fast pace.
    const isPace = told.bound === "period" && state.period === undefined
    const sample: typeof told = isPace ? { ...told, bound: "spacing" } : told
    const startedAt = now - sample.latency
    const forgotten = state.block === undefined && state.opened !== undefined && startedAt - state.now > memory
    const draft = draftOf(forgotten ? reset(state, sample, now) : state)
    if (draft.limits.slowStart && draft.block === undefined) {
      // What the ramp has come to by now.
      const { window } = draft.limits
      const level = Math.max(window.level, Ramp.windowAt(draft.decision, now))
      // Slow start has no end where no limit is met: a copy each time would cost more than the rest of the step.
      if (level !== window.level || level !== window.top) {
        draft.limits = { ...draft.limits, window: { ...window, top: level, level } }
      }
    }
    draft.opened ??= { at: startedAt, accepted: 0 }
    if (starts !== undefined) Noise.watch(draft, starts, sample, now)
    if (sample._tag === "success") succeed(draft, sample, startedAt, now, latencyTolerance)
    else reject(draft, sample, startedAt, now, starts)
    draft.now = now
    draft.decision = decide(draft)
    return { state: draft, decision: draft.decision }
  },
  learned: ({ limits: { pace, slowStart, window } }) => ({
    window: window.top,
    ...(pace === undefined ? {} : { rate: Pace.rate(pace) }),
    slowStart
  })
})

/** Goes on with what an earlier process has learned, where it is that. */
const resume = (fresh: Step<State>, learned: unknown): Step<State> => {
  if (!isLearned(learned)) return fresh
  const { rate, slowStart, window } = learned
  const draft = draftOf(fresh.state)
  draft.limits = {
    window: Permits.initial(Math.min(window, draft.poolSize)),
    // Others may have come or gone meanwhile: a pace that is shared is found anew.
    pace: rate === undefined || draft.isShared ? undefined : Level.known(rate),
    slowStart
  }
  explain(draft, "begins with the limits that an earlier process has learned")
  draft.decision = decide(draft)
  return { state: draft, decision: draft.decision }
}
