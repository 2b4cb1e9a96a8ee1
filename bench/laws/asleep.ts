/** What the pool does not do by itself: elsewhere a call that sleeps before it tries again keeps its place meanwhile. */
import type { ControlLaw } from "effect-aimd"

interface Asleep<State> {
  readonly state: State
  /** When each of those that sleep will wake. */
  readonly wakes: ReadonlyArray<number>
  readonly places: number
}

/**
 * The same law, with so many fewer attempts in flight as there are calls asleep: a limit of 64 calls at once is one of the
 * calls, and not of their attempts. Else all rows of a batch would back off at once, and knock by the thousand. The law is
 * told of calls in flight, not of attempts.
 */
export const keepingPlaces = <State>(law: ControlLaw.ControlLaw<State>): ControlLaw.ControlLaw<Asleep<State>> => {
  const step = (
    { decision, state }: ControlLaw.Step<State>,
    places: number,
    wakes: ReadonlyArray<number>
  ): ControlLaw.Step<Asleep<State>> => {
    const window = Math.max(1, Math.min(places, decision.window) - wakes.length)
    return { state: { state, wakes, places }, decision: { ...decision, window } }
  }
  const { name, remembers = 0 } = law
  return {
    name,
    remembers,
    initial: (poolSize, now, learned) => step(law.initial(poolSize, now, learned), poolSize, []),
    learned: ({ state }) => law.learned?.(state),
    step: (last, sample, now, starts) => {
      const asleep = last.wakes.filter((wake) => wake > now)
      const next = law.step(last.state, { ...sample, inFlight: sample.inFlight + asleep.length }, now, starts)
      const { delay } = next.decision
      return step(next, last.places, sample._tag === "capacity" && delay > 0 ? [...asleep, now + delay] : asleep)
    }
  }
}
