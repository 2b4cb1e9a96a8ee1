/**
 * What is learned of estimates: how much calls take of what was said that they would.
 *
 * @since 0.2.0
 */
import { type Unit, units, type Weight } from "./Cost.js"

/**
 * What is known of estimates, each model's apart.
 *
 * @since 0.2.0
 * @category models
 */
export interface Estimates {
  /** What a call is to be expected to take; `asked` itself while too little is known. */
  readonly correct: (asked: Weight) => Weight
  /** A call that asked for so much took so much. */
  readonly learn: (asked: Weight, actual: Weight) => void
}

/** The ratios of actual to asked, those of late more than older ones. */
interface Ratios {
  count: number
  mean: number
  square: number
  highest: number
}

/** Before so many calls nothing is corrected. */
const enough = 5

/** So many of the latest calls count. */
const remembered = 50

/** A name out of the user's data must not fill the memory. */
const mostModels = 1000

const observe = (ratios: Ratios, ratio: number): void => {
  ratios.count = Math.min(remembered, ratios.count + 1)
  const share = 1 / ratios.count
  ratios.mean += (ratio - ratios.mean) * share
  ratios.square += (ratio * ratio - ratios.square) * share
  ratios.highest = Math.max(ratio, ratios.highest - (ratios.highest - ratios.mean) / remembered)
}

/** Two deviations above the mean: most calls take less; no more than any took of late. */
const factor = ({ count, highest, mean, square }: Ratios): number =>
  count < enough ? 1 : Math.min(highest, mean + 2 * Math.sqrt(Math.max(0, square - mean * mean)))

/**
 * Makes estimates of which nothing is known.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (): Estimates => {
  const models = new Map<string | undefined, Record<Unit, Ratios>>()

  const ratiosOf = (model: string | undefined): Record<Unit, Ratios> => {
    const known = models.get(model)
    if (known !== undefined) return known
    const none = (): Ratios => ({ count: 0, mean: 0, square: 0, highest: 0 })
    const ratios = { requests: none(), tokens: none(), inputTokens: none(), outputTokens: none() }
    const [oldest] = models.keys()
    if (models.size >= mostModels) models.delete(oldest)
    models.set(model, ratios)
    return ratios
  }

  return {
    correct: (asked) => {
      const ratios = models.size === 0 ? undefined : models.get(asked.model)
      if (ratios === undefined || asked.tokens + asked.inputTokens + asked.outputTokens === 0) return asked
      const expected = (unit: Unit): number => Math.ceil(asked[unit] * factor(ratios[unit]))
      return {
        requests: asked.requests,
        tokens: expected("tokens"),
        inputTokens: expected("inputTokens"),
        outputTokens: expected("outputTokens"),
        model: asked.model
      }
    },
    learn: (asked, actual) => {
      if (asked.tokens + asked.inputTokens + asked.outputTokens === 0) return
      const ratios = ratiosOf(asked.model)
      for (const unit of units)
        if (unit !== "requests" && asked[unit] > 0) observe(ratios[unit], actual[unit] / asked[unit])
    }
  }
}
