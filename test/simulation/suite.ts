/** The scenario suite: one run a seed, of every model with every law in turn, calm and not. */
import { Simulation, VirtualTime, type Checker, type Report } from "effect-aimd/testing"
import { Data, Effect, Logger, LogLevel } from "effect"
import { checkersOf, draw, journaled, laws, models, smaller, told, worldOf, type Plan } from "./plans.js"

/** Faults are over, and yet a row did not get the answer of the API. */
class Starved extends Data.TaggedError("Starved")<{ readonly outcomes: Report.Report["outcomes"] }> {
  override get message(): string {
    return `a calm world ended with ${JSON.stringify(this.outcomes)}`
  }
}

/** With a fixed window and rejections that count, the delay law knocks for ever: only its budget ends that. */
const mayGiveUp = ({ law, model }: Plan): boolean => law === "delay" && model === "sliding window, rejections count"

const program =
  (calm: boolean) =>
  (plan: Plan): Effect.Effect<Report.Report, Checker.ViolationError | Starved> =>
    Effect.filterOrFail(
      Simulation.program(worldOf(plan), { checkers: checkersOf(plan) }),
      ({ outcomes }) => {
        const served = new Set([
          "success",
          "failed",
          "AttemptTimeoutError",
          ...(mayGiveUp(plan) ? ["RetryTimeoutError"] : [])
        ])
        return !calm || Object.keys(outcomes).every((outcome) => served.has(outcome))
      },
      ({ outcomes }) => new Starved({ outcomes })
    ).pipe(Logger.withMinimumLogLevel(LogLevel.None))

export interface Case {
  readonly name: string
  readonly model: Plan["model"]
  readonly law: Plan["law"]
  readonly calm: boolean
}

// The keys of a record that is written out are the keys of its type.
const keys = <K extends string>(record: Record<K, unknown>) => Object.keys(record) as Array<K>

export const cases: ReadonlyArray<Case> = keys(models).flatMap((model) =>
  keys(laws).flatMap((law) =>
    [true, false].map((calm) => ({
      name: `${model} with the ${law} law, ${calm ? "calm" : "faults"}`,
      model,
      law,
      calm
    }))
  )
)

/**
 * Explores the seeds of a case, fibers being preempted at any step. With `isTold`, rows say whose turn it is in each world, and
 * no client has a journal.
 */
export const explore = ({ calm, law, model }: Case, seeds: Iterable<number>, isTold = false) => {
  const drawn = (seed: number): Plan => {
    const plan = draw(seed, model, law, calm)
    return isTold ? plan : journaled(plan, seed)
  }
  return VirtualTime.exploreWorlds(program(calm), {
    seeds,
    world: (seed) => told(drawn(seed), seed, calm, isTold ? 1 : 1 / 3),
    shrink: smaller,
    preemption: 0.01,
    maxEvents: 300_000,
    show: (plan) => `program(${calm})(${JSON.stringify(plan)})`
  })
}
