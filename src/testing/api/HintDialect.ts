/**
 * The headers with which a simulated server tells when to come back.
 *
 * @since 0.2.0
 */
import type { Hints, Quota } from "../../law/ControlLaw.js"

/**
 * - `none`: nothing
 * - `seconds`: `retry-after`, rounded up to whole seconds
 * - `milliseconds`: `retry-after-ms`
 * - `http-date`: `retry-after` as a date
 * - `reset-headers`: `x-ratelimit-limit|remaining|reset-requests|tokens`, with every answer, as OpenAI and Groq send
 *   them
 * - `lying`: with every rejection, a `retry-after` that is zero, negative, hours long, in the past, or not a number
 *
 * @since 0.2.0
 * @category models
 */
export type HintDialect = "none" | "seconds" | "milliseconds" | "http-date" | "reset-headers" | "lying"

/**
 * What the server can tell: `opensIn`, in milliseconds, if the request was `rejected` and the server knows it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Knowledge {
  readonly at: number
  readonly rejected: boolean
  readonly opensIn: number | undefined
  readonly quota: Hints | undefined
  readonly chance: number
}

const lies = ["0", "-5", "14400", "Thu, 01 Jan 1970 00:00:00 GMT", "soon"]

/** As OpenAI writes a duration: `6m0s`, `1.5s`, `120ms`. */
const goDuration = (millis: number): string => {
  if (millis <= 999) return `${Math.ceil(millis)}ms`
  const seconds = Math.ceil(millis) / 1000
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  const rest = `${Number((seconds % 60).toFixed(3))}s`
  return `${hours > 0 ? `${hours}h` : ""}${hours > 0 || minutes > 0 ? `${minutes}m` : ""}${rest}`
}

const reset = (unit: keyof Hints, quota: Quota): Record<string, string> => ({
  ...(quota.limit !== undefined && { [`x-ratelimit-limit-${unit}`]: String(quota.limit) }),
  ...(quota.remaining !== undefined && { [`x-ratelimit-remaining-${unit}`]: String(quota.remaining) }),
  ...(quota.resetAfter !== undefined && { [`x-ratelimit-reset-${unit}`]: goDuration(quota.resetAfter) })
})

/**
 * The headers of an answer, names in lower case.
 *
 * @since 0.2.0
 * @category headers
 */
export const headers = (
  dialect: HintDialect,
  { at, chance, opensIn, quota, rejected }: Knowledge
): Record<string, string> => {
  if (dialect === "reset-headers") {
    return {
      ...(quota?.requests && reset("requests", quota.requests)),
      ...(quota?.tokens && reset("tokens", quota.tokens))
    }
  }
  if (dialect === "lying") {
    return rejected ? { "retry-after": lies[Math.floor(chance * lies.length)] ?? "0" } : {}
  }
  if (opensIn === undefined || !Number.isFinite(opensIn)) return {}
  switch (dialect) {
    case "none":
      return {}
    case "seconds":
      return { "retry-after": String(Math.ceil(opensIn / 1000)) }
    case "milliseconds":
      return { "retry-after-ms": String(Math.ceil(opensIn)) }
    case "http-date":
      return { "retry-after": new Date(Math.ceil((at + opensIn) / 1000) * 1000).toUTCString() }
  }
}
