/** What a user types for durations, headers and limits, read strictly: each left says what is expected. */
import { Duration, Either } from "effect"

const units: { readonly [unit: string]: number } = {
  ms: 1,
  milli: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000
}

const unitOf = (word: string): number | undefined => {
  const singular = word.length > 2 && word.endsWith("s") && word !== "ms" ? word.slice(0, -1) : word
  return Object.hasOwn(units, singular) ? units[singular] : undefined
}

/** A duration over zero: `500ms`, `30s`, `5 min`, `2 hours`. */
export const duration = (text: string): Either.Either<Duration.Duration, string> => {
  const [, number = "", word = ""] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/i.exec(text) ?? []
  const unit = unitOf(word.toLowerCase())
  const millis = unit === undefined ? NaN : Number(number) * unit
  return millis > 0
    ? Either.right(Duration.millis(millis))
    : Either.left(`expected a duration such as 30s, 5min or "2 hours", got ${JSON.stringify(text)}`)
}

/** A header: `name: value`, or `name:` to leave one out that would be sent. */
export const header = (text: string): Either.Either<{ readonly name: string; readonly value: string }, string> => {
  const [, name, value = ""] = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*(.*?)\s*$/.exec(text) ?? []
  // The value may be a secret: it is not repeated.
  return name === undefined
    ? Either.left("expected a header as 'name: value'")
    : Either.right({ name: name.toLowerCase(), value })
}

/** A limit of an API: so many requests or tokens in a period, or at once. */
export type Limit =
  | { readonly unit: "requests" | "tokens"; readonly count: number; readonly perMillis: number }
  | { readonly unit: "at once"; readonly count: number }

const aLimit = `expected a limit such as 600/min, "90000 tokens/min", 10/s, 100/10s or "8 at once"`

/** A limit in words. */
export const limit = (text: string): Either.Either<Limit, string> => {
  const wrong = Either.left(`${aLimit}, got ${JSON.stringify(text)}`)
  const atOnce = /^\s*(\d+)\s*at[ -]once\s*$/i.exec(text)
  if (atOnce !== null) {
    const count = Number(atOnce[1])
    return count > 0 ? Either.right({ unit: "at once", count }) : wrong
  }
  const [, number = "", what = "requests", times = "1", word = ""] =
    /^\s*(\d+)\s*(requests?|tokens?)?\s*(?:\/|per)\s*(\d+(?:\.\d+)?)?\s*([a-z]+)\s*$/i.exec(text) ?? []
  const [count, unit] = [Number(number), unitOf(word.toLowerCase())]
  const perMillis = unit === undefined ? NaN : Number(times) * unit
  if (!(count > 0 && perMillis > 0)) return wrong
  return Either.right({ unit: what.toLowerCase().startsWith("token") ? "tokens" : "requests", count, perMillis })
}
