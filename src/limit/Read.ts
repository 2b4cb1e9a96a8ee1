/**
 * Limits out of options and out of text, read with care.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Argument from "../structure/Argument.js"
import { units } from "./Cost.js"
import type * as Limit from "./Limit.js"

/**
 * A limit with its durations read, or that answers tell others.
 *
 * @since 0.2.0
 * @category models
 */
export type Known = Limit.Read | "headers"

/** Throws its problem: whoever reads a whole list wants the first one. */
class Wrong extends Error {}

const wrong = (path: string, expected: string, actual: unknown): Wrong =>
  new Wrong(`${path}: expected ${expected}, got ${Argument.show(actual)}`)

const names: ReadonlyArray<string> = [...units, "concurrent", "per", "kind", "burst", "transit", "refunds", "grows"]

const readDuration = (path: string, u: unknown, isFinite: boolean): Duration.Duration => {
  const read = u === Infinity ? Option.some(Duration.infinity) : Argument.duration(u)
  const isRight = Option.filter(read, (d) => !isFinite || (Duration.isFinite(d) && Duration.toMillis(d) > 0))
  if (Option.isSome(isRight)) return isRight.value
  throw wrong(path, isFinite ? 'a finite duration over 0, such as "1 minute"' : "a duration of at least 0", u)
}

const isArray = (u: unknown): u is ReadonlyArray<unknown> => Array.isArray(u)

const isPositive = (u: unknown): u is number => Predicate.isNumber(u) && u > 0 && u < Infinity

const readLimit = (limit: unknown, path: string): Limit.Read => {
  if (!Predicate.isRecord(limit)) throw wrong(path, 'a limit, such as { requests: 600, per: "1 minute" }', limit)
  const unknown = Object.keys(limit).find((key) => !names.includes(key))
  if (unknown !== undefined) throw wrong(`${path}.${unknown}`, `only ${names.join(", ")}`, limit[unknown])
  for (const name of [...units, "burst"]) {
    const value = limit[name]
    if (value !== undefined && !isPositive(value)) throw wrong(`${path}.${name}`, "a finite number over 0", value)
  }
  const counts = units.some((unit) => limit[unit] !== undefined)
  const { burst, concurrent, kind, per, transit } = limit
  if (!counts && concurrent === undefined) throw wrong(path, `one of ${[...units, "concurrent"].join(", ")}`, limit)
  if (concurrent !== undefined && !(Number.isSafeInteger(concurrent) && Number(concurrent) >= 1)) {
    throw wrong(`${path}.concurrent`, "an integer of at least 1", concurrent)
  }
  if (kind !== undefined && kind !== "window" && kind !== "bucket") {
    throw wrong(`${path}.kind`, '"window" or "bucket"', kind)
  }
  if (burst !== undefined && kind !== "bucket") throw wrong(`${path}.burst`, 'kind "bucket" beside it', kind)
  for (const name of ["refunds", "grows"]) {
    const value = limit[name]
    if (value !== undefined && !Predicate.isBoolean(value)) throw wrong(`${path}.${name}`, "true or false", value)
  }
  const isLeftOut = ([, value]: readonly [string, unknown]): boolean => value === undefined
  const given = {
    ...limit,
    per: counts ? readDuration(`${path}.per`, per, true) : undefined,
    transit: transit === undefined ? undefined : readDuration(`${path}.transit`, transit, false)
  }
  return Object.fromEntries(Object.entries(given).filter((entry) => !isLeftOut(entry)))
}

/**
 * Reads the option `limits`: an array of limits, `"headers"`, or text as in the environment. What is wrong is a sentence.
 *
 * @since 0.2.0
 * @category decoding
 */
export const limits = (u: unknown): Either.Either<ReadonlyArray<Known>, string> =>
  Either.try({
    try: () => {
      if (Predicate.isString(u)) return readText(u)
      if (isArray(u)) return u.map((limit, i) => (limit === "headers" ? limit : readLimit(limit, `[${i}]`)))
      throw new Wrong(`expected an array of limits or "headers", got ${Argument.show(u)}`)
    },
    catch: (error) => {
      if (error instanceof Wrong) return error.message
      throw error
    }
  })

const unitNames: Readonly<Record<string, string>> = {
  requests: "requests",
  request: "requests",
  tokens: "tokens",
  "input tokens": "inputTokens",
  "output tokens": "outputTokens"
}

const pattern = /^([\d_.]+) +(requests?|tokens|input tokens|output tokens) +(?:per|a|an) +(.+?)(?: +burst +([\d_.]+))?$/
const atOnce = /^([\d_]+) +(?:concurrent|at once)$/

const numberOf = (text: string): number => Number(text.replaceAll("_", ""))

/** As in `600 requests per minute, 90_000 tokens per minute, 8 concurrent, headers`. */
const readText = (text: string): ReadonlyArray<Known> =>
  text.split(",").map((untrimmed) => {
    const part = untrimmed.trim().toLowerCase()
    if (part === "headers") return part
    const [, concurrent] = atOnce.exec(part) ?? []
    if (concurrent !== undefined) return readLimit({ concurrent: numberOf(concurrent) }, `"${part}"`)
    const [, amount, unit = "", per = "", burst] = pattern.exec(part) ?? []
    if (amount === undefined) {
      throw new Wrong(
        `expected limits such as "600 requests per minute, 8 concurrent" or "headers", got ${Argument.show(part)}`
      )
    }
    const bucket = burst === undefined ? {} : { kind: "bucket", burst: numberOf(burst) }
    const span = /^\d/.test(per) ? per : `1 ${per}`
    return readLimit({ [unitNames[unit] ?? unit]: numberOf(amount), per: span, ...bucket }, `"${part}"`)
  })
