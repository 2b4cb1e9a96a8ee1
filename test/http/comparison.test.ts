/** Effect 4's `HttpClient.withRateLimiter` beside a pooled client: each row of the table in docs/HTTP.md, both cells. */
import { assert, describe, it } from "@effect/vitest"
import { HttpClient } from "@effect/platform"
import { Duration, Effect } from "effect"
import * as Effect4 from "effect-4/Effect"
import * as Clock4 from "effect-4/Clock"
import * as Fiber4 from "effect-4/Fiber"
import * as Layer4 from "effect-4/Layer"
import * as Http4 from "effect-4/http"
import * as Persistence4 from "effect-4/persistence"
import { TestClock as TestClock4 } from "effect-4/testing"
import { type PoolConfig, PooledExecutor } from "effect-aimd"
import { PooledHttpClient, PoolMap, RequestKey } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { type Answer, scripted, url } from "./support.js"

/** What came of a request: the status at the end, and when each attempt was sent, in milliseconds. */
interface Outcome {
  readonly end: number | string
  readonly instants: ReadonlyArray<number>
}

interface Options {
  readonly requests?: number
  readonly pool?: PoolConfig.Options
  readonly http?: PooledHttpClient.Options
  /** How long each answer takes. */
  readonly latency?: Duration.DurationInput
}

const web = ({ body, headers = {}, status = 200 }: Answer): Response =>
  new Response(body === undefined ? null : JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", ...headers }
  })

/** Sends requests through Effect 4's limiter, as its documentation has it; after 50 retries that is enough. */
const effect4 = (answers: ReadonlyArray<Answer>, { latency = 0, requests = 1 }: Options = {}): Promise<Outcome> => {
  const instants: Array<number> = []
  const program = Effect4.gen(function* () {
    const limiter = yield* Persistence4.RateLimiter.RateLimiter
    const base = Http4.HttpClient.make((request) =>
      Effect4.gen(function* () {
        const answer = answers[instants.length] ?? {}
        instants.push(yield* Clock4.currentTimeMillis)
        yield* Effect4.sleep(Duration.toMillis(latency))
        return answer.lost === true
          ? yield* Effect4.fail(
              new Http4.HttpClientError.HttpClientError({
                reason: new Http4.HttpClientError.TransportError({ request })
              })
            )
          : Http4.HttpClientResponse.fromWeb(request, web(answer))
      })
    )
    const client = base.pipe(
      Http4.HttpClient.withRateLimiter({ limiter, window: "1 minute", limit: 100, key: "api", times: 50 })
    )
    const one = client.get(url).pipe(
      Effect4.map(({ status }): number | string => status),
      Effect4.catch((error) => Effect4.succeed(error._tag as number | string))
    )
    const all = Effect4.all(
      Array.from({ length: requests }, () => one),
      { concurrency: "unbounded" }
    )
    const fiber = yield* Effect4.forkChild(all)
    yield* TestClock4.adjust("1 day")
    const [end = "none"] = yield* Fiber4.join(fiber)
    return { end, instants }
  })
  const layer = Persistence4.RateLimiter.layer.pipe(
    Layer4.provide(Persistence4.RateLimiter.layerStoreMemory),
    Layer4.provideMerge(TestClock4.layer())
  )
  return Effect4.runPromise(Effect4.provide(program, layer))
}

/** The same through a pool under the delay law: 100 ms after a first rejection, then 200, 400 ... */
const ours = (answers: ReadonlyArray<Answer>, { http, latency, pool, requests = 1 }: Options = {}) =>
  Effect.gen(function* () {
    const executor = yield* PooledExecutor.make({ poolSize: 8, recoveryStep: "100 millis", control: "delay", ...pool })
    const api = scripted(...answers)
    const slow = HttpClient.tap(api.client, () => (latency === undefined ? Effect.void : Effect.sleep(latency)))
    const one = PooledHttpClient.make(
      executor,
      http
    )(slow)
      .get(url)
      .pipe(
        Effect.map(({ status }): number | string => status),
        Effect.catchAll(({ _tag }) => Effect.succeed<number | string>(_tag))
      )
    const [end = "none"] = yield* Effect.all(
      Array.from({ length: requests }, () => one),
      { concurrency: "unbounded" }
    )
    const outcome: Outcome = { end, instants: api.instants() }
    return outcome
  })

const times = (n: number, answer: Answer): ReadonlyArray<Answer> => Array.from({ length: n }, () => answer)

/** One row of the table: what is asked, and what comes of it on either side. */
const row = (
  name: string,
  answers: ReadonlyArray<Answer>,
  expected: { readonly ours: Outcome; readonly effect4: Outcome },
  options?: Options
) =>
  describe(name, () => {
    it.effect("through a pool", () =>
      inVirtualTime(function* () {
        assert.deepStrictEqual(yield* ours(answers, options), expected.ours)
      })
    )
    it("with Effect 4's withRateLimiter", async () => {
      assert.deepStrictEqual(await effect4(answers, options), expected.effect4)
    })
  })

const tooLarge = { error: { message: "Request too large: Limit 30000, Requested 45211.", code: "rate_limit_exceeded" } }
const quota: Answer = { status: 429, body: { error: { code: "insufficient_quota" } } }

row("503 and 529 are retried", [{ status: 503 }, { status: 529 }], {
  ours: { end: 200, instants: [0, 100, 300] },
  effect4: { end: 503, instants: [0] }
})

row("a 429 without a hint waits", times(3, { status: 429 }), {
  ours: { end: 200, instants: [0, 100, 300, 700] },
  effect4: { end: 200, instants: [0, 0, 0, 0] }
})

row("retry-after in seconds is heeded", [{ status: 429, headers: { "retry-after": "7" } }], {
  ours: { end: 200, instants: [0, 7_000] },
  effect4: { end: 200, instants: [0, 7_000] }
})

row("retry-after-ms is heeded", [{ status: 429, headers: { "retry-after-ms": "1500" } }], {
  ours: { end: 200, instants: [0, 1_500] },
  effect4: { end: 200, instants: [0, 0] }
})

row(
  'a reset of "6m0s" is six minutes',
  [{ status: 429, headers: { "retry-after": "soon", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "6m0s" } }],
  { ours: { end: 200, instants: [0, 360_000] }, effect4: { end: 200, instants: [0, 6_000] } },
  { pool: { maxRetryAfter: "10 minutes" } }
)

row(
  "tokens are a limit apart from requests",
  [{ status: 429, headers: { "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2s" } }],
  { ours: { end: 200, instants: [0, 2_000] }, effect4: { end: 200, instants: [0, 0] } }
)

row(
  "there is a bound to what is under way",
  [],
  { ours: { end: 200, instants: [0, 0, 1_000, 1_000] }, effect4: { end: 200, instants: [0, 0, 0, 0] } },
  { requests: 4, latency: "1 second", pool: { poolSize: 2 } }
)

row("a quota that is used up ends it", times(60, quota), {
  ours: { end: "QuotaExhaustedError", instants: [0] },
  effect4: { end: 429, instants: Array.from({ length: 51 }, () => 0) }
})

row(
  "retries end by time, with an error that says so",
  times(60, { status: 429, headers: { "retry-after": "10" } }),
  {
    ours: { end: "RetryTimeoutError", instants: [0, 10_000, 20_000] },
    effect4: { end: 429, instants: Array.from({ length: 51 }, (_, n) => n * 10_000) }
  },
  { pool: { maxCapacityRetry: "25 seconds" } }
)

row(
  "a limit that is known beforehand is kept from the first request on",
  [],
  {
    // A microsecond later than the limit asks, which keeps it exact.
    ours: { end: 200, instants: Array.from({ length: 102 }, (_, n) => (n < 100 ? 0 : 60_000.001)) },
    effect4: { end: 200, instants: Array.from({ length: 102 }, (_, n) => (n < 100 ? 0 : 60_000)) }
  },
  { requests: 102, pool: { poolSize: 200, limits: [{ requests: 100, per: "1 minute" }] } }
)

const retryInfo = { error: { details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "3s" }] } }

row("a wait in the body is heeded", [{ status: 429, body: retryInfo }], {
  ours: { end: 200, instants: [0, 3_000] },
  effect4: { end: 200, instants: [0, 0] }
})

row('a 403 that means "not now" waits', [{ status: 403, headers: { "retry-after": "5" } }], {
  ours: { end: 200, instants: [0, 5_000] },
  effect4: { end: 403, instants: [0] }
})

row("a request that is larger than the whole limit fails alone", times(60, { status: 429, body: tooLarge }), {
  ours: { end: "RequestRefusedError", instants: [0] },
  effect4: { end: 429, instants: Array.from({ length: 51 }, () => 0) }
})

describe("a gateway's 502 is asked for again where that is safe", () => {
  it.effect("through a pool", () =>
    inVirtualTime(function* () {
      const { end, instants } = yield* ours([{ status: 502 }])
      assert.deepStrictEqual([end, instants.length], [200, 2])
    })
  )
  it("with Effect 4's withRateLimiter", async () => {
    assert.deepStrictEqual(await effect4([{ status: 502 }]), { end: 502, instants: [0] })
  })
})

describe("an answer that got lost is asked for again where that is safe", () => {
  it.effect("through a pool", () =>
    inVirtualTime(function* () {
      const { end, instants } = yield* ours([{ lost: true }])
      assert.deepStrictEqual([end, instants.length], [200, 2])
    })
  )
  it("with Effect 4's withRateLimiter", async () => {
    assert.deepStrictEqual(await effect4([{ lost: true }]), { end: "HttpClientError", instants: [0] })
  })
})

describe("keys are bounded in number", () => {
  it.effect("through pools by key", () =>
    inVirtualTime(function* () {
      const pools = yield* PoolMap.make({ capacity: 3 })
      const client = PooledHttpClient.makeKeyed(pools, RequestKey.host)(scripted().client)
      for (let i = 0; i < 10; i++) yield* client.get(`http://tenant-${i}.test`)
      assert.deepStrictEqual([...(yield* pools.stats).keys()], ["tenant-7.test", "tenant-8.test", "tenant-9.test"])
    })
  )
})
