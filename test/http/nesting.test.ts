import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient, PoolMap, RequestKey } from "effect-aimd/http"
import { inVirtualTime } from "../support/time.js"
import { scripted, url } from "./support.js"

const message = (exit: Exit.Exit<unknown, unknown>) => (Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "a success")

describe("a pool that is called from inside its own attempt dies at once and names the way out", () => {
  const pool = PooledExecutor.make({ poolSize: 4, name: "api" })
  const ways: ReadonlyArray<
    readonly [string, (pool: PooledExecutor.PooledExecutor) => Effect.Effect<unknown, unknown>]
  > = [
    [
      "a pooled client in a batch",
      (pool) => pool.forEach(["a", "b"], () => PooledHttpClient.make(pool)(scripted().client).get(url))
    ],
    ["execute in execute", (pool) => pool.execute(pool.execute(Effect.void))],
    ["attempt in execute", (pool) => pool.execute(pool.attempt(Effect.void))],
    ["a batch in execute", (pool) => pool.execute(pool.executeBatch([1], () => Effect.void))],
    ["a batch in a batch", (pool) => pool.forEach([1], () => pool.forEach([1], () => Effect.void))],
    [
      "a line in execute",
      (pool) => Effect.scoped(Effect.flatMap(pool.line, (line) => pool.execute(line.execute(Effect.void))))
    ],
    [
      "from a fiber of the attempt",
      (pool) => pool.execute(Effect.flatMap(Effect.fork(pool.execute(Effect.void)), Fiber.join))
    ]
  ]
  for (const [name, way] of ways) {
    it.effect(name, () =>
      inVirtualTime(function* () {
        const exit = yield* Effect.exit(Effect.flatMap(pool, way))
        assert.include(message(exit), 'the pool "api" was called from inside one of its own attempts')
        assert.include(message(exit), "PooledHttpClient.attempts")
      })
    )
  }

  it.effect("through a parent", () =>
    inVirtualTime(function* () {
      const parent = yield* pool
      const pools = yield* PoolMap.make({ parent })
      const client = PooledHttpClient.makeKeyed(pools, RequestKey.host)(scripted().client)
      const exit = yield* Effect.exit(parent.execute(client.get(url)))
      assert.include(message(exit), 'the pool "api" was called from inside')
    })
  )

  it.effect("but another pool may be called, and the same one afterwards", () =>
    inVirtualTime(function* () {
      const [outer, inner] = [yield* pool, yield* pool]
      yield* outer.execute(inner.execute(Effect.void))
      const late = yield* outer.execute(
        Effect.forkDaemon(Effect.delay(outer.execute(Effect.succeed("done")), "1 second"))
      )
      assert.strictEqual(yield* Fiber.join(late), "done")
      assert.strictEqual(yield* outer.execute(Effect.succeed("again")), "again")
    })
  )
})
