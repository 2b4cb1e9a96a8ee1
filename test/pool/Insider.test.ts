/** What an attempt leaves open when it ends, as an answer whose body is still coming in: its permit is kept for that. */
import { assert, describe, it } from "@effect/vitest"
import { Capacity, Hints, PooledExecutor, type ControlLaw } from "effect-aimd"
import { Effect, Exit, Fiber, FiberRef, Scope } from "effect"
import * as Insider from "../../src/pool/Insider.js"
import { busy, isQuiet } from "../support/api.js"
import { fixed, spy } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

/** A hold that knows how often it was broken off. */
const newHold = () => {
  const seen = { abandoned: 0 }
  const hold = new Insider.Hold(() => {
    seen.abandoned += 1
    hold.end(Exit.void)
  })
  return { hold, seen }
}

/** A pool of one, and what its law hears. */
const heard = Effect.gen(function* () {
  const samples: Array<ControlLaw.Sample> = []
  const control = spy(fixed({}), (sample) => samples.push(sample))
  const pool = yield* PooledExecutor.make({ poolSize: 1, control })
  const tags = () => samples.map(({ _tag }) => _tag)
  return { inFlight: Effect.map(pool.stats, ({ inFlight }) => inFlight), pool, samples, tags }
})

describe("What an attempt leaves open", () => {
  it.effect("keeps its permit until the last of it is over, and the caller does not wait for that", () =>
    inVirtualTime(function* () {
      const { inFlight, pool, samples, tags } = yield* heard
      const [first, second] = [newHold(), newHold()]
      const kept = Effect.zipRight(Insider.keep(first.hold), Insider.keep(second.hold))
      assert.strictEqual(yield* pool.execute(Effect.as(kept, "early")), "early")
      assert.deepStrictEqual([yield* inFlight, tags()], [1, []])
      const next = yield* Effect.fork(pool.execute(Effect.succeed("next")))
      yield* Effect.sleep(50)
      first.hold.end(Exit.void)
      assert.deepStrictEqual([yield* inFlight, tags()], [1, []])
      second.hold.end(Exit.void)
      assert.deepStrictEqual([samples[0]?._tag, samples[0]?.latency], ["success", 50])
      assert.strictEqual(yield* Fiber.join(next), "next")
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("has the last word about the attempt, and the caller has its result already", () =>
    inVirtualTime(function* () {
      const { pool, tags } = yield* heard
      const [bad, good] = [newHold(), newHold()]
      yield* pool.execute(Effect.zipRight(Insider.keep(bad.hold), Insider.keep(good.hold)))
      bad.hold.end(Exit.fail(new Capacity.CapacityError({ status: 429 })))
      // The first end of a hold counts.
      bad.hold.end(Exit.void)
      good.hold.end(Exit.void)
      assert.deepStrictEqual([tags(), yield* isQuiet(pool)], [["capacity"], true])
    })
  )

  it.effect("is broken off where the attempt failed: it may run again", () =>
    inVirtualTime(function* () {
      const { pool, tags } = yield* heard
      const { hold, seen } = newHold()
      let attempts = 0
      const call = Effect.suspend(() =>
        ++attempts === 1 ? Effect.zipRight(Insider.keep(hold), busy()) : Effect.succeed("again")
      )
      assert.strictEqual(yield* pool.execute(call), "again")
      assert.deepStrictEqual([seen.abandoned, tags()], [1, ["capacity", "success"]])
    })
  )

  it.effect("is nothing where it is over when the attempt ends", () =>
    inVirtualTime(function* () {
      const { pool, tags } = yield* heard
      const { hold, seen } = newHold()
      yield* pool.execute(
        Effect.zipRight(
          Insider.keep(hold),
          Effect.sync(() => hold.end(Exit.void))
        )
      )
      assert.deepStrictEqual([tags(), seen.abandoned, hold.isOver], [["success"], 0, true])
      // Who asks later hears it at once.
      let ended = 0
      hold.onEnd(() => void (ended += 1))
      assert.strictEqual(ended, 1)
    })
  )

  it.effect("is broken off when the pool closes, and not when it was over before", () =>
    inVirtualTime(function* () {
      const scope = yield* Scope.make()
      const { pool, tags } = yield* Scope.extend(heard, scope)
      const [open, over] = [newHold(), newHold()]
      yield* pool.execute(Insider.keep(over.hold))
      over.hold.end(Exit.void)
      yield* pool.execute(Insider.keep(open.hold))
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual([open.seen.abandoned, over.seen.abandoned, tags().length], [1, 0, 2])
      assert.isTrue(yield* isQuiet(pool))
    })
  )

  it.effect("keeps the permit of a pool around that of its own as well", () =>
    inVirtualTime(function* () {
      const [outer, inner] = [yield* heard, yield* heard]
      const { hold } = newHold()
      yield* outer.pool.execute(inner.pool.execute(Insider.keep(hold)))
      assert.deepStrictEqual([yield* outer.inFlight, yield* inner.inFlight], [1, 1])
      hold.end(Exit.void)
      assert.deepStrictEqual([outer.tags(), inner.tags()], [["success"], ["success"]])
      assert.isTrue((yield* isQuiet(outer.pool)) && (yield* isQuiet(inner.pool)))
    })
  )

  it.effect("may use the pool once the attempt is over: what goes on is inside no attempt any more", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ poolSize: 1 })
      const later = Effect.delay(pool.execute(Effect.succeed("served")), 10)
      const call = yield* pool.execute(Effect.forkDaemon(later))
      const { entries } = yield* pool.executeBatch([0], () => Effect.forkDaemon(later))
      const [row] = entries
      if (row === undefined || !Exit.isSuccess(row.exit)) return assert.fail("no row")
      assert.deepStrictEqual([yield* Fiber.join(call), yield* Fiber.join(row.exit.value)], ["served", "served"])
    })
  )

  it.effect("is nobody's outside an attempt", () =>
    inVirtualTime(function* () {
      const { hold, seen } = newHold()
      yield* Insider.keep(hold)
      hold.end(Exit.void)
      assert.strictEqual(seen.abandoned, 0)
    })
  )
})

describe("An attempt that takes too long", () => {
  it.effect("runs again inside itself where that is allowed, so often, and is one attempt all the same", () =>
    inVirtualTime(function* () {
      const outcomes: Array<readonly [string, runs: number, resends: number]> = []
      for (const rerun of [
        { isAllowed: true, left: 2 },
        { isAllowed: true, left: 1 },
        { isAllowed: false, left: 2 }
      ]) {
        const pool = yield* PooledExecutor.make({ attemptTimeout: 50, control: fixed({}) })
        let runs = 0
        const call = Effect.flatMap(FiberRef.get(Insider.current), (self) => {
          runs += 1
          const attempt = Insider.occupantOf(self)
          if (attempt !== undefined) attempt.rerun ??= rerun
          return runs < 3 ? Effect.never : Effect.succeed("at last")
        })
        const said = yield* Effect.match(pool.execute(call), { onFailure: ({ _tag }) => _tag, onSuccess: String })
        const { attempts, resends } = yield* pool.stats
        assert.strictEqual(attempts, 1)
        outcomes.push([said, runs, resends])
      }
      assert.deepStrictEqual(outcomes, [
        ["at last", 3, 2],
        ["AttemptTimeoutError", 2, 1],
        ["AttemptTimeoutError", 1, 0]
      ])
    })
  )
})

describe("The hints of a single attempt", () => {
  it.effect("reach the pool around it as well, and those of a call that is retried do not", () =>
    inVirtualTime(function* () {
      const [outer, inner] = [yield* heard, yield* heard]
      const report = Effect.as(Hints.report({ requests: { remaining: 3 } }), "told")
      assert.strictEqual(yield* outer.pool.execute(inner.pool.attempt(report)), "told")
      assert.strictEqual(yield* outer.pool.execute(inner.pool.execute(report)), "told")
      const hints = ({ samples }: typeof outer) => samples.map((sample) => sample.hints?.requests?.remaining)
      assert.deepStrictEqual(
        [hints(inner), hints(outer)],
        [
          [3, 3],
          [3, undefined]
        ]
      )
    })
  )
})
