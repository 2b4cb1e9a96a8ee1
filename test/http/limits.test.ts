import { assert, describe, it } from "@effect/vitest"
import { HttpClientRequest } from "@effect/platform"
import { Cause, Effect, Exit } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { VirtualTime } from "effect-aimd/testing"
import { inVirtualTime } from "../support/time.js"
import { scripted, url } from "./support.js"

const run = <A, E>(program: Effect.Effect<A, E>): A =>
  Exit.getOrElse(VirtualTime.run(program).exit, (cause) => {
    throw new Error(Cause.pretty(cause))
  })

const answer = { body: { usage: { prompt_tokens: 30, completion_tokens: 10 } } }
const limits = [{ tokens: 100, per: 1000, transit: 0 }]
const post = HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(url), { model: "m", max_tokens: 60 })

describe("A pooled request in a pool that was told limits", () => {
  it.effect("takes what a function of the request says, and in the end what the answer says", () =>
    inVirtualTime(function* () {
      const { client, instants } = scripted(answer, answer, answer, answer)
      const pool = yield* PooledExecutor.make({ poolSize: 8, limits })
      const asked: Array<string> = []
      const pooled = PooledHttpClient.make(pool, {
        cost: (request) => {
          asked.push(request.method)
          return { tokens: 60 }
        }
      })(client)
      yield* Effect.forEach([1, 2, 3], () => pooled.execute(post))
      // Each sets 60 of 100 aside and takes 40: with two done, 20 are left.
      assert.deepStrictEqual(instants().map(Math.round), [0, 0, 1000])
      assert.deepStrictEqual(asked, ["POST", "POST", "POST"])
      const [tokens] = (yield* pool.stats).limits ?? []
      assert.deepStrictEqual([tokens?.settled, tokens?.refunded], [120, 60])
    })
  )

  it("fails where it is larger than a limit, and nothing is sent", () =>
    run(
      Effect.gen(function* () {
        const { client, sent } = scripted()
        const pool = yield* PooledExecutor.make({ poolSize: 8, limits })
        const pooled = PooledHttpClient.make(pool, { cost: () => ({ tokens: 101 }) })(client)
        const error = yield* Effect.flip(pooled.execute(post))
        assert.deepStrictEqual([error._tag, sent.length], ["CallTooLargeError", 0])
      }).pipe(Effect.scoped)
    ))

  it("waits for room before it is sent again, alone or inside an attempt", () =>
    run(
      Effect.gen(function* () {
        const get = HttpClientRequest.get(url)
        const one = [{ requests: 1, per: 1000, transit: 0 }]
        const alone = scripted({ lost: true })
        const pool = yield* PooledExecutor.make({ poolSize: 8, limits: one })
        yield* PooledHttpClient.make(pool)(alone.client).execute(get)
        assert.deepStrictEqual(alone.instants().map(Math.round), [0, 1000])
        const inside = scripted({ lost: true })
        const other = yield* PooledExecutor.make({ poolSize: 8, limits: one })
        yield* other.execute(PooledHttpClient.attempts()(inside.client).execute(get))
        const [first = 0, second = 0] = inside.instants()
        assert.strictEqual(Math.round(second - first), 1000)
      }).pipe(Effect.scoped)
    ))
})
