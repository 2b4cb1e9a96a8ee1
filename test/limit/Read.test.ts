import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Duration, Effect, Either } from "effect"
import { PoolConfig } from "effect-aimd"
import * as Limit from "../../src/limit/Limit.js"
import * as Read from "../../src/limit/Read.js"

/** Limits as they are kept, a line each. */
const shown = (limits: unknown) =>
  Either.map(Read.limits(limits), (known) =>
    known.flatMap((limit) => (limit === "headers" ? [limit] : Limit.tell([limit]).map(Limit.show)))
  )

const problem = (limits: unknown) => Either.getOrElse(Either.flip(Read.limits(limits)), () => "no problem")

describe("Limits", () => {
  it("are read from an array", () => {
    assert.deepStrictEqual(
      shown([
        { requests: 600, tokens: 90_000, per: "1 minute" },
        { concurrent: 8 },
        { inputTokens: 10, outputTokens: 5, per: 250, transit: 0 },
        { requests: 10, per: "1 second", kind: "bucket", burst: 3 },
        "headers"
      ]),
      Either.right([
        "600 requests per 1m",
        "90000 tokens per 1m",
        "8 at once",
        "10 input tokens per 250ms",
        "5 output tokens per 250ms",
        "10 requests per 1s, 3 at once",
        "headers"
      ])
    )
  })

  it("are read from text, as in the environment", () => {
    assert.deepStrictEqual(
      shown(
        "600 requests per minute, 90_000 tokens per 1 minute, 8 concurrent,2 at once, 10 requests a second burst 3"
      ),
      Either.right([
        "600 requests per 1m",
        "90000 tokens per 1m",
        "8 at once",
        "2 at once",
        "10 requests per 1s, 3 at once"
      ])
    )
    assert.deepStrictEqual(
      shown("headers, 30000 input tokens per minute, 1 request per 3 seconds"),
      Either.right(["headers", "30000 input tokens per 1m", "1 requests per 3s"])
    )
  })

  it("of less than a request are one in a longer time", () => {
    assert.deepStrictEqual(shown([{ requests: 0.5, per: "1 second" }]), Either.right(["1 requests per 2s"]))
    assert.deepStrictEqual(
      shown([{ requests: 0.5, per: "1 second", kind: "bucket" }]),
      Either.right(["1 requests per 2s, 1 at once"])
    )
  })

  it("are read again as they were read", () => {
    const once = Read.limits([{ requests: 600, per: "1 minute" }, { concurrent: 8 }, "headers"])
    assert.deepStrictEqual(Either.flatMap(once, Read.limits), once)
  })

  it("leave a twentieth of their time to the way there, unless they are told", () => {
    const transits = (limit: Limit.Read) => Limit.tell([limit]).map(({ transit }) => transit)
    const [second, hour] = [Duration.seconds(1), Duration.hours(1)]
    assert.deepStrictEqual(transits({ requests: 5, per: second }), [50])
    assert.deepStrictEqual(transits({ requests: 5, per: hour }), [1000])
    assert.deepStrictEqual(transits({ requests: 10, per: second, kind: "bucket", burst: 1 }), [5])
    assert.deepStrictEqual(transits({ concurrent: 3 }), [1000])
    assert.deepStrictEqual(transits({ concurrent: 3, transit: Duration.infinity }), [1000])
    assert.deepStrictEqual(transits({ requests: 5, per: second, transit: Duration.infinity }), [Infinity])
  })

  it("are refused with a sentence that names the place", () => {
    const problems = [
      7,
      [7],
      [{}],
      [{ requests: 5 }],
      [{ concurrent: 8 }, { requests: -1, per: "1 second" }],
      [{ requests: 5, per: "soon" }],
      [{ requests: 5, per: 0 }],
      [{ concurrent: 1.5 }],
      [{ requests: 5, per: "1 second", burst: 3 }],
      [{ requests: 5, per: "1 second", kind: "fixed" }],
      [{ request: 5, per: "1 second" }],
      [{ tokens: 5, per: "1 second", refunds: 1 }],
      [{ tokens: 5, per: "1 second", transit: -1 }],
      "many per second",
      "5 requests per blink"
    ].map(problem)
    const duration = 'a finite duration over 0, such as "1 minute"'
    assert.deepStrictEqual(problems, [
      'expected an array of limits or "headers", got 7',
      '[0]: expected a limit, such as { requests: 600, per: "1 minute" }, got 7',
      "[0]: expected one of requests, tokens, inputTokens, outputTokens, concurrent, got {}",
      `[0].per: expected ${duration}, got undefined`,
      "[1].requests: expected a finite number over 0, got -1",
      `[0].per: expected ${duration}, got "soon"`,
      `[0].per: expected ${duration}, got 0`,
      "[0].concurrent: expected an integer of at least 1, got 1.5",
      '[0].burst: expected kind "bucket" beside it, got undefined',
      '[0].kind: expected "window" or "bucket", got "fixed"',
      "[0].request: expected only requests, tokens, inputTokens, outputTokens, concurrent, per, kind, burst, transit, refunds, grows, got 5",
      "[0].refunds: expected true or false, got 1",
      "[0].transit: expected a duration of at least 0, got -1",
      'expected limits such as "600 requests per minute, 8 concurrent" or "headers", got "many per second"',
      `"5 requests per blink".per: expected ${duration}, got "1 blink"`
    ])
  })
})

describe("Limits of a pool", () => {
  const fromEnvironment = (entries: Record<string, string>) =>
    Effect.withConfigProvider(
      Effect.either(PoolConfig.config()),
      ConfigProvider.fromMap(new Map(Object.entries(entries)))
    )

  it.effect("come from options, from a Config, and from the environment, all the same", () =>
    Effect.gen(function* () {
      const limits = [{ requests: 600, per: "1 minute" } as const, { concurrent: 8 }]
      const prices = { "*": { input: 1, output: 2 } }
      const made = yield* PoolConfig.make({ limits, prices, budget: 20 })
      assert.deepStrictEqual(made.limits, [{ requests: 600, per: Duration.minutes(1) }, { concurrent: 8 }])
      const read = yield* fromEnvironment({
        LIMITS: "600 requests per minute, 8 concurrent",
        PRICES: JSON.stringify(prices),
        BUDGET: "20"
      })
      assert.deepStrictEqual(read, Either.right(made))
      const own = yield* PoolConfig.fromConfig({
        limits: Config.succeed(limits),
        prices: Config.succeed(prices),
        budget: Config.succeed(20)
      })
      assert.deepStrictEqual(own, made)
      assert.deepStrictEqual(yield* PoolConfig.make(made), made)
    })
  )

  it.effect("are refused by the name of the option", () =>
    Effect.gen(function* () {
      const problems = (options: object) =>
        Effect.map(
          Effect.flip(Effect.sandbox(PoolConfig.make(options))),
          (cause) => String(cause).split("effect-aimd: ")[1]?.split("\n")[0]
        )
      assert.strictEqual(
        yield* problems({ limits: [{}] }),
        "option limits: [0]: expected one of requests, tokens, inputTokens, outputTokens, concurrent, got {}"
      )
      assert.strictEqual(
        yield* problems({ prices: { gpt: { input: -1 } } }),
        "option prices: gpt.input: expected a finite number of at least 0, got -1"
      )
      assert.strictEqual(
        yield* problems({ budget: 5 }),
        "option budget: needs prices beside it: nobody knows what a call costs"
      )
      const wrong = yield* fromEnvironment({ LIMITS: "5 apples per second" })
      assert.include(String(Either.flip(wrong)), "LIMITS")
    })
  )
})
