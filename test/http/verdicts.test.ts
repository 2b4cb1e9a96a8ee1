/** What the verdicts come to over a whole batch: who is served, who fails, and how often the API is asked. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Exit } from "effect"
import { type PoolConfig, PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { type Answer, url } from "./support.js"

/** An API whose nth request, from 0, at an instant in milliseconds, for a row, is answered by a function. */
const api = (answer: (nth: number, at: number, row: string) => Answer) => {
  const sent: Array<number> = []
  const client = HttpClient.make((request) =>
    Effect.gen(function* () {
      const at = yield* Clock.currentTimeMillis
      yield* Effect.sleep(50 + (sent.length % 7))
      const { body = { ok: true }, headers, status = 200 } = answer(sent.length, at, request.url.slice(url.length + 1))
      sent.push(at)
      const all = { "content-type": "application/json", ...headers }
      return HttpClientResponse.fromWeb(request, new Response(JSON.stringify(body), { status, headers: all }))
    })
  )
  return { client, sent }
}

/** Runs a batch that the pool stops when the quota is used up; counts how its rows ended. */
const batch = (client: HttpClient.HttpClient, size: number, options: PoolConfig.Options = {}) =>
  Effect.gen(function* () {
    const pool = yield* PooledExecutor.make({ poolSize: 8, ...options })
    const attempts = PooledHttpClient.attempts({ onQuotaExhausted: () => pool.shutdown })(client)
    const rows = Array.from({ length: size }, (_, row) => row)
    const { entries } = yield* pool.executeBatch(rows, (row) => attempts.get(`${url}/${row}`))
    const ends: Record<string, number> = {}
    for (const { exit } of entries) {
      const end = Exit.isSuccess(exit) ? "served" : exit.cause._tag === "Fail" ? exit.cause.error._tag : exit.cause._tag
      ends[end] = (ends[end] ?? 0) + 1
    }
    return ends
  })

const dashScope: Answer = {
  status: 429,
  body: {
    error: {
      message: "You exceeded your current quota. For details, see: https://help.example.com/error-code#token-limit",
      type: "insufficient_quota",
      code: "insufficient_quota"
    }
  }
}
const day = (details: ReadonlyArray<object>): Answer => ({
  status: 429,
  body: {
    error: {
      code: 429,
      status: "RESOURCE_EXHAUSTED",
      details: [{ violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }] }, ...details]
    }
  }
})

describe("a batch", () => {
  it.effect("does not end on a word for an empty account that means a limit of forty seconds", () =>
    inVirtualTime(function* () {
      const { client } = api((nth, at) => (nth >= 30 && at < 40_000 ? dashScope : {}))
      assert.deepStrictEqual(yield* batch(client, 100), { served: 100 })
    })
  )

  it.effect("ends on the same word once it is said again after a minute with nothing served", () =>
    inVirtualTime(function* () {
      const { client, sent } = api((nth) => (nth >= 30 ? dashScope : {}))
      const ends = yield* batch(client, 500)
      assert.isAtLeast(ends["QuotaExhaustedError"] ?? 0, 1)
      assert.strictEqual((ends["QuotaExhaustedError"] ?? 0) + (ends["PoolShutdownError"] ?? 0), 470)
      assert.isBelow(sent.length, 100)
    })
  )

  it.effect("ends after few requests on a spent day, with the API's own wait once, and without", () =>
    inVirtualTime(function* () {
      for (const details of [[], [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "36s" }]]) {
        const { client, sent } = api((nth) => (nth >= 30 ? day(details) : {}))
        const ends = yield* batch(client, 500)
        assert.strictEqual(ends["served"], 30)
        assert.isBelow(sent.length, 60)
      }
    })
  )

  it.effect("loses the one row that the API refuses, and no other", () =>
    inVirtualTime(function* () {
      const refuse: Answer = { status: 429, headers: { "x-should-retry": "false" } }
      const { client, sent } = api((_nth, _at, row) => (row === "7" ? refuse : {}))
      assert.deepStrictEqual(yield* batch(client, 200), { served: 199, RequestRefusedError: 1 })
      assert.strictEqual(sent.length, 200)
    })
  )

  it.effect("sends nothing inside a wait that stands in the body", () =>
    inVirtualTime(function* () {
      const wait = [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "45.837906927s" }]
      const busy: Answer = { status: 429, body: { error: { code: 429, status: "RESOURCE_EXHAUSTED", details: wait } } }
      let until = 0
      const { client, sent } = api((nth, at) => {
        if (nth === 20) until = at + 45_000
        return nth >= 20 && at < until ? busy : {}
      })
      assert.deepStrictEqual(yield* batch(client, 60), { served: 60 })
      const rejectedAt = sent[20] ?? 0
      // Those in flight then were started before the wait was known.
      assert.deepStrictEqual(
        sent.filter((at) => at > rejectedAt + 100 && at < rejectedAt + 45_000),
        []
      )
    })
  )

  it.effect("of 200 requests with two in a hundred lost by a gateway loses none", () =>
    inVirtualTime(function* () {
      const { client, sent } = api((nth) => (nth % 50 === 49 ? { status: nth % 100 === 49 ? 502 : 504 } : {}))
      assert.deepStrictEqual(yield* batch(client, 200, { poolSize: 16 }), { served: 200 })
      assert.isBelow(Math.max(...sent), 1.5 * (200 / 16) * 56)
    })
  )
})
