/**
 * What the body of an error says, whoever wrote it: codes, sentences, waits. Pure, and never throws.
 *
 * @since 0.2.0
 */
import * as Predicate from "effect/Predicate"
import * as HeaderValue from "./HeaderValue.js"

/**
 * What was found in a body, in the order in which it stands there.
 *
 * @since 0.2.0
 * @category models
 */
export interface ErrorBody {
  /** Words for machines, such as `rate_limit_exceeded`. */
  readonly codes: ReadonlyArray<string>
  /** Sentences for people. */
  readonly messages: ReadonlyArray<string>
  /** How long it asks its reader to wait, in milliseconds. */
  readonly waits: ReadonlyArray<number>
  /** Headers of another answer that were put into this one, their names in lower case. */
  readonly headers: ReadonlyArray<{ readonly [name: string]: string | undefined }>
  /** Whether it has an error in it: an `error`, `errors`, or a type that says so. */
  readonly isError: boolean
  /** An HTTP status that stands in it. */
  readonly status: number | undefined
}

const codeKeys = new Set(
  (
    "code type __type policy_name status reason error error_code error_type kind quota_id quota_limit quota_metric " +
    "quota_unit limit_source err_code errcode errorcode errors"
  ).split(" ")
)
const messageKeys = new Set(
  (
    "message error errors error_message error_msg error_summary error_description detail details msg err_msg errmsg " +
    "title description faultstring"
  ).split(" ")
)
const statusKeys = new Set("code status status_code http_status http_code".split(" "))
const waitKey =
  /^(?:(?:re)?try_?(?:again_?)?(?:after|delay|in)|(?:estimated_?)?wait_?(?:time|for)?|estimated_time|resets?_?(?:after|in)|back_?off)(?:_?(?:(ms|millis|milliseconds)|s|sec|secs|seconds))?$/
/** The instant at which a limit has room again. */
const instantKey = /^(?:resets?(?:_(?:at|time|on))?|(?:retry|try_again|next_(?:access|retry|request))_(?:at|time))$/

/** `retryAfterMs` and `Retry-After-Ms` as `retry_after_ms`. */
const snake = (key: string): string =>
  key
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[-.\s]+/g, "_")
    .toLowerCase()

/**
 * A code as it counts: of `com.amazon.coral#ThrottlingException` what stands last. `undefined` for a sentence, which might
 * hold anything.
 *
 * @since 0.2.0
 * @category parsers
 */
export const word = (text: string): string | undefined => {
  const code = text.slice(text.lastIndexOf("#") + 1)
  return /^[\w.-]{1,128}$/.test(code) && !/^\d+$/.test(code) ? code : undefined
}

const sentence = new RegExp(
  `(?:\\b(?:re-?)?try(?:ing)?\\b(?:\\s+[a-z]+){0,4}?\\s+(?:in|after)|\\bwait(?:\\s+[a-z]+){0,4}?|\\bavailable(?:\\s+again)?\\s+in|\\bagain\\s+in|\\brequest(?:\\s+[a-z]+){0,2}\\s+after|` +
    `\\b(?:replenish|reset|renew|refresh|restore|refill|unblock|lift)(?:e?d|s|es)?\\s+(?:in|after)|` +
    `\\b(?:timed out|banned|blocked|paused|suspended|break)\\s+for)[\\s:~]+(?:about\\s+)?(${HeaderValue.span})`,
  "g"
)

/** Telegram's "retry after 35" says no unit. */
const bare = /\bretry after[\s:]+(\d+(?:\.\d+)?)(?=[.,;]?(?:\s|$)(?!\s*[a-z]))/g

/** The instants at which a sentence asks to come back: "banned until 1798761720000". */
const instants = new RegExp(
  `\\b(?:until|resets?\\s+(?:at|on)|(?:(?:re-?)?try|available|again)\\s+(?:at|after|on))[\\s:]+(${HeaderValue.instant})`,
  "g"
)

/** The waits that a sentence asks for: "try again in 5.289s", "Retry after 30 seconds", "Expected available in 8 seconds". */
const waitsIn = (text: string): ReadonlyArray<number> => [
  ...[...text.matchAll(sentence)].flatMap(([, wait = ""]) => HeaderValue.duration(wait) ?? []),
  ...[...text.matchAll(bare)].flatMap(([, seconds = ""]) => HeaderValue.duration(`${seconds}s`) ?? [])
]

const toWait = (value: unknown, unit: number): number | undefined => {
  if (Predicate.isNumber(value)) return HeaderValue.millis(String(value * unit))
  if (Predicate.isString(value)) {
    const millis = HeaderValue.millis(value.trim())
    return millis === undefined ? HeaderValue.duration(value.trim()) : HeaderValue.millis(String(millis * unit))
  }
  // Protobuf's Duration, where it is not written as text.
  if (!Predicate.isRecord(value) || !("seconds" in value || "nanos" in value)) return undefined
  return HeaderValue.millis(String(Number(value["seconds"] ?? 0) * 1000 + Number(value["nanos"] ?? 0) / 1e6))
}

/** How much of a body is looked at: errors are small and shallow. */
const [deepest, most] = [8, 1000]

class Found implements ErrorBody {
  readonly codes: Array<string> = []
  readonly messages: Array<string> = []
  readonly waits: Array<number> = []
  readonly headers: Array<{ readonly [name: string]: string | undefined }> = []
  isError = false
  status: number | undefined = undefined
  private seen = 0

  walk(value: unknown, depth: number): void {
    if (depth > deepest || (this.seen += 1) > most) return
    // A list is no level of its own: Google puts a whole error into one.
    if (Array.isArray(value)) for (const item of value) this.walk(item, depth)
    else if (Predicate.isRecord(value)) {
      // GraphQL's errors stand beside the work that was done.
      const isGraph = depth === 0 && Array.isArray(value["errors"])
      for (const key of Object.keys(value)) if (!isGraph || key !== "data") this.field(snake(key), value[key], depth)
      // What is told of a quota of which something remains is no wait.
      if (!(Number(value["remaining"]) > 0)) this.instant(value)
    }
  }

  /** An instant is reckoned from that of the answer, as in a header. */
  private instant(value: { readonly [key: string]: unknown }): void {
    for (const key of Object.keys(value)) {
      if (instantKey.test(snake(key)) && isText(value[key]))
        this.headers.push({ "ratelimit-reset": String(value[key]) })
    }
  }

  private field(key: string, value: unknown, depth: number): void {
    // Deeper down it may be a part of the work that was asked for.
    if (depth === 0) {
      const isSaid = /^errors?$|^error_(?:code|message)$/.test(key) && Boolean(value) && value !== "0"
      this.isError ||= isSaid || (key === "type" && value === "error")
    }
    if (statusKeys.has(key)) this.status ??= toStatus(value)
    const wait = waitKey.exec(key)
    if (wait !== null) {
      const millis = toWait(value, wait[1] === undefined ? 1000 : 1)
      if (millis !== undefined) this.waits.push(millis)
    } else if (Predicate.isString(value)) {
      this.text(key, value, depth)
    } else if (Array.isArray(value)) {
      for (const item of value) this.item(key, item, depth)
    } else if (key === "headers" && Predicate.isRecord(value)) {
      this.headers.push(
        Object.fromEntries(Object.entries(value).map(([name, value]) => [name.toLowerCase(), String(value)]))
      )
    } else {
      this.walk(value, depth + 1)
    }
  }

  /** A list of sentences is several of them. */
  private item(key: string, item: unknown, depth: number): void {
    if ((this.seen += 1) > most) return
    if (Predicate.isString(item)) this.text(key, item, depth)
    else if (Array.isArray(item)) for (const inner of item) this.item(key, inner, depth)
    else this.walk(item, depth + 1)
  }

  text(key: string, text: string, depth: number): void {
    const code = word(text)
    if (codeKeys.has(key) && code !== undefined) this.codes.push(code)
    else if (/^\s*[[{]/.test(text)) this.walk(parseJson(text), depth + 1)
    else if (messageKeys.has(key)) this.say(text)
  }

  say(text: string): void {
    this.messages.push(text)
    const said = text.slice(0, 4096).toLowerCase()
    this.waits.push(...waitsIn(said))
    for (const [, at = ""] of said.matchAll(instants)) {
      this.headers.push({ "ratelimit-reset": at })
    }
  }
}

const isText = (value: unknown): boolean => Predicate.isString(value) || Predicate.isNumber(value)

const toStatus = (value: unknown): number | undefined => {
  const status = Predicate.isString(value) && /^\d{3}$/.test(value) ? Number(value) : value
  return Number.isInteger(status) && Number(status) >= 400 && Number(status) <= 599 ? Number(status) : undefined
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const xmlTag = /<(code|message|error|detail|description|reason|errorcode|faultstring)(?:\s[^<>]*)?>([^<]*)<\//gi

/**
 * Reads a body: JSON, also where it stands in a list or in a string of another, the codes of XML, or a few plain words. A
 * page for people says nothing.
 *
 * @since 0.2.0
 * @category parsers
 */
export const parse = (text: string): ErrorBody => {
  const found = new Found()
  const body = text.trim()
  if (/^[[{]/.test(body)) {
    found.walk(parseJson(body), 0)
  } else if (/^<(?:\?xml|(?:[a-z]+:)?(?:\w*response|\w*error|\w*fault))\b/i.test(body)) {
    for (const [, tag = "", value = ""] of body.slice(0, 16_384).matchAll(xmlTag)) {
      found.isError = true
      found.text(tag.toLowerCase(), value, 0)
    }
  } else if (body !== "" && !body.startsWith("<")) {
    found.say(body.slice(0, 4096))
  }
  return found
}

/**
 * A body that says nothing.
 *
 * @since 0.2.0
 * @category constants
 */
export const empty: ErrorBody = new Found()
