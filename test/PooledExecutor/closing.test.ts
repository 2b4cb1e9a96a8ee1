/** A pool that closes while callers of `execute` are in flight: their attempts end, and they themselves go on. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, FiberRef, Scope } from "effect"
import { PooledExecutor } from "effect-aimd"
import { inVirtualTime } from "../support/time.js"

const open = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const pool = yield* Scope.extend(PooledExecutor.make({ poolSize: 4, name: "api" }), scope)
  return { pool, close: Scope.close(scope, Exit.void) }
})

describe("a caller whose attempt is interrupted by a closing pool", () => {
  it.effect("gets PoolShutdownError, is not interrupted, and can wait and fork as before", () =>
    inVirtualTime(function* () {
      const { close, pool } = yield* open
      const ended: Array<string> = []
      const caller = yield* Effect.fork(
        Effect.gen(function* () {
          const error = yield* Effect.flip(
            pool.execute(Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push("attempt"))))
          )
          yield* Effect.sleep("1 second")
          const child = yield* Effect.fork(Effect.delay(Effect.succeed("child"), "1 second"))
          return [error._tag, yield* Fiber.join(child)]
        })
      )
      yield* Effect.sleep("1 second")
      yield* close
      assert.deepStrictEqual([yield* Fiber.join(caller), ended], [["PoolShutdownError", "child"], ["attempt"]])
    })
  )

  it.effect("keeps what it has forked before, and loses what the attempt has forked", () =>
    inVirtualTime(function* () {
      const { close, pool } = yield* open
      const interrupted: Array<string> = []
      const child = (name: string) =>
        Effect.fork(
          Effect.onInterrupt(Effect.delay(Effect.succeed(name), "5 seconds"), () =>
            Effect.sync(() => interrupted.push(name))
          )
        )
      const caller = yield* Effect.fork(
        Effect.gen(function* () {
          const before = yield* child("before")
          const error = yield* Effect.flip(pool.execute(Effect.zipRight(child("within"), Effect.never)))
          return [error._tag, yield* Fiber.join(before)]
        })
      )
      const alone = yield* Effect.fork(Effect.flip(pool.execute(Effect.zipRight(child("alone"), Effect.never))))
      yield* Effect.sleep("1 second")
      yield* close
      assert.deepStrictEqual(
        [yield* Fiber.join(caller), (yield* Fiber.join(alone))._tag, interrupted.sort()],
        [["PoolShutdownError", "before"], "PoolShutdownError", ["alone", "within"]]
      )
    })
  )

  it.effect("stays interrupted where somebody else interrupts it, too", () =>
    inVirtualTime(function* () {
      const { close, pool } = yield* open
      const cleaning = yield* Deferred.make<void>()
      const attempt = Effect.onInterrupt(Effect.never, () =>
        Effect.zipRight(Deferred.succeed(cleaning, undefined), Effect.sleep("5 seconds"))
      )
      let wentOn = false
      const caller = yield* Effect.fork(
        Effect.zipRight(
          Effect.exit(pool.execute(attempt)),
          Effect.sync(() => void (wentOn = true))
        )
      )
      yield* Effect.sleep("1 second")
      const closing = yield* Effect.fork(close)
      yield* Deferred.await(cleaning)
      const interruption = yield* Effect.fork(Fiber.interrupt(caller))
      yield* Effect.sleep("10 seconds")
      const exit = yield* Fiber.join(interruption)
      yield* Fiber.join(closing)
      assert.deepStrictEqual([Exit.isInterrupted(exit), wentOn, (yield* pool.stats).inFlight], [true, false, 0])
    })
  )

  it.effect("goes on where the attempt could not be interrupted, once that has ended", () =>
    inVirtualTime(function* () {
      const { close, pool } = yield* open
      let hasEnded = false
      const work = Effect.delay(
        Effect.sync(() => void (hasEnded = true)),
        "3 seconds"
      )
      const caller = yield* Effect.fork(
        Effect.zipLeft(Effect.flip(pool.execute(Effect.uninterruptible(work))), Effect.sleep("1 second"))
      )
      yield* Effect.sleep("1 second")
      yield* close
      assert.deepStrictEqual([(yield* Fiber.join(caller))._tag, hasEnded], ["PoolShutdownError", true])
    })
  )
})

describe("a caller that is interrupted itself", () => {
  it.effect("ends its attempt at once and gives the permit back, whether it has forked others or not", () =>
    inVirtualTime(function* () {
      const { pool } = yield* open
      const ended: Array<string> = []
      const call = (name: string) =>
        pool.execute(Effect.onInterrupt(Effect.never, () => Effect.sync(() => ended.push(name))))
      const callers = [
        yield* Effect.fork(call("alone")),
        yield* Effect.fork(Effect.zipRight(Effect.fork(Effect.never), call("with a child")))
      ]
      yield* Effect.sleep("1 second")
      for (const caller of callers) yield* Fiber.interrupt(caller)
      assert.deepStrictEqual([ended, (yield* pool.stats).inFlight], [["alone", "with a child"], 0])
    })
  )

  it.effect("keeps what the attempt has set for its fiber, as without a pool", () =>
    inVirtualTime(function* () {
      const { pool } = yield* open
      const ref = FiberRef.unsafeMake("before")
      const set = pool.execute(FiberRef.set(ref, "after"))
      const get = FiberRef.get(ref)
      const alone = yield* Effect.fork(Effect.zipRight(set, get))
      const parent = yield* Effect.fork(Effect.zipRight(Effect.fork(Effect.never), Effect.zipRight(set, get)))
      assert.deepStrictEqual([yield* Fiber.join(alone), yield* Fiber.join(parent)], ["after", "after"])
    })
  )
})
