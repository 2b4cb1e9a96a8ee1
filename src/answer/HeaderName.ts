/**
 * Names of rate limit headers, read by rule: a family (`x-ratelimit`, `ratelimit`, `x-rate-limit`, with or without a vendor
 * before it), what is told (limit, remaining, used, reset, reset-after), what it counts (requests or tokens) and a period,
 * in whatever order.
 *
 * @since 0.2.0
 */
import * as Memo from "../structure/Memo.js"

/**
 * What a header of a rate limit tells. Headers of one `group` tell of one quota.
 *
 * @since 0.2.0
 * @category models
 */
export interface Name {
  readonly part: "limit" | "remaining" | "used" | "reset" | "resetAfter"
  /** What is counted; `other` where that is neither requests nor tokens. */
  readonly counts: "requests" | "tokens" | "other"
  readonly group: string
  /** Milliseconds in one, where the value is a plain number of time. */
  readonly unit: 1 | 1000
}

const table = <A>(...rows: ReadonlyArray<readonly [words: string, meaning: A]>): ReadonlyMap<string, A> =>
  new Map(rows.flatMap(([words, meaning]) => words.split(" ").map((word) => [word, meaning] as const)))

const parts = table<Name["part"]>(
  ["limit max maximum total allowed", "limit"],
  ["remaining left available", "remaining"],
  ["used usage consumed", "used"],
  ["reset resets", "reset"]
)

const counted = table<Name["counts"]>(
  ["request requests req calls queries", "requests"],
  ["token tokens tokenlimit", "tokens"]
)

/** Which tokens. */
const kinds = new Set(["input", "output", "prompt", "completion", "generated"])

const period =
  /^\d*(s|secs?|seconds?|secondly|m|mins?|minutes?|minutely|h|hours?|hourly|d|days?|daily|weeks?|weekly|months?|monthly)$/

/** What stands behind `reset` and says nothing more. */
const moment = new Set(["at", "time", "timestamp", "epoch", "utc", "s", "sec", "seconds"])

const whose =
  "rate|token|app|user|day|daily|hour|hourly|app-?min|min|minute|minutely|month|monthly|second|api|requests?|quota|usage|calls?"
const family = new RegExp(`(?:^|-)(?:x-?)?(?:${whose})-?limits?(?=-|$|by)`)

const read = (name: string): Name | undefined => {
  const found = family.exec(name)
  if (found === null) return undefined
  const vendor = name.slice(0, found.index)
  const words = name.slice(found.index + found[0].length).split(/-|(?<=by)(?=[a-z])/)
  let part: Name["part"] | undefined
  let counts: Name["counts"] = found[0].includes("token") ? "tokens" : "requests"
  let unit: Name["unit"] = 1000
  let isOther = false
  const group: Array<string> = []
  for (const word of words.filter((word) => word !== "" && word !== "per")) {
    const next = parts.get(word) ?? (/^resets?(?:at|time|in|after)$/.test(word) ? "reset" : undefined)
    if (next !== undefined && part === undefined)
      part = word.endsWith("in") || word.endsWith("after") ? "resetAfter" : next
    else if (part === "reset" && (word === "after" || word === "in")) part = "resetAfter"
    else if (part?.startsWith("reset") === true && moment.has(word)) continue
    else if (part?.startsWith("reset") === true && /^(ms|millis|milliseconds)$/.test(word)) unit = 1
    else {
      counts = counted.get(word) ?? counts
      if (kinds.has(word)) counts = "tokens"
      isOther ||= !counted.has(word) && !kinds.has(word) && !period.test(word)
      group.push(word)
    }
  }
  // A word that is not known may make it anything: a policy, a bucket's name.
  if (part === undefined && isOther) return undefined
  return {
    part: part ?? "limit",
    counts: isOther ? "other" : counts,
    group: [vendor, found[0], ...group.sort()].join("-"),
    unit
  }
}

const remembered = Memo.make(read)

/**
 * Whether a name may be that of a header that tells of a limit.
 *
 * @since 0.2.0
 * @category predicates
 */
export const mayTell = (name: string): boolean => name.includes("limit")

/**
 * What a header tells, by its name in lower case; `undefined` for one that tells of no limit.
 *
 * @since 0.2.0
 * @category parsers
 */
export const parse = (name: string): Name | undefined => (mayTell(name) ? remembered(name) : undefined)

const waiting = /(?:^|-)(?:retry-?after|retry-?in)(?:-(?:(ms|msecs?|millis|milliseconds)|s|secs?|seconds))?$/

/**
 * Whether a header says how long to wait, and how long one is that it counts in, in milliseconds.
 *
 * @since 0.2.0
 * @category parsers
 */
export const waitUnit = (name: string): 1 | 1000 | undefined => {
  if (!name.includes("retry")) return undefined
  const found = waiting.exec(name)
  return found === null ? undefined : found[1] === undefined ? 1000 : 1
}
