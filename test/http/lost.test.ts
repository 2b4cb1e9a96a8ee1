import { HttpClient, HttpClientError, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random, Schedule } from "effect"
import { type PoolConfig, PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { type Answer, broken, scripted, url } from "./support.js"

const options: PoolConfig.Options = { poolSize: 4, recoveryStep: "100 millis", control: "delay" }
const makePool = (more: PoolConfig.Options = {}) => PooledExecutor.make({ ...options, ...more })
const post = HttpClientRequest.post(url)

/** All ways in which an answer gets lost. */
const ways: ReadonlyArray<readonly [name: string, answer: Answer]> = [
  ...[408, 500, 502, 504].map((status) => [`status ${status}`, { status, body: "gateway" }] as const),
  ["no connection", { lost: true }],
  ["a body that breaks off", { body: broken, headers: { "content-length": "99" } }],
  ["a JSON body that breaks off", { body: broken, headers: { "content-type": "application/json" } }]
]

describe("an answer that is lost", () => {
  for (const [name, answer] of ways) {
    it.effect(`by ${name} is asked for again where that is safe, and the law hears nothing of it`, () =>
      inVirtualTime(function* () {
        const pool = yield* makePool()
        const [get, posted] = [scripted(answer, answer, { body: "at last" }), scripted(answer)]
        const response = yield* PooledHttpClient.make(pool)(get.client).get(url)
        assert.strictEqual(yield* response.text, "at last")
        const once = yield* Effect.either(PooledHttpClient.make(pool)(posted.client).execute(post))
        assert.strictEqual(once._tag === "Right" ? once.right.status : "failed", answer.status ?? "failed")
        const { capacityRetries, reason, resends } = yield* pool.stats
        assert.deepStrictEqual(
          [get.sent.length, posted.sent.length, resends, capacityRetries, reason],
          [3, 1, 2, 0, "no capacity error yet"]
        )
      })
    )

    it.effect(`by ${name} is asked for again by a single attempt in a batch, too`, () =>
      inVirtualTime(function* () {
        const pool = yield* makePool()
        const api = scripted(answer, {}, {})
        const client = PooledHttpClient.attempts()(api.client)
        const { stats } = yield* pool.executeBatch(["a", "b"], () =>
          Effect.flatMap(client.get(url), ({ text }) => text)
        )
        assert.deepStrictEqual(
          [stats.successes, stats.attempts, api.sent.length, (yield* pool.stats).resends],
          [2, 2, 3, 1]
        )
      })
    )
  }

  it.effect("comes back as it was when it is lost each time, and is not asked for without end", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted(...Array.from({ length: 9 }, () => ({ status: 502, body: "bad gateway" })))
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual([response.status, yield* response.text, api.sent.length], [502, "bad gateway", 3])
    })
  )

  it.effect("passes at once where a resend is switched off, or the API forbids it", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const [off, forbidden] = [
        scripted({ status: 504 }),
        scripted({ status: 500, headers: { "x-should-retry": "false" } })
      ]
      yield* PooledHttpClient.make(pool, { resend: false })(off.client).execute(HttpClientRequest.put(url))
      yield* PooledHttpClient.make(pool)(forbidden.client).get(url)
      assert.deepStrictEqual([off.sent.length, forbidden.sent.length], [1, 1])
      const posted = scripted()
      yield* PooledHttpClient.make(pool, { resend: false })(posted.client).execute(post)
      assert.deepStrictEqual(
        posted.sent.map(({ request }) => request.headers["idempotency-key"]),
        [undefined]
      )
    })
  )

  it.effect("is not remembered: a later rejection, and a failure of another kind, are what they are", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 502 }, { status: 429 }, { status: 404, body: "not here" })
      const response = yield* PooledHttpClient.make(pool)(api.client).get(url)
      assert.deepStrictEqual([response.status, api.sent.length, (yield* pool.stats).resends], [404, 3, 1])
      let requests = 0
      const own = HttpClient.transformResponse(scripted().client, () =>
        Effect.fail(
          (requests += 1) === 1
            ? new HttpClientError.RequestError({ request: post, reason: "Transport" })
            : new HttpClientError.RequestError({ request: post, reason: "Encode" })
        )
      )
      yield* Effect.flip(PooledHttpClient.make(pool)(own).get(url))
      assert.strictEqual(requests, 2)
    })
  )

  it.effect("backs off by itself, and others are served meanwhile", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ poolSize: 1 })
      const api = scripted({ status: 502 })
      const schedule = Schedule.intersect(Schedule.spaced("5 seconds"), Schedule.recurs(1))
      const client = PooledHttpClient.make(pool, { resend: { schedule } })(api.client)
      yield* Effect.all([client.get(url), client.get(url)], { concurrency: 2 })
      assert.deepStrictEqual(api.instants(), [0, 0, 5_000])
    })
  )
})

/** Hangs at each of these requests, counted from 0. */
const hangingAt = (...hangs: ReadonlyArray<number>) => {
  const api = scripted()
  let requests = 0
  const client = HttpClient.transformResponse(api.client, (sent) => (hangs.includes(requests++) ? Effect.never : sent))
  return { client, requests: () => requests }
}

describe("a request that hangs", () => {
  const rows = Array.from({ length: 100 }, (_, row) => row)
  const everySeventh = rows.filter((row) => row % 7 === 6)

  it.effect("is lost when the attempt's time is over: 100 of 100 through a pooled client", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ attemptTimeout: "30 seconds" })
      const client = PooledHttpClient.make(pool)(hangingAt(...everySeventh).client)
      const served = yield* Effect.forEach(rows, () => Effect.option(client.get(url)), { concurrency: 8 })
      assert.deepStrictEqual(
        [served.filter(({ _tag }) => _tag === "Some").length, (yield* pool.stats).resends],
        [100, everySeventh.length]
      )
    })
  )

  it.effect("is run again within its row: 100 of 100 in a batch", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ attemptTimeout: "30 seconds" })
      const client = PooledHttpClient.attempts()(hangingAt(...everySeventh).client)
      const { stats } = yield* pool.executeBatch(rows, () => client.get(url))
      assert.deepStrictEqual([stats.successes, stats.capacityRetries, stats.attempts], [100, 0, 100])
      assert.strictEqual((yield* pool.stats).resends, everySeventh.length)
    })
  )

  it.effect("fails with AttemptTimeoutError where it hangs each time, or may not be sent twice", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ attemptTimeout: "30 seconds" })
      const [always, posted, batch, row] = [hangingAt(0, 1, 2, 3), hangingAt(0), hangingAt(0, 1, 2, 3), hangingAt(0)]
      const [first, second] = [
        yield* Effect.flip(PooledHttpClient.make(pool)(always.client).get(url)),
        yield* Effect.flip(PooledHttpClient.make(pool)(posted.client).execute(post))
      ]
      const inside = yield* Effect.flip(pool.execute(PooledHttpClient.attempts()(batch.client).get(url)))
      const unsafe = yield* Effect.flip(pool.execute(PooledHttpClient.attempts()(row.client).execute(post)))
      assert.deepStrictEqual(
        [first, second, inside, unsafe].map(({ _tag }) => _tag),
        Array.from({ length: 4 }, () => "AttemptTimeoutError")
      )
      assert.deepStrictEqual(
        [always, posted, batch, row].map(({ requests }) => requests()),
        [3, 1, 3, 1]
      )
    })
  )

  it.effect("does not run a row again that is late after its request was answered", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool({ attemptTimeout: "30 seconds" })
      const [api, failed] = [scripted(), scripted({ status: 429, headers: { "x-should-retry": "false" } })]
      const client = PooledHttpClient.attempts()
      yield* Effect.flip(pool.execute(Effect.zipRight(client(api.client).get(url), Effect.never)))
      yield* Effect.flip(pool.execute(Effect.zipRight(Effect.either(client(failed.client).get(url)), Effect.never)))
      assert.deepStrictEqual([api.sent.length, failed.sent.length], [1, 1])
    })
  )
})

describe("an idempotency key", () => {
  it.effect("is made for a POST where that is asked for: the same each time, another for another request", () =>
    inVirtualTime(function* () {
      const pool = yield* makePool()
      const api = scripted({ status: 502 }, { status: 429 }, {}, {}, {})
      const client = PooledHttpClient.make(pool, { resend: { idempotencyKeys: true } })(api.client)
      yield* Effect.withRandom(client.execute(post), Random.make("a"))
      yield* Effect.withRandom(client.execute(post), Random.make("b"))
      yield* client.execute(HttpClientRequest.setHeader(post, "idempotency-key", "own"))
      yield* client.get(url)
      const keys = api.sent.map(({ request }) => request.headers["idempotency-key"])
      const [first, , , second] = keys
      assert.match(String(first), /^[0-9a-f]{32}$/)
      assert.notStrictEqual(first, second)
      assert.deepStrictEqual(keys, [first, first, first, second, "own", undefined])
    })
  )
})
