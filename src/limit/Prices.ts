/**
 * What calls cost in money, by the user's table.
 *
 * @since 0.2.0
 */
import * as Predicate from "effect/Predicate"
import * as Argument from "../structure/Argument.js"
import type { Weight } from "./Cost.js"

/**
 * The price of a model, in any currency. If it is not known whether tokens are input or output, they cost the higher
 * price.
 *
 * @since 0.2.0
 * @category models
 */
export interface Price {
  /** Of a million input tokens. Default 0. */
  readonly input?: number | undefined
  /** Of a million output tokens. Default 0. */
  readonly output?: number | undefined
  /** Of a request. Default 0. */
  readonly request?: number | undefined
}

/**
 * Prices by model. `"*"` is the price of all other models, and of calls without a model.
 *
 * @since 0.2.0
 * @category models
 */
export type Prices = Readonly<Record<string, Price>>

const parts = ["input", "output", "request"] as const
const million = 1_000_000

const isPrice = (u: unknown): boolean => Predicate.isNumber(u) && u >= 0 && u < Infinity

/**
 * What is wrong with a table of prices, or undefined.
 *
 * @since 0.2.0
 * @category decoding
 */
export const problem = (u: unknown): string | undefined => {
  const table = 'a table of prices by model, such as { "*": { input: 1.25, output: 10 } }'
  if (!Predicate.isRecord(u) || Object.keys(u).length === 0) return `expected ${table}, got ${Argument.show(u)}`
  for (const [model, price] of Object.entries(u)) {
    if (!Predicate.isRecord(price)) return `${model}: expected { input, output, request }, got ${Argument.show(price)}`
    for (const [part, value] of Object.entries(price)) {
      if (!parts.some((known) => known === part)) return `${model}.${part}: expected only ${parts.join(", ")}`
      if (value !== undefined && !isPrice(value)) {
        return `${model}.${part}: expected a finite number of at least 0, got ${Argument.show(value)}`
      }
    }
  }
  return undefined
}

/**
 * The price of a model; undefined where the table has none.
 *
 * @since 0.2.0
 * @category values
 */
export const find = (prices: Prices, model: string | undefined): Price | undefined =>
  (model !== undefined && Object.hasOwn(prices, model) ? prices[model] : undefined) ?? prices["*"]

/**
 * What a call of a weight costs.
 *
 * @since 0.2.0
 * @category values
 */
export const of = ({ input = 0, output = 0, request = 0 }: Price, weight: Weight): number => {
  const { inputTokens, outputTokens, requests, tokens } = weight
  const others = Math.max(0, tokens - inputTokens - outputTokens)
  return requests * request + (inputTokens * input + outputTokens * output + others * Math.max(input, output)) / million
}
