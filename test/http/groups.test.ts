import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PoolGroup, PooledExecutor } from "effect-aimd"
import { PooledFetch, PooledHttpClient } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { scripted, url } from "./support.js"

const group = Effect.flatMap(
  Effect.all({
    a: PooledExecutor.make({ poolSize: 2, control: "delay" }),
    b: PooledExecutor.make({ poolSize: 2, control: "delay" })
  }),
  (members) => PoolGroup.make({ members, name: "both", maxCapacityRetry: "1 minute" })
)

describe("a client over a group", () => {
  it.effect("sends each attempt by the client of its member, and a rejected one on at once", () =>
    inVirtualTime(function* () {
      const full = scripted({ status: 429, headers: { "retry-after": "90" } })
      const free = scripted()
      const client = PooledHttpClient.makeGroup(yield* group, {
        a: HttpClient.mapRequest(full.client, HttpClientRequest.bearerToken("first")),
        b: HttpClient.mapRequest(free.client, HttpClientRequest.bearerToken("second"))
      })
      const { status } = yield* client.get(url)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(
        [...full.sent, ...free.sent].map(({ at, request }) => [at, request.headers.authorization]),
        [
          [0, "Bearer first"],
          [0, "Bearer second"]
        ]
      )
    })
  )

  it.effect("gives the last answer where no member has capacity within the budget", () =>
    inVirtualTime(function* () {
      const full = scripted(...Array.from({ length: 2 }, () => ({ status: 429, headers: { "retry-after": "7200" } })))
      const client = PooledHttpClient.makeGroup(yield* group, { a: full.client, b: full.client })
      const error = yield* Effect.flip(client.get(url))
      assert.strictEqual(error._tag, "RetryTimeoutError")
      if (error._tag !== "RetryTimeoutError") return
      assert.strictEqual(PooledHttpClient.lastResponse(error)?.status, 429)
      assert.deepStrictEqual(full.instants(), [0, 0])
    })
  )

  it.effect("keeps requests of a key at one member", () =>
    inVirtualTime(function* () {
      const [a, b] = [scripted(), scripted()]
      const client = PooledHttpClient.makeGroup(
        yield* group,
        { a: a.client, b: b.client },
        { groupKey: ({ url }) => new URL(url).pathname }
      )
      yield* Effect.forEach(Array.from({ length: 10 }), () => client.get(url), { concurrency: 2 })
      assert.deepStrictEqual([a.sent.length, b.sent.length].sort(), [0, 10])
    })
  )

  it.effect("is a fetch as well, with one for each member", () =>
    inVirtualTime(function* () {
      const asked: Array<string> = []
      const answer = (member: string, status: number) => () => {
        asked.push(member)
        return Promise.resolve(new Response(member, { status }))
      }
      const fetch = yield* PooledFetch.makeGroup(yield* group, { a: answer("a", 503), b: answer("b", 200) })
      const response = yield* Effect.promise(() => fetch(url))
      assert.deepStrictEqual([yield* Effect.promise(() => response.text()), asked], ["b", ["a", "b"]])
    })
  )
})
