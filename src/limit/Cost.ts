/**
 * What a call weighs: how much it takes of an API's limits.
 *
 * @since 0.2.0
 */
import * as Predicate from "effect/Predicate"
import * as Argument from "../structure/Argument.js"

/**
 * What a limit counts.
 *
 * @since 0.2.0
 * @category models
 */
export const units = ["requests", "tokens", "inputTokens", "outputTokens"] as const

/**
 * One of {@link units}.
 *
 * @since 0.2.0
 * @category models
 */
export type Unit = (typeof units)[number]

/**
 * What a call is expected to take, as its caller says it. `model` is the row of a table of prices, and groups what is
 * learned of estimates.
 *
 * @since 0.2.0
 * @category models
 */
export interface Cost {
  /** Default 1. */
  readonly requests?: number | undefined
  /** Default `inputTokens` and `outputTokens` together. */
  readonly tokens?: number | undefined
  /** Default 0. */
  readonly inputTokens?: number | undefined
  /** Default 0. */
  readonly outputTokens?: number | undefined
  /** Default none. */
  readonly model?: string | undefined
}

/**
 * A cost with nothing left out.
 *
 * @since 0.2.0
 * @category models
 */
export interface Weight extends Readonly<Record<Unit, number>> {
  readonly model: string | undefined
}

/**
 * What a call weighs of which nothing is said.
 *
 * @since 0.2.0
 * @category values
 */
export const one: Weight = { requests: 1, tokens: 0, inputTokens: 0, outputTokens: 0, model: undefined }

const names: ReadonlyArray<string> = [...units, "model"]

const isAmount = (u: unknown): u is number => Predicate.isNumber(u) && u >= 0 && u < Infinity

/**
 * Reads a cost; throws what is wrong with it, since callers without types may hand in anything. `what` names it.
 *
 * @since 0.2.0
 * @category decoding
 */
export const weigh = (cost: unknown, what = "cost"): Weight => {
  if (!Predicate.isRecord(cost)) throw Argument.refusal(what, `an object with ${names.join(", ")}`, cost)
  const unknown = Object.keys(cost).find((key) => !names.includes(key))
  if (unknown !== undefined) throw Argument.refusal(`${what}.${unknown}`, `only ${names.join(", ")}`, cost[unknown])
  const amount = (unit: Unit, otherwise: number): number => {
    const value = cost[unit] ?? otherwise
    if (!isAmount(value)) throw Argument.refusal(`${what}.${unit}`, "a finite number of at least 0", value)
    return value
  }
  const { model } = cost
  if (model !== undefined && !Predicate.isString(model)) throw Argument.refusal(`${what}.model`, "a string", model)
  const inputTokens = amount("inputTokens", 0)
  const outputTokens = amount("outputTokens", 0)
  return {
    requests: amount("requests", 1),
    tokens: amount("tokens", inputTokens + outputTokens),
    inputTokens,
    outputTokens,
    model
  }
}

/**
 * What a call has used, as its answer tells it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Used {
  readonly tokens?: number
  readonly inputTokens?: number
  readonly outputTokens?: number
}

/**
 * What a call took that asked for so much: what the answer does not tell stays as it was expected.
 *
 * @since 0.2.0
 * @category arithmetic
 */
export const took = (asked: Weight, used: Used): Weight => {
  const { inputTokens = asked.inputTokens, outputTokens = asked.outputTokens } = used
  const isTold = used.inputTokens !== undefined || used.outputTokens !== undefined
  return {
    ...asked,
    inputTokens,
    outputTokens,
    tokens: used.tokens ?? (isTold ? inputTokens + outputTokens : asked.tokens)
  }
}
