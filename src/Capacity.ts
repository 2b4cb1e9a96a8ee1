/**
 * What an API says when it has no room: the error that a call fails with to be retried by the pool.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
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
    message: (issue) => `expected a valid HTTP status, an integer from 100 to 599, got ${String(issue.actual)}`
  })
)

const fields = {
  status: HttpStatus,
  message: Schema.optional(Schema.String),
  retryAfter: Schema.optional(Schema.Duration),
  cause: Schema.optional(Schema.Unknown)
}

const describe = (props: { readonly status: number; readonly retryAfter?: Duration.Duration | undefined }): string =>
  props.retryAfter === undefined
    ? `the API has no capacity now: status ${props.status}`
    : `the API has no capacity now: status ${props.status}, retry after ${Format.duration(props.retryAfter)}`

/**
 * The API answered "not now". It is the only error that a pool retries: fail a call with it when the answer has one of
 * the {@link capacityStatuses}.
 *
 * - `status`: the HTTP status, an integer from 100 to 599; anything else is refused
 * - `retryAfter`: how long the API asks to be left alone; the whole pool holds its starts that long
 * - `message`: defaults to a sentence built from the two
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

  // Adds to what the schema checks and changes nothing of it: only a constructor can build a default from other fields.
  // @effect-diagnostics-next-line overriddenSchemaConstructor:off
  constructor(props: ConstructorParameters<typeof CapacityErrorBase>[0], options?: Schema.MakeOptions) {
    super({ ...props, message: props.message ?? describe(props) }, options)
  }
}

// Only for its type: a class cannot name its own base's constructor while it is being declared.
declare const CapacityErrorBase: Schema.TaggedErrorClass<
  CapacityError,
  "CapacityError",
  { readonly _tag: Schema.tag<"CapacityError"> } & typeof fields
>

/**
 * The statuses by which HTTP APIs say "not now": 429 Too Many Requests, 503 Service Unavailable and 529 Overloaded
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
