/**
 * What an API says when it has no capacity: a call that fails with this error is retried by the pool.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Argument from "./structure/Argument.js"
import * as Format from "./structure/Format.js"

/**
 * Marks every {@link CapacityError}, also across two copies of this package.
 *
 * @since 0.1.0
 * @category symbols
 */
export const TypeId = "~effect-aimd/CapacityError" as const

/**
 * Schema of an HTTP status: an integer from 100 to 599.
 *
 * @since 0.1.0
 * @category schemas
 */
export const HttpStatus = Schema.Int.pipe(
  Schema.between(100, 599, {
    identifier: "HttpStatus",
    message: (issue) => `expected ${httpStatus}, got ${String(issue.actual)}`
  })
)

const httpStatus = "a valid HTTP status, an integer from 100 to 599"

const isHttpStatus = Schema.is(HttpStatus)

const fields = {
  status: HttpStatus,
  message: Schema.optional(Schema.String),
  retryAfter: Schema.optional(Schema.Duration),
  cause: Schema.optional(Schema.Unknown)
}

/**
 * The values that make a {@link CapacityError}.
 *
 * @since 0.2.0
 * @category models
 */
export interface CapacityErrorProps {
  /** The HTTP status, an integer from 100 to 599. */
  readonly status: number
  /** Default: a sentence that says `status` and `retryAfter`. */
  readonly message?: string | undefined
  /** How long the API asks to be left alone. A bare number is milliseconds. */
  readonly retryAfter?: Duration.DurationInput | undefined
  readonly cause?: unknown
}

const describe = (status: number, retryAfter: Duration.Duration | undefined): string =>
  retryAfter === undefined
    ? `the API has no capacity now: status ${status}`
    : `the API has no capacity now: status ${status}, retry after ${Format.duration(retryAfter)}`

const refuse = (what: string, expected: string, actual: unknown): never => {
  throw Argument.refusal(`${what} of a CapacityError`, expected, actual)
}

const validated = (props: CapacityErrorProps) => {
  if (!Predicate.isRecord(props)) return refuse("argument", "an object with a status", props)
  const { retryAfter, ...others } = props
  const { message, status } = others
  if (!isHttpStatus(status)) return refuse("status", httpStatus, status)
  if (message !== undefined && !Predicate.isString(message)) return refuse("message", "a string", message)
  if (retryAfter === undefined) return { ...others, message: message ?? describe(status, undefined) }
  const wait = Option.getOrElse(Argument.duration(retryAfter), () =>
    refuse("retryAfter", 'a duration of at least 0, such as "2 seconds"', retryAfter)
  )
  return { ...others, message: message ?? describe(status, wait), retryAfter: wait }
}

/**
 * The API answered "not now". It is the only error that a pool retries: fail a call with it when the answer has one of
 * the {@link capacityStatuses}.
 *
 * - `status`: the HTTP status, an integer from 100 to 599; anything else is refused
 * - `retryAfter`: how long the API asks to be left alone, as any `DurationInput` (`"2 seconds"`; a bare number is
 *   milliseconds); the whole pool holds its starts that long
 * - `message`: by default a sentence made from the two
 *
 * A wrong value throws an `IllegalArgumentException` that says what was expected.
 *
 * @since 0.1.0
 * @category errors
 */
export class CapacityError extends Schema.TaggedError<CapacityError>()("CapacityError", fields) {
  /**
   * Marks the error.
   *
   * @since 0.1.0
   */
  readonly [TypeId] = TypeId

  // The schema checks what is decoded; here come callers without types, who are to read what was expected of them.
  // @effect-diagnostics-next-line overriddenSchemaConstructor:off
  constructor(props: CapacityErrorProps, options?: Schema.MakeOptions) {
    super(validated(props), options)
  }
}

/**
 * The statuses with which HTTP APIs say "not now": 429 Too Many Requests, 503 Service Unavailable and 529 Overloaded
 * (RFC 6585, RFC 9110, Anthropic).
 *
 * @since 0.1.0
 * @category constants
 */
export const capacityStatuses: ReadonlySet<number> = new Set([429, 503, 529])

/**
 * Whether a status is one of the {@link capacityStatuses}.
 *
 * @since 0.1.0
 * @category guards
 */
export const isCapacityStatus = (status: number): boolean => capacityStatuses.has(status)

/**
 * Whether a value is a {@link CapacityError}.
 *
 * @example
 * ```ts
 * import { Duration } from "effect"
 * import { Capacity } from "effect-aimd"
 *
 * const error = new Capacity.CapacityError({ status: 429, retryAfter: Duration.seconds(2) })
 * assert.strictEqual(error.message, "the API has no capacity now: status 429, retry after 2s")
 * assert.strictEqual(Capacity.isCapacityError(error), true)
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isCapacityError = (u: unknown): u is CapacityError => Predicate.hasProperty(u, TypeId)
