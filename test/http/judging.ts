/** What a classifier makes of answers, as tables. */
import { Headers, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, TestClock } from "effect"
import { RetryAfter } from "effect-aimd"
import type { Classifier } from "effect-aimd/http"

export const now = Date.parse("2027-01-01T00:00:00Z")
export const epoch = now / 1000
export const json = { "content-type": "application/json" }

export interface Given {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly host?: string
  readonly path?: string
}

/** The verdict in a few words: its name, the code of a final one, and the wait of one that names one. */
export const judge = (
  classify: Classifier.Classifier,
  { body, headers = {}, host = "api.test", path = "v1", status }: Given
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(now)
    const all = Headers.fromInput({ ...(typeof body === "string" ? {} : json), ...headers })
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body)
    const request = HttpClientRequest.get(`https://${host}/${path}`)
    const verdict = yield* classify({ request, status, headers: all, body: Effect.succeed(text) })
    if (Option.isNone(verdict)) return "no opinion"
    const { value } = verdict
    if (value._tag === "QuotaExhausted") return `never: ${value.code}${value.isSure ? "" : ", if time agrees"}`
    if (value._tag === "Refused") return `refused: ${value.code}`
    if (value._tag !== "Capacity") return value._tag
    const wait = Option.orElse(value.retryAfter, () =>
      Option.orElse(RetryAfter.fromHeaders(all, now), () => RetryAfter.fromBody(text, now))
    )
    return Option.match(wait, { onNone: () => "not now", onSome: (wait) => `not now: ${Duration.toMillis(wait)}` })
  })

export const cases = (
  kind: string,
  classify: Classifier.Classifier,
  rows: ReadonlyArray<readonly [name: string, given: Given, verdict: string]>
) =>
  describe(kind, () => {
    for (const [name, given, verdict] of rows) {
      it.effect(name, () => Effect.map(judge(classify, given), (judged) => assert.strictEqual(judged, verdict)))
    }
  })
