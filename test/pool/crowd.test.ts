/** What it takes to find who starts next, counted in steps: with modules that count in the place of two structures. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"
import { type PoolConfig, PooledExecutor } from "effect-aimd"
import type * as Heap from "../../src/structure/Heap.js"
import type * as LinkedQueue from "../../src/structure/LinkedQueue.js"

const steps = vi.hoisted(() => ({ count: 0 }))

vi.mock("../../src/structure/Heap.js", async (original) => {
  const real = await original<typeof Heap>()
  return {
    ...real,
    make: <A extends Heap.Element>(isBefore: (a: A, b: A) => boolean) =>
      real.make<A>((a, b) => {
        steps.count += 1
        return isBefore(a, b)
      })
  }
})

vi.mock("../../src/structure/LinkedQueue.js", async (original) => {
  const real = await original<typeof LinkedQueue>()
  return {
    ...real,
    make: <A>() => {
      const queue = real.make<A>()
      return Object.defineProperties(
        Object.create(queue) as typeof queue,
        {
          *nodes() {
            for (const node of queue.nodes()) {
              steps.count += 1
              yield node
            }
          }
        } as never
      )
    }
  }
})

/** The steps for each of so many callers of so many tenants, all of whom wait before the first starts. */
const stepsEach = (callers: number, tenants: number, options: PoolConfig.Options): Promise<number> =>
  Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ poolSize: 8, ...options })
        yield* pool.pause
        const calls = Effect.forEach(
          Array.from({ length: callers }, (_, i) => i),
          (i) => pool.execute(Effect.yieldNow(), { tenant: `${i % tenants}` }),
          { concurrency: "unbounded", discard: true }
        )
        const waiting = yield* Effect.fork(calls)
        while ((yield* pool.pendingCount) < callers) yield* Effect.yieldNow()
        steps.count = 0
        yield* pool.resume
        yield* waiting.await
        return steps.count / callers
      })
    )
  )

/** So many comparisons, at most, for each level of a heap of the tenants. */
const each = 5

describe("Who starts next", () => {
  it("is found in as many steps as the logarithm of the tenants says, of 100,000 callers of 1,000", async () => {
    const many = await stepsEach(100_000, 1000, {})
    assert.isAbove(many, 1)
    assert.isAtMost(many, each * Math.log2(1000))
    // As many for each caller where there are fewer, and fewer where there are fewer tenants.
    assert.isAtMost(many, 1.1 * (await stepsEach(10_000, 1000, {})))
    assert.isAtMost(await stepsEach(10_000, 32, {}), each * Math.log2(32))
  })

  it("is found as fast in a pool that was told limits", async () => {
    const limits = "1000000000 requests per minute"
    assert.isAtMost(await stepsEach(10_000, 1000, { limits }), each * Math.log2(1000))
  })
})
