import { assert, describe, it } from "@effect/vitest"
import { type ControlLaw, PoolGroup, PooledExecutor } from "effect-aimd"
import { Duration, Effect, Option, Stream } from "effect"
import { ok, range } from "../support/api.js"
import { fixed } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

const pool = (name: string, decision: Partial<ControlLaw.Decision>) =>
  PooledExecutor.make({ name, poolSize: 4, control: fixed(decision) })

describe("Where a group stands", () => {
  it.effect("is where its members stand together: their windows, their pace, and the first that is open again", () =>
    inVirtualTime(function* () {
      const a = yield* pool("a", { window: 2, spacing: 100, holdUntil: 500, reason: "slow" })
      const b = yield* pool("b", { window: 3, spacing: 300, holdUntil: 300, reason: "slower" })
      const group = yield* PoolGroup.make({ members: { a, b } })
      const { holdUntil, reason, spacing, window } = yield* group.stats
      assert.deepStrictEqual([window, holdUntil, reason], [5, 300, "a: slow; b: slower"])
      // Ten a second and three and a third are one in 75 ms.
      assert.approximately(Duration.toMillis(spacing), 75, 1e-9)
      yield* b.shutdown
      const left = yield* group.stats
      assert.deepStrictEqual([left.window, left.holdUntil, left.reason], [2, 500, "a: slow"])
      assert.strictEqual(group.poolSize, 4)
      yield* a.shutdown
      const none = yield* group.stats
      assert.deepStrictEqual([none.window, none.holdUntil, none.reason], [0, 0, ""])
    })
  )

  it.effect("is held back by what holds back most of its members, and by nothing where one may start", () =>
    inVirtualTime(function* () {
      const members = { a: yield* pool("a", {}), b: yield* pool("b", {}), c: yield* pool("c", { window: 1 }) }
      const group = yield* PoolGroup.make({ members })
      const waitsFor = Effect.map(Stream.runHead(group.progress), (one) => Option.getOrThrow(one).waitsFor)
      yield* members.a.pause
      assert.strictEqual(yield* waitsFor, "rows")
      yield* Effect.fork(members.b.forEach(range(4), () => ok(1000)))
      yield* Effect.fork(members.c.execute(ok(1000)))
      yield* Effect.sleep(10)
      assert.strictEqual(yield* waitsFor, "window")
      yield* members.b.pause
      assert.strictEqual(yield* waitsFor, "pause")
      yield* group.pause
      assert.strictEqual(yield* waitsFor, "pause")
    })
  )

  it.effect("keeps for each member what its law has learned, and begins with nothing that is no such thing", () =>
    inVirtualTime(function* () {
      const begun: Array<readonly [name: string, learned: unknown]> = []
      const learning = (name: string, learned: unknown) => {
        const law: ControlLaw.ControlLaw<ControlLaw.Decision> = {
          ...fixed({}),
          name: `law of ${name}`,
          initial: (poolSize, now, from) => {
            begun.push([name, from])
            return fixed({}).initial(poolSize, now)
          },
          learned: () => learned
        }
        return PooledExecutor.make({ name, control: law })
      }
      const members = { a: yield* learning("a", 1), b: yield* learning("b", undefined), c: yield* learning("c", 3) }
      const group = yield* PoolGroup.make({ members })
      const kept: Array<unknown> = []
      for (const learned of [undefined, null, "a", ["a"], { b: 2, c: 4, d: 5 }]) {
        yield* group.executeBatch([], () => Effect.void, {
          journal: (mind) =>
            Effect.sync(() => {
              kept.push(mind.law, mind.learned())
              mind.learn(learned)
              return { recall: () => Effect.succeed([]), commit: () => Effect.void }
            })
        })
      }
      assert.deepStrictEqual(kept.slice(0, 2), ["group of a (law of a), b (law of b), c (law of c)", { a: 1, c: 3 }])
      assert.deepStrictEqual(begun, [
        ["a", undefined],
        ["b", undefined],
        ["c", undefined],
        ["b", 2],
        ["c", 4]
      ])
    })
  )
})
