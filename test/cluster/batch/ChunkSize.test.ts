import { assert, describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import { Duration, Effect } from "effect"
import * as ChunkSize from "../../../src/cluster/batch/ChunkSize.js"

const options = { lasts: 10_000, atLeast: 10, atMost: 1000, atOnce: 4, perProcess: 2 }

describe("ChunkSize", () => {
  it("is the least while nothing is known", () => {
    assert.strictEqual(ChunkSize.make(options).next(undefined), 10)
  })

  it("is a chunk's share of what the pool allows, within its bounds", () => {
    const size = ChunkSize.make(options)
    // 20 a second for 10 seconds, shared by 2.
    assert.strictEqual(size.next(20 / 1000), 100)
    assert.strictEqual(size.next(1 / 1000), 10)
    assert.strictEqual(size.next(1), 1000)
  })

  it("follows what chunks have shown, and forgets what is long ago", () => {
    const size = ChunkSize.make(options)
    size.ended({ rows: 40, millis: 1000 })
    assert.strictEqual(size.next(20 / 1000), 400)
    size.ended({ rows: 40, millis: 3000 })
    assert.strictEqual(size.next(20 / 1000), 200)
    for (let i = 0; i < 4; i++) size.ended({ rows: 8, millis: 4000 })
    assert.strictEqual(size.next(undefined), 20)
  })

  it("learns nothing of a chunk whose time nobody knows", () => {
    const size = ChunkSize.make(options)
    size.ended({ rows: 0, millis: 0 })
    assert.strictEqual(size.next(20 / 1000), 100)
  })

  it.effect("takes the strictest of told limits and the law's", () =>
    Effect.gen(function* () {
      const config = yield* PoolConfig.make({
        limits: [{ requests: 600, per: "1 minute" }, { requests: 30, per: "1 second" }, { concurrent: 8 }]
      })
      const starts = { limit: 5, period: Duration.seconds(1) }
      assert.strictEqual(ChunkSize.allowed({ config, starts: undefined }), 10 / 1000)
      assert.strictEqual(ChunkSize.allowed({ config, starts }), 5 / 1000)
      const untold = yield* PoolConfig.make({ limits: ["headers"] })
      assert.strictEqual(ChunkSize.allowed({ config: untold, starts: undefined }), undefined)
    })
  )
})
