import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit } from "effect"
import { VirtualTime } from "effect-aimd/testing"
import * as Lease from "../../src/journal/Lease.js"

describe("A heartbeat", () => {
  it("is a second, or what is said, if that is a time above zero", () => {
    const millis = (heartbeat?: Duration.DurationInput) => Duration.toMillis(Lease.heartbeatOf({ heartbeat }))
    assert.deepStrictEqual([millis(), millis("5 seconds"), millis(0.5)], [1000, 5000, 0.5])
    for (const heartbeat of [0, -1, Infinity, NaN]) {
      assert.throws(
        () => Lease.heartbeatOf({ heartbeat }),
        'effect-aimd: option heartbeat: expected a duration above 0, such as "1 second", got'
      )
    }
  })

  it("shows itself each time, whatever becomes of one, until the scope closes", () => {
    const signs: Array<number> = []
    const { exit } = VirtualTime.run(
      Effect.gen(function* () {
        const clock = yield* Effect.clock
        const begin = clock.unsafeCurrentTimeMillis()
        const sign = Effect.suspend(() => {
          signs.push(clock.unsafeCurrentTimeMillis() - begin)
          return signs.length === 2 ? Effect.fail("lost") : Effect.void
        })
        yield* Effect.scoped(Effect.zipRight(Lease.beat(sign, Duration.seconds(1)), Effect.sleep("3500 millis")))
        yield* Effect.sleep("1 minute")
      })
    )
    assert.deepStrictEqual([exit, signs], [Exit.void, [1000, 2000, 3000]])
  })

  it("is missed where two looks, three heartbeats apart, see the same, and nothing is missed where nothing was", () => {
    const abandoned = (...seen: ReadonlyArray<string | undefined>) => {
      let looks = 0
      const look = Effect.sync(() => seen[looks++])
      const { elapsed, exit } = VirtualTime.run(Lease.isAbandoned(look, Duration.seconds(2)))
      return [Exit.getOrElse(exit, String), Duration.toMillis(elapsed)]
    }
    assert.deepStrictEqual(
      [abandoned("a 1", "a 1"), abandoned("a 1", "a 2"), abandoned("a 1", undefined), abandoned(undefined, undefined)],
      [
        [true, 6000],
        [false, 6000],
        [false, 6000],
        [false, 0]
      ]
    )
  })
})

describe("The name of a process", () => {
  it("is 32 digits, and another each time", () => {
    const { exit } = VirtualTime.run(Effect.all([Lease.token, Lease.token]))
    const [a = "", b = ""] = Exit.getOrElse(exit, () => [])
    assert.match(a, /^[0-9a-f]{32}$/)
    assert.notStrictEqual(a, b)
  })
})
