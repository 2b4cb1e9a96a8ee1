/**
 * A law may be the user's own: whatever it returns is looked at before anybody relies on it.
 *
 * @since 0.2.0
 */
import * as Predicate from "effect/Predicate"
import type { ControlLaw, Decision, Step } from "../law/ControlLaw.js"

/**
 * The same law, which throws one kind of error: one that says whose fault it is.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <State>(law: ControlLaw<State>): ControlLaw<State> => {
  const resize: ControlLaw<State>["resize"] = law.resize?.bind(law)
  const guarded = guard<State>(law.name)
  return {
    ...law,
    initial: (poolSize, now, learned) => guarded("initial", () => law.initial(poolSize, now, learned)),
    step: (state, sample, now, starts) => guarded("step", () => law.step(state, sample, now, starts)),
    learned: (state) => {
      try {
        return law.learned?.(state)
      } catch {
        // No decision hangs on it: a batch goes on without.
        return undefined
      }
    },
    ...(resize && {
      resize: (state: State, poolSize: number, now: number) => guarded("resize", () => resize(state, poolSize, now))
    })
  }
}

const guard = <State>(name: string) => {
  /** The latest decision that was looked at: most steps decide the same again. */
  let known: unknown

  return (method: string, ask: () => Step<State>): Step<State> => {
    let answer: Step<State>
    try {
      answer = ask()
    } catch (cause) {
      throw new Error(`effect-aimd: the control law "${name}" threw in ${method}: ${messageOf(cause)}`, { cause })
    }
    if (isStep(answer, known)) {
      known = answer.decision
      return answer
    }
    throw new TypeError(
      `effect-aimd: the control law "${name}" returned ${kindOf(answer)} from ${method}, expected { state, decision }`
    )
  }
}

const numbers: ReadonlyArray<keyof Decision> = ["window", "spacing", "holdUntil", "delay", "epoch"]

const isStep = (answer: unknown, known: unknown): boolean =>
  Predicate.hasProperty(answer, "decision") &&
  Predicate.hasProperty(answer, "state") &&
  Predicate.isRecord(answer.decision) &&
  (answer.decision === known || areNumbers(answer.decision))

const areNumbers = (decision: Record<PropertyKey, unknown>): boolean =>
  numbers.every((name) => typeof decision[name] === "number")

const kindOf = (value: unknown): string =>
  value === null
    ? "null"
    : Predicate.isPromiseLike(value)
      ? "a promise"
      : Predicate.isObject(value)
        ? `an object without ${Predicate.hasProperty(value, "decision") ? "a valid decision" : "a decision"}`
        : String(typeof value)

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
