/**
 * The cost of a call: how much it takes of an API's limits.
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
 * The most that a call is expected to take, as its caller says it. `model` is its row in the table of prices; estimates
 * are corrected for each model separately.
 *
 * @since 0.2.0
 * @category models
 */
export interface Cost {
  /** Default 1. */
  readonly requests?: number | undefined
  /** Default the sum of `inputTokens` and `outputTokens`. */
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

const names: ReadonlySet<string> = new Set([...units, "model"])

const amountOf = (unit: Unit, value: unknown, what: string, row: number | undefined): number => {
  if (typeof value === "number" && value >= 0 && value < Infinity) return value
  throw Argument.refusal(`${Argument.nameOf(what, row)}.${unit}`, "a finite number of at least 0", value)
}

/**
 * Reads a cost; throws what is wrong with it, since callers without types may hand in anything. `what`, and the number of its
 * `row`, name it.
 *
 * @since 0.2.0
 * @category decoding
 */
export const weigh = (cost: unknown, what = "cost", row?: number): Weight => {
  if (!Predicate.isRecord(cost)) {
    throw Argument.refusal(Argument.nameOf(what, row), `an object with ${[...names].join(", ")}`, cost)
  }
  // No list of the keys: this is read of every row.
  for (const key in cost) {
    if (!names.has(key) && Object.hasOwn(cost, key)) {
      throw Argument.refusal(`${Argument.nameOf(what, row)}.${key}`, `only ${[...names].join(", ")}`, cost[key])
    }
  }
  const inputTokens = amountOf("inputTokens", cost.inputTokens ?? 0, what, row)
  const outputTokens = amountOf("outputTokens", cost.outputTokens ?? 0, what, row)
  const requests = amountOf("requests", cost.requests ?? 1, what, row)
  const tokens = amountOf("tokens", cost.tokens ?? inputTokens + outputTokens, what, row)
  const { model } = cost
  if (model === undefined || typeof model === "string") return { requests, tokens, inputTokens, outputTokens, model }
  throw Argument.refusal(`${Argument.nameOf(what, row)}.model`, "a string", model)
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

/**
 * What many rows take, in a list of numbers: objects of rows that wait would be copied by each collection of garbage.
 *
 * @since 0.2.0
 * @category models
 */
export class Weights {
  readonly length: number
  private readonly amounts: Array<number>
  /** Made with the first that has one. */
  private models: Array<string | undefined> | undefined = undefined
  /** As much of each as the largest of them takes; of no model. */
  readonly largest: Weight & Record<Unit, number> = { ...one, requests: 0 }

  constructor(length: number) {
    this.length = length
    this.amounts = new Array<number>(units.length * length)
  }

  set(index: number, { inputTokens, model, outputTokens, requests, tokens }: Weight): void {
    const { amounts, largest } = this
    const from = units.length * index
    if (requests > largest.requests) largest.requests = requests
    if (tokens > largest.tokens) largest.tokens = tokens
    if (inputTokens > largest.inputTokens) largest.inputTokens = inputTokens
    if (outputTokens > largest.outputTokens) largest.outputTokens = outputTokens
    amounts[from] = requests
    amounts[from + 1] = tokens
    amounts[from + 2] = inputTokens
    amounts[from + 3] = outputTokens
    if (model !== undefined) (this.models ??= [])[index] = model
  }

  at(index: number): Weight {
    const { amounts, models } = this
    const from = units.length * index
    return {
      requests: amounts[from] ?? 0,
      tokens: amounts[from + 1] ?? 0,
      inputTokens: amounts[from + 2] ?? 0,
      outputTokens: amounts[from + 3] ?? 0,
      model: models?.[index]
    }
  }
}
