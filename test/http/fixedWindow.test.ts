/** A limit of a minute that tells of itself as express-rate-limit does, in virtual time. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { VirtualTime } from "effect-aimd/testing"

const limit = 600
const minute = 60_000

/** Six hundred a minute from the first request on, the headers of draft 8, the wait in whole seconds. */
const api = () => {
  const seen = { served: 0, rejected: 0, lastServedAt: 0 }
  let [opensAt, hits] = [0, limit]
  const client = HttpClient.make((request) =>
    Effect.gen(function* () {
      yield* Effect.sleep("2 millis")
      const now = yield* Clock.currentTimeMillis
      if (now >= opensAt) [opensAt, hits] = [now + minute, 0]
      hits += 1
      const wait = String(Math.ceil((opensAt - now) / 1000))
      const isOver = hits > limit
      seen[isOver ? "rejected" : "served"] += 1
      if (!isOver) seen.lastServedAt = now
      const headers = {
        ratelimit: `"600-in-1min"; r=${Math.max(0, limit - hits)}; t=${wait}`,
        "ratelimit-policy": `"600-in-1min"; q=${limit}; w=60; pk=:ZTNiMGM0NDI5OGZj:`,
        ...(isOver && { "retry-after": wait })
      }
      return HttpClientResponse.fromWeb(request, new Response(null, { status: isOver ? 429 : 200, headers }))
    })
  )
  return { client, seen }
}

describe("a limit of 600 a minute", () => {
  it("serves the last of 1,200 requests hardly after the second minute has begun", () => {
    const { client, seen } = api()
    const program = Effect.gen(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 8 })
      const pooled = PooledHttpClient.make(pool)(client)
      yield* Effect.forEach(Array.from({ length: 2 * limit }), () => pooled.get("http://api.test/1"), {
        concurrency: "unbounded",
        discard: true
      })
    })
    assert.strictEqual(VirtualTime.run(Effect.scoped(program)).exit._tag, "Success")
    assert.strictEqual(seen.served, 2 * limit)
    // Its headers count in whole seconds, and so the pool knows the minute's end to one.
    assert.isBelow(seen.lastServedAt, 1.03 * minute)
    // What is in flight when the first minute's requests are used up.
    assert.isAtMost(seen.rejected, 8)
  })
})
