import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledFetch, PooledHttpClient, PoolMap } from "effect-aimd/http"
import { outcome } from "../support/api.js"
import * as Given from "../../src/http/Given.js"

// What callers without types may hand in.
const noPoolMapOptions = (value: unknown) => value as PoolMap.Options

describe("Options of a pooled client", () => {
  const wrong: ReadonlyArray<readonly [options: unknown, message: string]> = [
    [5, "argument options: expected an object, got 5"],
    [{ clasify: 1 }, "option clasify: expected only the options statuses, classify, headerNames, "],
    [{ classify: 5 }, "option classify: expected a function, got 5"],
    [{ onQuotaExhausted: Effect.void }, "option onQuotaExhausted: expected a function, got "],
    [{ turn: { priority: 1 } }, 'option turn: expected a function, got {"priority":1}'],
    [{ cost: { tokens: 1 } }, 'option cost: expected a function, got {"tokens":1}'],
    [{ groupKey: "key" }, 'option groupKey: expected a function, got "key"'],
    [{ statuses: 429 }, "option statuses: expected HTTP statuses, such as [429, 503], got 429"],
    [{ statuses: "429" }, 'option statuses: expected HTTP statuses, such as [429, 503], got "429"'],
    [
      { headerNames: 5 },
      'option headerNames: expected an object of lists of names, such as { retryAfter: ["retry-after"'
    ],
    [{ headerNames: { retryAfter: "wait" } }, "option headerNames: expected an object of lists of names"],
    [{ resend: true }, "option resend: expected false, or an object, got true"],
    [{ resend: { isSafe: true } }, "option resend.isSafe: expected a function, got true"],
    [{ resend: { schedule: 3 } }, "option resend.schedule: expected a Schedule, got 3"],
    [{ resend: { idempotencyKeys: "yes" } }, 'option resend.idempotencyKeys: expected true or false, got "yes"'],
    [
      { resend: { times: 3 } },
      "option resend.times: expected only the options isSafe, schedule, idempotencyKeys, got 3"
    ],
    [{ timeLimit: "soon" }, 'option timeLimit: expected a duration of at least 0, such as "10 seconds", got "soon"']
  ]
  for (const [options, message] of wrong) {
    it(`that are wrong: ${message}`, () => {
      assert.throws(() => Given.check(options as object), `effect-aimd: ${message}`)
    })
  }

  it("that are right, or left undefined, pass", () => {
    const resend = { isSafe: () => true, schedule: Schedule.once, idempotencyKeys: true }
    const headerNames = { retryAfter: ["wait"], rateLimit: { state: "limit", policy: "policy" } }
    assert.doesNotThrow(() => Given.check({ statuses: new Set([429]), resend, headerNames, body: "stream" }))
    assert.doesNotThrow(() => Given.check({ statuses: undefined, resend: false, timeLimit: "10 seconds" }))
  })

  it("name statuses that may be read once, and each of them is one", () => {
    assert.deepStrictEqual([...Given.statusesOf([429, 503].values())], [429, 503])
    assert.deepStrictEqual([...Given.statusesOf(undefined)], [429, 503, 529])
    for (const status of [99, 600, 429.5]) {
      assert.throws(
        () => Given.statusesOf([429, status]),
        `effect-aimd: option statuses: expected HTTP statuses, such as [429, 503], got ${status}`
      )
    }
    assert.deepStrictEqual([...Given.statusesOf([100, 599])], [100, 599])
  })

  it.scoped("are looked at when a client is made, and when a fetch is", () =>
    Effect.gen(function* () {
      const pool = yield* PooledExecutor.make()
      const options = { statuses: [42] }
      assert.throws(() => PooledHttpClient.make(pool, options), "effect-aimd: option statuses: expected")
      assert.match(
        outcome(yield* Effect.exit(PooledFetch.make(pool, options))),
        /^died: effect-aimd: option statuses: expected/
      )
    })
  )
})

describe("Options of a PoolMap", () => {
  const wrong: ReadonlyArray<readonly [options: unknown, message: string]> = [
    [{ pool: 5 }, "option pool of a PoolMap: expected options of a pool, or a function from a key to them, got 5"],
    [{ pool: () => 5 }, 'pool of the key "a" of a PoolMap: expected options of a pool, got 5'],
    [{ parent: {} }, "option parent of a PoolMap: expected a pool that PooledExecutor.make made, got {}"],
    [
      { idleTimeToLive: "soon" },
      'option idleTimeToLive of a PoolMap: expected a duration of at least 0, such as "5 minutes", got "soon"'
    ]
  ]
  for (const [options, message] of wrong) {
    it.scoped(`that are wrong: ${message}`, () =>
      Effect.gen(function* () {
        const used = Effect.flatMap(PoolMap.make(noPoolMapOptions(options)), (pools) =>
          pools.use("a", () => Effect.succeed("used"))
        )
        assert.strictEqual(outcome(yield* Effect.exit(used)), `died: effect-aimd: ${message}`)
      })
    )
  }
})
