/** Control laws for tests, besides the delay law of this release. */
import type { ControlLaw } from "effect-aimd"

interface Limits {
  readonly initial: number
  readonly min: number
  readonly max: number
  readonly step: number
}

/**
 * AIMD on the spacing between starts, the mirror of the delay law: a rejection doubles it, once a congestion epoch, and a
 * success takes a step off. No row waits a delay of its own: fresh and retried starts queue at the same gate.
 *
 * The adaptive default law is a later release. This one stands in for it, to prove that the pool applies whatever spacing,
 * window and hold a law decides to every start alike.
 */
export const pace = ({ initial, max, min, step }: Limits): ControlLaw.ControlLaw<ControlLaw.Decision> => ({
  name: "pace",
  initial: (poolSize) =>
    both({ window: poolSize, spacing: initial, holdUntil: 0, delay: 0, epoch: 0, reason: "no capacity error yet" }),
  step: (last, sample) => {
    if (sample._tag === "success") return both({ ...last, spacing: Math.max(min, last.spacing - step) })
    if (sample._tag === "neutral" || sample.epoch < last.epoch) return both(last)
    return both({ ...last, spacing: Math.min(max, Math.max(step, last.spacing * 2)), epoch: last.epoch + 1 })
  }
})

/** A law that decides the same for ever, whatever comes. */
export const fixed = (decision: Partial<ControlLaw.Decision>): ControlLaw.ControlLaw<ControlLaw.Decision> => ({
  name: "fixed",
  initial: (poolSize) =>
    both({ window: poolSize, spacing: 0, holdUntil: 0, delay: 0, epoch: 0, reason: "fixed", ...decision }),
  step: (last) => both(last)
})

/** A law that goes through the decisions one by one, a step each, and stays at the last. */
export const sequence = (...decisions: ReadonlyArray<Partial<ControlLaw.Decision>>): ControlLaw.ControlLaw<number> => {
  const at = (state: number, poolSize: number) => ({
    state,
    decision: {
      window: poolSize,
      spacing: 0,
      holdUntil: 0,
      delay: 0,
      epoch: 0,
      reason: `step ${state}`,
      ...decisions[Math.min(state, decisions.length - 1)]
    }
  })
  return { name: "sequence", initial: (poolSize) => at(0, poolSize), step: (state) => at(state + 1, Infinity) }
}

/** A law that keeps each sample that it is given, and decides as another does. */
export const spy = <State>(
  law: ControlLaw.ControlLaw<State>,
  onSample: (sample: ControlLaw.Sample, now: number) => void
) => ({
  ...law,
  step: (state: State, sample: ControlLaw.Sample, now: number, starts?: ControlLaw.Starts) => {
    onSample(sample, now)
    return law.step(state, sample, now, starts)
  }
})

const both = (decision: ControlLaw.Decision): ControlLaw.Step<ControlLaw.Decision> => ({ state: decision, decision })
