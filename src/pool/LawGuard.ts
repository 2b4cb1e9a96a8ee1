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
  return {
    ...law,
    initial: (poolSize, now, learned) => guarded(law.name, "initial", () => law.initial(poolSize, now, learned)),
    step: (state, sample, now, starts) => guarded(law.name, "step", () => law.step(state, sample, now, starts)),
    learned: (state) => {
      try {
        return law.learned?.(state)
      } catch {
        // No decision hangs on it: a batch goes on without.
        return undefined
      }
    },
    ...(resize && {
      resize: (state: State, poolSize: number, now: number) =>
        guarded(law.name, "resize", () => resize(state, poolSize, now))
    })
  }
}

const guarded = <State>(name: string, method: string, ask: () => Step<State>): Step<State> => {
  let answer: Step<State>
  try {
    answer = ask()
  } catch (cause) {
    throw new Error(`effect-aimd: the control law "${name}" threw in ${method}: ${messageOf(cause)}`, { cause })
  }
  if (isStep(answer)) return answer
  throw new TypeError(
    `effect-aimd: the control law "${name}" returned ${kindOf(answer)} from ${method}, expected { state, decision }`
  )
}

const numbers: ReadonlyArray<keyof Decision> = ["window", "spacing", "holdUntil", "delay", "epoch"]

const isStep = (answer: unknown): boolean =>
  Predicate.hasProperty(answer, "decision") &&
  Predicate.hasProperty(answer, "state") &&
  Predicate.isRecord(answer.decision) &&
  areNumbers(answer.decision)

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
