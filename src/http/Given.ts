/**
 * The options of the pooled clients, as they were given: callers without types may hand in anything.
 *
 * @since 0.2.0
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Capacity from "../Capacity.js"
import * as Argument from "../structure/Argument.js"

interface Expected {
  readonly what: string
  readonly is: (u: unknown) => boolean
}

const aFunction: Expected = { what: "a function", is: Predicate.isFunction }

const oneOf = (...choices: ReadonlyArray<string>): Expected => ({
  what: choices.map((choice) => `"${choice}"`).join(" or "),
  is: (u) => choices.some((choice) => choice === u)
})

const someStatuses = "HTTP statuses, such as [429, 503]"

/** Of both `PooledHttpClient` and `PooledFetch`. */
const known: Readonly<Record<string, Expected>> = {
  statuses: { what: someStatuses, is: (u) => Predicate.isIterable(u) && !Predicate.isString(u) },
  classify: aFunction,
  headerNames: {
    what: 'an object of lists of names, such as { retryAfter: ["retry-after"] }',
    is: (u) =>
      Predicate.isRecord(u) && Object.values(u).every((names) => Array.isArray(names) || Predicate.isRecord(names))
  },
  body: oneOf("auto", "buffer", "stream"),
  permitUntil: oneOf("body", "headers"),
  resend: { what: "false, or an object", is: (u) => u === false || Predicate.isRecord(u) },
  onQuotaExhausted: aFunction,
  streamingBody: oneOf("refuse", "once", "replay"),
  turn: aFunction,
  cost: aFunction,
  groupKey: aFunction,
  fetch: aFunction,
  timeLimit: { what: 'a duration of at least 0, such as "10 seconds"', is: (u) => Option.isSome(Argument.duration(u)) }
}

const ofResend: Readonly<Record<string, Expected>> = {
  isSafe: aFunction,
  schedule: { what: "a Schedule", is: Schedule.isSchedule },
  idempotencyKeys: { what: "true or false", is: Predicate.isBoolean }
}

const checkAll = (options: object, expected: Readonly<Record<string, Expected>>, of: string): void => {
  for (const [name, value] of Object.entries(options)) {
    const { is, what } = expected[name] ?? {
      what: `only the options ${Object.keys(expected).join(", ")}`,
      is: () => false
    }
    if (value !== undefined && !is(value)) throw Argument.refusal(`option ${of}${name}`, what, value)
  }
}

/**
 * Throws what is wrong with options.
 *
 * @since 0.2.0
 * @category decoding
 */
export const check = (options: object): void => {
  if (!Predicate.isRecord(options)) throw Argument.refusal("argument options", "an object", options)
  checkAll(options, known, "")
  if (Predicate.isRecord(options["resend"])) checkAll(options["resend"], ofResend, "resend.")
}

/**
 * The statuses that mean "not now"; throws what is no status.
 *
 * @since 0.2.0
 * @category decoding
 */
export const statusesOf = (given: Iterable<number> = Capacity.capacityStatuses): ReadonlySet<number> => {
  // An iterable may be read once.
  const statuses = new Set(given)
  const wrong = [...statuses].find((status) => !Number.isInteger(status) || status < 100 || status > 599)
  if (wrong !== undefined) throw Argument.refusal("option statuses", someStatuses, wrong)
  return statuses
}
