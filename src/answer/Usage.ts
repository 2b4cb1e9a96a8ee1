/**
 * What attempts have used, in tokens and in money, and how to read it from answers.
 *
 * @since 0.2.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Usage } from "../law/ControlLaw.js"

export type {
  /**
   * What an attempt, a row, a batch or a pool has used.
   *
   * @since 0.2.0
   * @category models
   */
  Usage
} from "../law/ControlLaw.js"

const amount = Schema.optionalWith(Schema.Finite.pipe(Schema.nonNegative()), { exact: true })

/**
 * The schema of a usage, as in an audit record.
 *
 * @since 0.2.0
 * @category schemas
 */
export const Used: Schema.Schema<Usage> = Schema.Struct({
  tokens: amount,
  inputTokens: amount,
  outputTokens: amount,
  money: amount
})

/**
 * A usage of which nothing is known.
 *
 * @since 0.2.0
 * @category constants
 */
export const none: Usage = {}

/**
 * Whether nothing is known.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isNone = (usage: Usage): boolean => Object.keys(usage).length === 0

const isAmount = (u: unknown): u is number => Predicate.isNumber(u) && Number.isFinite(u) && u >= 0

const plus = (a: number | undefined, b: number | undefined): number | undefined =>
  isAmount(a) ? a + (isAmount(b) ? b : 0) : isAmount(b) ? b : undefined

/** With the fields that are known; nothing else than an amount gets in. */
const make = (tokens?: number, inputTokens?: number, outputTokens?: number, money?: number): Usage => ({
  ...(isAmount(tokens) && { tokens }),
  ...(isAmount(inputTokens) && { inputTokens }),
  ...(isAmount(outputTokens) && { outputTokens }),
  ...(isAmount(money) && { money })
})

/**
 * Adds two usages. A field that only one of them has counts as it is; a field that neither has stays unknown. A value
 * that is negative or not finite counts as unknown.
 *
 * @since 0.2.0
 * @category combinators
 */
export const sum = (a: Usage, b: Usage): Usage =>
  make(
    plus(a.tokens, b.tokens),
    plus(a.inputTokens, b.inputTokens),
    plus(a.outputTokens, b.outputTokens),
    plus(a.money, b.money)
  )

/**
 * The usage of one attempt. If it has only input and output tokens, their sum is added.
 *
 * @since 0.2.0
 * @category combinators
 */
export const whole = ({ inputTokens, money, outputTokens, tokens }: Usage): Usage =>
  make(isAmount(tokens) ? tokens : plus(inputTokens, outputTokens), inputTokens, outputTokens, money)

/** In whose words: the names whose numbers add up to the input and to the output, and that of both together. */
interface Words {
  readonly input: ReadonlyArray<string>
  readonly output: ReadonlyArray<string>
  readonly total: string
}

const dialects: ReadonlyArray<Words> = [
  { input: ["prompt_tokens"], output: ["completion_tokens"], total: "total_tokens" },
  {
    // What was read from a cache, or written to one, is not among the first.
    input: ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"],
    output: ["output_tokens"],
    total: "total_tokens"
  },
  {
    input: ["inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"],
    output: ["outputTokens"],
    total: "totalTokens"
  },
  {
    input: ["promptTokenCount", "toolUsePromptTokenCount"],
    output: ["candidatesTokenCount", "thoughtsTokenCount"],
    total: "totalTokenCount"
  }
]

type Json = { readonly [name: string]: unknown }

const amountOf = (value: unknown): number | undefined => (isAmount(value) ? value : undefined)

const added = (told: Json, names: ReadonlyArray<string>): number | undefined =>
  names.reduce<number | undefined>((total, name) => plus(total, amountOf(told[name])), undefined)

const moneyOf = ({ cost }: Json): number | undefined => amountOf(Predicate.isRecord(cost) ? cost["total_cost"] : cost)

const read = (told: Json): Usage | undefined => {
  const money = moneyOf(told)
  for (const { input, output, total } of dialects) {
    const [inputTokens, outputTokens] = [added(told, input), added(told, output)]
    if (inputTokens === undefined && outputTokens === undefined) continue
    return make(amountOf(told[total]), inputTokens, outputTokens, money)
  }
  const usage = make(added(told, ["total_tokens"]), undefined, undefined, money)
  return isNone(usage) ? undefined : usage
}

/** Where it stands: beside the work, or in what an event is about. */
const findIn = (body: Json): Usage | undefined => {
  for (const told of [body["usage"], body["usageMetadata"]]) {
    if (!Predicate.isRecord(told)) continue
    const usage = read(told) ?? (Predicate.isRecord(told["tokens"]) ? read(told["tokens"]) : undefined)
    if (usage !== undefined) return usage
  }
  return undefined
}

/**
 * Reads a usage from a decoded JSON body, with the names of OpenAI (chat completions and responses), Anthropic, Google,
 * Amazon Bedrock, Cohere, and all that use the same names. In a list, the last part with a usage counts. `money` is
 * what some routers call `cost`. `undefined` if the body tells none.
 *
 * @example
 * ```ts
 * import { Usage } from "effect-aimd"
 *
 * const answer = { id: "1", usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } }
 * assert.deepStrictEqual(Usage.fromBody(answer), { tokens: 12, inputTokens: 9, outputTokens: 3 })
 * ```
 *
 * @since 0.2.0
 * @category reading
 */
export const fromBody = (body: unknown): Usage | undefined => {
  if (Array.isArray(body))
    return body.reduceRight<Usage | undefined>((found, part) => found ?? fromBody(part), undefined)
  if (!Predicate.isRecord(body)) return undefined
  for (const part of [body, body["response"], body["message"]]) {
    const usage = Predicate.isRecord(part) ? findIn(part) : undefined
    if (usage !== undefined) return usage
  }
  return undefined
}

/** In JSON, a quotation mark inside a text has a backslash before it: this is a name. */
const key = /"usage(?:Metadata)?"\s*:\s*\{/

/**
 * The same for a text that may be JSON. A text that cannot contain a usage is not parsed.
 *
 * @since 0.2.0
 * @category reading
 */
export const fromText = (text: string): Usage | undefined => {
  if (!key.test(text)) return undefined
  try {
    return fromBody(JSON.parse(text))
  } catch {
    return undefined
  }
}
