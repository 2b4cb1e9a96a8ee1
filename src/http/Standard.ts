/**
 * What an answer means by what all APIs have in common: the status, and words that can mean one thing only.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ErrorBody from "../answer/ErrorBody.js"
import * as RetryAfter from "../answer/RetryAfter.js"
import * as Capacity from "../Capacity.js"
import {
  capacity,
  type Classifier,
  firstOf,
  lost,
  neutral,
  quotaExhausted,
  refused,
  served,
  type Verdict
} from "./Verdict.js"

/** By these an API or a gateway says that it failed: RFC 9110, and Cloudflare's 520 to 524. */
const lostStatuses: ReadonlySet<number> = new Set([408, 500, 502, 504, 520, 521, 522, 523, 524])

/** Other statuses by which some API says "not now" or "never": the words decide. Binance's 418, DeepL's 456, HubSpot's 477. */
const wordyStatuses: ReadonlySet<number> = new Set([
  400, 401, 402, 403, 409, 412, 413, 418, 420, 422, 423, 425, 456, 477, 498, 509
])

/**
 * Looks only at the status. The given statuses (default 429, 503 and 529) mean no capacity. 408, 500, 502, 504 and 520
 * to 524 mean a lost answer. A status under 400 is served, and all others are neutral.
 *
 * @since 0.2.0
 * @category classifiers
 */
export const byStatus =
  (statuses: ReadonlySet<number> = Capacity.capacityStatuses): Classifier =>
  ({ status }) =>
    Effect.succeedSome(
      statuses.has(status) ? capacity() : status < 400 ? served : lostStatuses.has(status) ? lost : neutral
    )

/** The codes by which APIs say that the rate is exceeded, or that they have too much to do. */
const rateCodes =
  /rate_?limit|too_?many_?(requests|tokens)|throttl|slow_?down|request_?limit_?exceeded|throughput_?exceeded|bandwidth_?limit|over_?query_?limit|spike_?arrest|over_?load|server_?busy|resource_?exhausted|(no|over|insufficient|at)_?capacity|capacity_?exceeded/i

/** The sentences, where there is no code: of a limit that is reached, not of a parameter that is called so. */
const rateSaid =
  /\b(rate|request|requests|call|calls|api)[ -]limit (\w+ ){0,3}(reached|exceeded|hit)\b|\bexceed\w* (\w+ ){0,5}(rate|request|call|api)[ -]?limit|\bexceed\w* [\w -]{0,40}\bper[ -](second|minute|hour)\b|too (many|much) (\w+ )?(requests?|calls|queries)\b|\brate[- ]limited\b|\b(was|were|been|being|is) throttled\b/i

/** The codes by which APIs say that it is not about the rate. */
const spentCodes =
  /insufficient_?(quota|credits?|balance|funds)|out_?of_?credits?|credit_?balance|no_?credits?|billing|spend(ing)?_?(limit|cap)|payment_?required|arrearage|hard_?limit|exceeded_?current_?quota|overdue|budget_?exceeded|exceeded_?budget|(per_?|_|^)(day|month)(_|$)|per_?(day|month)|(daily|monthly)_?\w*(limit|quota|cap)/i

/** Codes that some use for an account, and others for a minute. */
const doubtfulCodes = /quota_?(limit_?)?(exceeded|exhausted|reached)|(exceeded|usage)_?(quota|limit)|allocation_?quota/i

const spentWords =
  /insufficient (account )?(balance|credits?|funds)|(balance|credits?) (is|are) (too low|insufficient|not enough|exhausted|used up)|(out of|no (more|remaining)?) ?credits|(do(es)? not|doesn'?t|don'?t) have (any|enough|sufficient) (credits?|balance|funds)|credits? (\w+ )?(exceeded|expired)|used (up )?all [\w ]{0,16}(credits?|quota|allowance)|overdue (balance|payment|invoice)|(daily|monthly|weekly) [\w ]{0,24}(limit|quota|cap|allowance|allocation|budget|credits)|(limit|quota|cap|budget) ((exceeded|reached) )?(for|of) (today|the (day|month)|this month)|billing (hard )?limit|account (is |was |has been )?(suspended|not active|overdue)|top[ -]?up|recharge|(reached|exceeded|hit) (\w+ ){0,3}usage limit|usage limit (\w+ ){0,3}(reached|exceeded|hit)|out of (\w+ ){0,3}quota/i

/** A limit of a day or a month that may come back bit by bit: a wait of up to an hour says so. */
const dayLimit =
  /limit(ed)?\b[^.]{0,40}(\bper|\ba|\/)[- ]?(day|month|24[- ]?h(ou)?rs?)\b|\b\d[\d,]* (\w+ )?per (1 )?(day|month)\b|\bper[- ](day|month)\b[^.]{0,20}\b(limit|quota)|too many \w+ (per|a|this|for the) (day|month)\b|\b(day|month) (limit|quota)\b/i
const bitByBit = Duration.hours(1)

/** Without it a sentence may speak of a parameter that is called like a quota. */
const spentVerb =
  /exceed|reach|exhaust|used|spent|\bhit\b|insufficient|too (low|many)|not enough|n[o']t have|out of|\bno\b|suspend|not active|overdue|top[ -]?up|recharge/i

/** A quota without a period: some use the word for a minute's. */
const quotaSaid =
  /\b(quota|allowance|allocation) (limit )?((has|have) been |was |is )?(exceeded|exhausted|reached|used up)\b|\bexceeded (\w+ ){0,3}quota\b/i

/** A header that says which limit it was. */
const reasonHeader = /(?:limit|throttl\w*)-(?:problem|reason)$/
const longPeriod = /\b(day|daily|month|monthly)\b/i

/** What a 402 says besides. */
const paymentWords = /balance|credit|quota|fund|payment|billing|plan/i

/** A link or a sentence that tells of a rate, whatever the code says. */
const rateWords =
  /(token|rate|request|concurren\w+|usage)s?[-_ ]?limit|per[- ](second|minute)|\b(tpm|rpm|qps|qpm|tps|rps)\b/i

/** A message that names such a period may speak of a day's limit too. */
const shortPeriod = /\b(per|a|an|each|every)[- ](second|minute|hour)\b|\b(tpm|rpm|qps|qpm|tps|rps)\b/i

const rightsWords =
  /permission|forbidden|not (allowed|accessible|authori[sz]ed)|access|denied|scope|credential|must have/i

const shouldRetry: ReadonlyArray<string> = ["x-should-retry", "stripe-should-retry"]

/** The header by which the API says whether to send this request again. */
const isMarked = (headers: RetryAfter.Headers, value: "false" | "true"): string | undefined =>
  shouldRetry.find((name) => headers[name]?.trim().toLowerCase() === value)

/** A wait of more than this does not contradict that a quota is spent. */
const shortWait = Duration.minutes(10)

const number = (text: string | undefined): number => Number((text ?? "").replace(/[,_]/g, "") || NaN)

/** A request that alone asks for more than the whole limit. */
const isTooLarge = (messages: ReadonlyArray<string>): boolean =>
  messages.some((message) => {
    const limit = number(/\blimit(?: is| of)?[\s:]+([\d,_]+)/i.exec(message)?.[1])
    const requested = number(/\brequest(?:ed|s)?(?: about| for| up to)?[\s:]+([\d,_]+)/i.exec(message)?.[1])
    return requested > limit || /request (is )?too large for|fewer max_tokens|can only afford/i.test(message)
  })

/** An answer whose body was read. */
export interface Read {
  readonly status: number
  readonly headers: RetryAfter.Headers
  readonly body: ErrorBody.ErrorBody
  readonly now: number
}

/**
 * Whether the answer names a wait that a spent quota would not have.
 *
 * @since 0.2.0
 * @category reading
 */
export const isSoonOver = (
  { body, headers, now }: Pick<Read, "body" | "headers" | "now">,
  most: Duration.Duration = shortWait
): boolean => Option.exists(RetryAfter.fromAnswer(headers, body, now), Duration.lessThanOrEqualTo(most))

/**
 * Whether the answer names a wait that a spent quota would not have, or, where its code names no longer period, speaks of a
 * rate.
 *
 * @since 0.2.0
 * @category reading
 */
export const isContradicted = ({ body, headers, now }: Read): boolean => {
  if (Option.isSome(RetryAfter.fromAnswer(headers, body, now))) return isSoonOver({ body, headers, now })
  const isLong = (text: string) => /day|daily|week|month/i.test(text)
  return (
    !body.codes.some(isLong) &&
    body.messages.some((message) => (rateWords.test(message) && !isLong(message)) || shortPeriod.test(message))
  )
}

/** What may be shown of a code. */
const shown = (code: string): string => code.slice(0, 64)

/** A code that says that the account has nothing left, in the words of whomever. */
const findSpent = (read: Read): Verdict | undefined => {
  const { codes, messages } = read.body
  const reason = Object.entries(read.headers).find(
    ([name, value]) => reasonHeader.test(name) && longPeriod.test(value ?? "")
  )
  if (reason !== undefined) return quotaExhausted(shown(reason[1] ?? ""), !isSoonOver(read, bitByBit))
  const code = codes.find((code) => spentCodes.test(code))
  if (code !== undefined) return quotaExhausted(shown(code), !isContradicted(read))
  const isSaid = (message: string): boolean =>
    spentWords.test(message) || (dayLimit.test(message) && !isSoonOver(read, bitByBit))
  const isPlain = read.status === 402 || read.status === 429
  if (messages.some((message) => isSaid(message) && (isPlain || spentVerb.test(message))))
    return quotaExhausted("by its message", !isContradicted(read))
  const doubtful = codes.find((code) => doubtfulCodes.test(code))
  return doubtful === undefined ? undefined : quotaExhausted(shown(doubtful), false)
}

/**
 * "Never" in an answer that means "not now" by its status or its code.
 *
 * @since 0.2.0
 * @category reading
 */
export const judgeCapacity = (read: Read): Verdict | undefined => {
  const refusal = isMarked(read.headers, "false")
  const isRefused = refusal === undefined ? undefined : refused(`${refusal}: false`)
  // From 500 on it is not about a quota.
  if (read.status >= 500) return isRefused
  if (isTooLarge(read.body.messages)) return refused("larger than the limit")
  return findSpent(read) ?? isRefused
}

const withAmazonsCode = ({ body, headers }: Pick<Read, "body" | "headers">): ReadonlyArray<string> => {
  const type = headers["x-amzn-errortype"]?.split(":", 1)[0]
  const code = type === undefined ? undefined : ErrorBody.word(type)
  return code === undefined ? body.codes : [code, ...body.codes]
}

/** "Not now" or "never" in an answer whose status says neither. */
const judgeWordy = (read: Read): Verdict | undefined => {
  const { body, headers, now, status } = read
  if (status === 402) {
    if (isTooLarge(body.messages)) return refused("larger than the credit")
    const said = [...body.codes, ...body.messages].some((text) => paymentWords.test(text))
    return findSpent(read) ?? (said ? quotaExhausted("402", !isContradicted(read)) : undefined)
  }
  const spent = findSpent(read)
  // A code for a day may hold the word for a rate as well.
  if (spent?._tag === "QuotaExhausted" && spent.isSure) return spent
  if (withAmazonsCode(read).some((code) => rateCodes.test(code))) {
    return isTooLarge(body.messages) ? refused("larger than the limit") : capacity()
  }
  if (spent !== undefined) return spent
  if (body.messages.some((message) => quotaSaid.test(message) && !shortPeriod.test(message))) {
    return quotaExhausted("by its message", false)
  }
  if (body.messages.some((message) => rateSaid.test(message)) || Option.isSome(RetryAfter.explicit(headers, now))) {
    return capacity()
  }
  if (isMarked(headers, "true") !== undefined) return lost
  const isAboutRights = body.messages.some((message) => rightsWords.test(message) && !rateWords.test(message))
  return status === 403 && !isAboutRights && Option.isSome(RetryAfter.spentReset(headers, now)) ? capacity() : undefined
}

/**
 * What the words of an answer mean, where they mean one thing only.
 *
 * @since 0.2.0
 * @category reading
 */
export const judge = (read: Read, statuses: ReadonlySet<number>): Verdict | undefined => {
  if (statuses.has(read.status)) return judgeCapacity(read)
  if (wordyStatuses.has(read.status)) return judgeWordy(read)
  if (!lostStatuses.has(read.status)) return undefined
  if (isMarked(read.headers, "false") !== undefined) return neutral
  return withAmazonsCode(read).some((code) => rateCodes.test(code)) ? capacity() : undefined
}

/**
 * Reads the body of an answer, and the instant.
 *
 * @since 0.2.0
 * @category reading
 */
export const read = ({ body, headers, status }: Parameters<Classifier>[0]): Effect.Effect<Read> =>
  Effect.zipWith(body, Clock.currentTimeMillis, (text, now) => ({
    status,
    headers,
    now,
    body: /\bhtml\b/i.test(headers["content-type"] ?? "") ? ErrorBody.empty : ErrorBody.parse(text)
  }))

/**
 * Looks at the words of an error: JSON codes and sentences, `x-should-retry` and `stripe-should-retry`, `retry-after`.
 * It decides only if the words mean the same at every API: that a rate is exceeded, that the account has nothing left,
 * or that this request will never be served.
 *
 * @since 0.2.0
 * @category classifiers
 */
export const byWords =
  (statuses: ReadonlySet<number> = Capacity.capacityStatuses): Classifier =>
  (answer) =>
    statuses.has(answer.status) || wordyStatuses.has(answer.status) || lostStatuses.has(answer.status)
      ? Effect.map(read(answer), (read) => Option.fromNullable(judge(read, statuses)))
      : Effect.succeedNone

/**
 * Among the answers with the given statuses, finds those that no wait will change: `QuotaExhausted` and `Refused`.
 *
 * @since 0.2.0
 * @category classifiers
 */
export const byQuota = (statuses: ReadonlySet<number> = Capacity.capacityStatuses): Classifier => {
  const words = byWords(statuses)
  return (answer) => (statuses.has(answer.status) ? words(answer) : Effect.succeedNone)
}

/**
 * {@link byWords}, then {@link byStatus}: the default of a pooled client. It never takes missing rights for a limit.
 *
 * @since 0.2.0
 * @category classifiers
 */
export const standard = (statuses: ReadonlySet<number> = Capacity.capacityStatuses): Classifier => {
  const status = byStatus(statuses)
  const both = firstOf(byWords(statuses), status)
  // The common answer first: it costs no more than a look at its status.
  return (answer) => (answer.status < 400 && !statuses.has(answer.status) ? status(answer) : both(answer))
}

/** The statuses that errors stand for which come without one: in a stream, or in a 200. */
const statusOfCode: ReadonlyArray<readonly [RegExp, number]> = [
  [spentCodes, 429],
  [/over_?load/i, 529],
  [/unavailable|over_?capacity/i, 503],
  [rateCodes, 429],
  [/internal|server_?error|api_?error|timeout|upstream|bad_?gateway/i, 500]
]

/**
 * The status that an error without one stands for; `undefined` where there is no error, or one about something else.
 *
 * @since 0.2.0
 * @category reading
 */
export const statusOf = ({ codes, isError, status }: ErrorBody.ErrorBody): number | undefined =>
  isError ? (status ?? statusOfCode.find(([form]) => codes.some((code) => form.test(code)))?.[1]) : undefined
