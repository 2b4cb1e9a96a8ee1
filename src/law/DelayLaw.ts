/**
 * The AIMD delay behind the contract of a control law: a fixed window of `poolSize` permits and one shared delay, which a
 * rejected row waits without a permit.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as AimdDelay from "./AimdDelay.js"
import type { ControlLaw, Decision, Step } from "./ControlLaw.js"

const Learned = Schema.Struct({ delay: Schema.NonNegative })

/**
 * Makes the law; its state is its last decision. One congestion epoch backs the delay off once: the rejections of
 * attempts that were admitted before change nothing, and neither does a neutral outcome.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (parameters: AimdDelay.Parameters): ControlLaw<Decision> => ({
  name: "delay",
  initial: (poolSize, _, learned) =>
    both({
      window: poolSize,
      spacing: parameters.minDelay,
      holdUntil: 0,
      delay: Schema.is(Learned)(learned) ? Math.min(learned.delay, parameters.maxDelay) : 0,
      epoch: 0,
      reason: "no capacity error yet"
    }),
  resize: (last, poolSize) => both({ ...last, window: poolSize, reason: `the pool's size is now ${poolSize}` }),
  step: (last, sample) => {
    switch (sample._tag) {
      case "neutral":
        return both(last)
      case "success": {
        const delay = AimdDelay.recover(parameters, last.delay)
        return both(delay === last.delay ? last : { ...last, delay, reason: "recovered a step on a success" })
      }
      case "capacity": {
        if (sample.epoch < last.epoch) return both(last)
        const delay = AimdDelay.backOff(parameters, last.delay)
        return both({ ...last, delay, epoch: last.epoch + 1, reason: `backed off on status ${sample.status}` })
      }
    }
  },
  learned: ({ delay }) => ({ delay })
})

const both = (decision: Decision): Step<Decision> => ({ state: decision, decision })
