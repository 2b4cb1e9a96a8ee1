import { describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import { PoolConfig } from "effect-aimd"
import * as Borrower from "../../src/cluster/Borrower.js"
import * as Lessor from "../../src/cluster/Lessor.js"
import type { Message, Reply } from "../../src/cluster/Message.js"
import { one } from "../../src/limit/Cost.js"
import { over } from "../../src/PooledExecutor.js"
import { replyOf } from "./replies.js"

/** An entity that leases one start to whoever waits. */
const entity = (message: Message): Reply => {
  const isHeard = message.term === "a.1"
  const leases = isHeard && message.waiting > 0 ? [{ lease: message.number, cost: one }] : []
  return replyOf({ isHeard, leases, window: 8 })
}

describe("A pool of a runner", () => {
  it.effect("ends where its entity is out of reach, after half the patience", () =>
    Effect.gen(function* () {
      let isThere = true
      const scope = yield* Scope.make()
      const pool = yield* Borrower.make({
        config: yield* PoolConfig.make({ poolSize: 8, limits: [{ concurrent: 3 }] }),
        labels: [],
        name: "me",
        times: Lessor.timesOf(4000),
        exchange: (message) => (isThere ? Effect.succeed(entity(message)) : Effect.never)
      }).pipe(
        Effect.flatMap(({ admission }) => over(admission)),
        Scope.extend(scope)
      )
      const call = yield* Effect.fork(pool.execute(Effect.sleep("1 second")))
      yield* TestClock.adjust("100 millis")
      isThere = false
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(call)
      // As the end of any scope is, where it is not a test.
      const closing = yield* Effect.fork(Effect.uninterruptible(Scope.close(scope, Exit.void)))
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(closing)
    })
  )
})
