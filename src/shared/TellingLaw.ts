/**
 * The law of a pool, which also says what is wrong with the store of its limits.
 *
 * @since 0.2.0
 */
import type { ControlLaw, Decision, Step } from "../law/ControlLaw.js"

/**
 * What the law inside knows, and what it has decided by itself.
 *
 * @since 0.2.0
 * @category models
 */
export interface State<Inner> {
  readonly inner: Inner
  readonly poolSize: number
  readonly decided: Decision
}

/**
 * A law, and how to tell it what is wrong now; undefined where nothing is.
 *
 * @since 0.2.0
 * @category models
 */
export interface TellingLaw<Inner> {
  readonly law: ControlLaw<State<Inner>>
  readonly tell: (trouble: string | undefined) => void
}

/**
 * The same law, with the trouble before its reason. It is asked again by a resize to the size that the pool has.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <Inner>(law: ControlLaw<Inner>): TellingLaw<Inner> => {
  let trouble: string | undefined
  let shown: { readonly of: Decision; readonly trouble: string | undefined; readonly as: Decision } | undefined

  const show = ({ decision, state }: Step<Inner>, poolSize: number): Step<State<Inner>> => {
    // To a pool the same decision is no news.
    if (shown?.of !== decision || shown.trouble !== trouble) {
      const as = trouble === undefined ? decision : { ...decision, reason: `${trouble}; ${decision.reason}` }
      shown = { of: decision, trouble, as }
    }
    return { state: { inner: state, poolSize, decided: decision }, decision: shown.as }
  }

  const telling: ControlLaw<State<Inner>> = {
    name: law.name,
    ...(law.remembers !== undefined && { remembers: law.remembers }),
    initial: (poolSize, now, learned) => show(law.initial(poolSize, now, learned), poolSize),
    step: ({ inner, poolSize }, sample, now, starts) => show(law.step(inner, sample, now, starts), poolSize),
    learned: ({ inner }) => law.learned?.(inner),
    resize: ({ decided, inner, poolSize }, next, now) =>
      law.resize !== undefined && next !== poolSize
        ? show(law.resize(inner, next, now), next)
        : show({ state: inner, decision: decided }, next)
  }

  return {
    law: telling,
    tell: (what) => {
      trouble = what
    }
  }
}
