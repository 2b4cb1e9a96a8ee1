/**
 * What a caller handed in: read with care, and refused with a sentence that says what was expected and what came.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Format from "./Format.js"

/** A message shows what it was handed, not megabytes of it. */
const longest = 100

/**
 * A value as a message shows it.
 *
 * @since 0.2.0
 * @category formatting
 */
export const show = (u: unknown): string => {
  if (Duration.isDuration(u)) return Format.duration(u)
  if (Predicate.isFunction(u)) return "a function"
  if (Predicate.isPromiseLike(u)) return "a Promise"
  if (Predicate.hasProperty(u, Symbol.asyncIterator)) return "an async iterable"
  if (Predicate.isDate(u) && Number.isNaN(u.getTime())) return "Invalid Date"
  const text = Predicate.isString(u) ? JSON.stringify(u) : Inspectable.toStringUnknown(u, 0)
  return text.length > longest ? `${text.slice(0, longest)}...` : text
}

/**
 * The defect of a wrong argument: `what` names the option or the argument.
 *
 * @since 0.2.0
 * @category errors
 */
export const refusal = (what: string, expected: string, actual: unknown): Cause.IllegalArgumentException =>
  new Cause.IllegalArgumentException(`effect-aimd: ${what}: expected ${expected}, got ${show(actual)}`)

/**
 * The name of an argument, or of what a row has of it. A name is made for a message alone.
 *
 * @since 0.2.0
 * @category formatting
 */
export const nameOf = (what: string, row: number | undefined): string =>
  row === undefined ? what : `${what} of row ${row}`

/**
 * What a message says was expected where an Effect was.
 *
 * @since 0.2.0
 * @category formatting
 */
export const anEffect = "an Effect (Effect.tryPromise makes one of a promise)"

// Effect reads NaN and negative durations as zero, so what was written is looked at before it is decoded.
const isNegativeOrNaN = (u: unknown): boolean =>
  typeof u === "number"
    ? !(u >= 0)
    : typeof u === "bigint"
      ? u < 0n
      : typeof u === "string"
        ? u.trim().startsWith("-")
        : Array.isArray(u) && u.some(isNegativeOrNaN)

/**
 * Reads a `DurationInput`; none where the value is no duration, NaN or negative.
 *
 * @since 0.2.0
 * @category decoding
 */
export const duration = (u: unknown): Option.Option<Duration.Duration> =>
  // As the environment writes it: to Effect it is no duration.
  u === "Infinity" ? Option.some(Duration.infinity) : isNegativeOrNaN(u) ? Option.none() : Duration.decodeUnknown(u)
