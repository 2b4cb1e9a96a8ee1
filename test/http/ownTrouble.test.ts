/** One request that is always rejected, among many that are not. */
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Either, Fiber } from "effect"
import { PooledExecutor, PoolError } from "effect-aimd"
import { PooledFetch, PooledHttpClient } from "effect-aimd/http"
import { range } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"
import { url } from "./support.js"

const makePool = PooledExecutor.make({ poolSize: 8, control: "delay", maxCapacityRetry: "1 minute" })

const statusOf = (address: string): number => (address.endsWith("/7") ? 429 : 200)

/** Makes 400 requests at once; says when all but the eighth are done, how many were served, and how that one ended. */
const outcomes = <E>(request: (address: string) => Effect.Effect<number, E>) =>
  Effect.gen(function* () {
    const fibers = yield* Effect.forEach(range(400), (n) => Effect.fork(Effect.either(request(`${url}/${n}`))))
    const others = yield* Effect.forEach(
      fibers.filter((_, n) => n !== 7),
      Fiber.join
    )
    const doneAt = yield* Clock.currentTimeMillis
    const rejected = yield* Effect.flatMap(Effect.fromNullable(fibers[7]), Fiber.join)
    return { doneAt, served: others.filter((one) => Either.isRight(one) && one.right === 200).length, rejected }
  })

const isOwnTrouble = (error: unknown): boolean =>
  error instanceof PoolError.RetryTimeoutError && error.othersServed === 399

describe("A request that is always rejected hardly slows the others, and ends with an error that says so", () => {
  it.effect("through a pooled client", () =>
    inVirtualTime(function* () {
      const client = HttpClient.make((request) =>
        Effect.delay(
          Effect.sync(() => HttpClientResponse.fromWeb(request, new Response(null, { status: statusOf(request.url) }))),
          100
        )
      )
      const pooled = PooledHttpClient.make(yield* makePool)(client)
      const { doneAt, rejected, served } = yield* outcomes((address) =>
        Effect.map(pooled.get(address), ({ status }) => status)
      )
      assert.strictEqual(served, 399)
      // 50 rounds of 100 ms for 400 requests, and one more for the attempts of the eighth.
      assert.isAtMost(doneAt, 5250)
      assert.isTrue(Either.isLeft(rejected) && isOwnTrouble(rejected.left))
    })
  )

  it.effect("through a pooled fetch", () =>
    inVirtualTime(function* () {
      const answer: PooledFetch.Fetch = (input) =>
        Promise.resolve(new Response(null, { status: statusOf(new Request(input).url) }))
      const fetch = yield* PooledFetch.make(yield* makePool, { fetch: answer })
      const { doneAt, rejected, served } = yield* outcomes((address) =>
        Effect.mapError(
          Effect.tryPromise(() => fetch(address)),
          ({ error }) => error
        ).pipe(Effect.map(({ status }) => status))
      )
      assert.strictEqual(served, 399)
      assert.isBelow(doneAt, 60_000)
      // A fetch ends with the answer that there was.
      assert.deepStrictEqual(rejected, Either.right(429))
    })
  )
})
