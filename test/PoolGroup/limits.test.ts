import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, FastCheck as fc, Fiber, type Scope } from "effect"
import type { YieldWrap } from "effect/Utils"
import { Capacity, Hints, PoolError, PoolGroup, PooledExecutor } from "effect-aimd"
import { VirtualTime } from "effect-aimd/testing"

const run = <A>(
  program: () => Generator<YieldWrap<Effect.Effect<unknown, unknown, Scope.Scope>>, A, never>,
  options?: VirtualTime.Options
): A =>
  Exit.getOrElse(VirtualTime.run(Effect.scoped(Effect.gen(program)), options).exit, (cause) => {
    throw new Error(Cause.pretty(cause))
  })

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

/** The most tokens, or starts, within less than a span, of starts in order. */
const most = (starts: ReadonlyArray<{ readonly at: number; readonly tokens: number }>, per: number) =>
  starts.reduce(
    (worst, { at }) => {
      const within = starts.filter((other) => other.at >= at && other.at < at + per)
      return {
        requests: Math.max(worst.requests, within.length),
        tokens: Math.max(
          worst.tokens,
          within.reduce((sum, { tokens }) => sum + tokens, 0)
        )
      }
    },
    { requests: 0, tokens: 0 }
  )

describe("The limits of a group's members", () => {
  it("are in its statistics, with the money of all of them", () =>
    run(function* () {
      const prices = { "*": { request: 2 } }
      const members = {
        a: yield* PooledExecutor.make({ poolSize: 1, prices, budget: 10, limits: "2 requests per second" }),
        b: yield* PooledExecutor.make({ poolSize: 1, prices, limits: "5 requests per second, 3 concurrent" }),
        c: yield* PooledExecutor.make({ poolSize: 1 })
      }
      const group = yield* PoolGroup.make({ members })
      yield* group.executeBatch([1, 2, 3], () => Effect.sleep("10 millis"))
      const { limits = [], members: of, money } = yield* group.stats
      assert.deepStrictEqual(
        limits.map(({ limit }) => limit),
        ["a: 2 requests per 1s", "b: 5 requests per 1s", "b: 3 at once"]
      )
      assert.deepStrictEqual(limits[0], { ...of.a.limits?.[0], limit: "a: 2 requests per 1s" })
      assert.deepStrictEqual([money?.spent, money?.reserved, money?.budget], [4, 0, Infinity])
      assert.deepStrictEqual([of.a.money?.spent, of.b.money?.spent, of.c.money], [2, 2, undefined])
      const plain = yield* PoolGroup.make({ members: { c: members.c } })
      const stats = yield* plain.stats
      assert.isFalse("limits" in stats || "money" in stats)
    }))

  it("hold, each for its member", () =>
    run(function* () {
      const a = yield* PooledExecutor.make({ limits: [{ requests: 2, per: "1 second" }] })
      const b = yield* PooledExecutor.make({ limits: [{ concurrent: 1 }] })
      const group = yield* PoolGroup.make({ members: { a, b } })
      const starts: Array<string> = []
      yield* group.forEach(upTo(9), (_, { member }) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          starts.push(`${member} ${Math.floor(now)}`)
          return Effect.sleep(member === "a" ? 100 : 801)
        })
      )
      const of = (member: string) => starts.filter((start) => start.startsWith(member))
      assert.deepStrictEqual(of("a"), ["a 0", "a 0", "a 1050", "a 1051", "a 2100", "a 2101"])
      assert.deepStrictEqual(of("b"), ["b 0", "b 801", "b 1602"])
    }))

  it("count what each row takes, and give back what its answer did not", () =>
    run(function* () {
      const limits = [{ tokens: 100, per: "1 second" }] as const
      const members = { a: yield* PooledExecutor.make({ limits }), b: yield* PooledExecutor.make({ limits }) }
      const group = yield* PoolGroup.make({ members })
      yield* group.forEach(upTo(2), () => Hints.report({ usage: { outputTokens: 10 } }), {
        cost: () => ({ outputTokens: 60 })
      })
      yield* group.execute(() => Effect.void, { cost: { tokens: 30 } })
      const { members: stats } = yield* group.stats
      const [ofA, ofB] = [stats.a.limits?.[0], stats.b.limits?.[0]]
      assert.deepStrictEqual([ofA?.refunded, ofB?.refunded], [50, 50])
      assert.strictEqual((ofA?.settled ?? 0) + (ofB?.settled ?? 0), 50)
    }))

  it("let the others go on, whatever they were told", () =>
    run(function* () {
      const limited = yield* PooledExecutor.make({ poolSize: 4, limits: [{ tokens: 100, per: "1 minute" }] })
      const free = yield* PooledExecutor.make({ poolSize: 2, control: "delay" })
      const group = yield* PoolGroup.make({ members: { limited, free } })
      const { entries } = yield* group.executeBatch(upTo(20), () => Effect.sleep(100), { cost: () => ({ tokens: 80 }) })
      assert.isTrue(entries.every(({ exit }) => Exit.isSuccess(exit)))
      assert.strictEqual(entries.filter(({ member }) => member === "limited").length, 1)
      assert.strictEqual((yield* group.stats).members.limited.pending, 0)
    }))

  it("refuse a row that one of them could never run", () =>
    run(function* () {
      const small = yield* PooledExecutor.make({ name: "small", limits: [{ tokens: 100, per: "1 second" }] })
      const large = yield* PooledExecutor.make({ name: "large", limits: [{ tokens: 1000, per: "1 second" }] })
      const group = yield* PoolGroup.make({ members: { small, large } })
      const call = yield* Effect.flip(group.execute(() => Effect.void, { cost: { tokens: 101 } }))
      assert.instanceOf(call, PoolError.CallTooLargeError)
      assert.strictEqual(call.pool, "small")
      const { entries } = yield* group.executeBatch([101, 100], () => Effect.void, { cost: (tokens) => ({ tokens }) })
      assert.deepStrictEqual(
        entries.map(({ exit }) => Exit.isSuccess(exit)),
        [false, true]
      )
    }))

  it("hold nobody back who fits where a larger one does not", () =>
    run(function* () {
      const limits = [{ tokens: 100, per: "1 minute" }] as const
      const members = { a: yield* PooledExecutor.make({ limits }), b: yield* PooledExecutor.make({ limits }) }
      const group = yield* PoolGroup.make({ members })
      const call = (tokens: number) => group.execute(() => Effect.void, { cost: { tokens } })
      yield* Effect.all([call(80), call(80)], { concurrency: 2 })
      const large = yield* Effect.fork(call(85))
      yield* Effect.sleep(10)
      yield* call(15)
      assert.isBelow(yield* Clock.currentTimeMillis, 60_000)
      yield* Fiber.join(large)
      assert.isAtLeast(yield* Clock.currentTimeMillis, 60_000)
    }))
})

describe("The money of a group's members", () => {
  const prices = { "*": { output: 1_000_000 } }

  it("ends one member's work, and that of all with that of the last", () =>
    run(function* () {
      const a = yield* PooledExecutor.make({ prices, budget: 25, poolSize: 1 })
      const b = yield* PooledExecutor.make({ prices, budget: 45, poolSize: 1 })
      const group = yield* PoolGroup.make({ name: "both", members: { a, b } })
      const { entries } = yield* group.executeBatch(
        upTo(9),
        () => Effect.delay(Hints.report({ usage: { outputTokens: 10 } }), 10),
        { cost: () => ({ outputTokens: 10 }) }
      )
      const { members } = yield* group.stats
      assert.deepStrictEqual([members.a.money?.spent, members.b.money?.spent], [20, 40])
      assert.strictEqual(entries.filter(({ exit }) => Exit.isSuccess(exit)).length, 6)
      const error = yield* Effect.flip(group.execute(() => Effect.void, { cost: { outputTokens: 1 } }))
      assert.instanceOf(error, PoolError.BudgetExhaustedError)
      assert.deepStrictEqual([error.pool, error.budget, error.spent], ["both", 70, 60])
    }))
})

describe("A group of limited pools in any world", () => {
  const per = 1000
  const member = fc.record({
    poolSize: fc.integer({ min: 1, max: 6 }),
    requests: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    tokens: fc.option(fc.integer({ min: 50, max: 200 }), { nil: undefined }),
    concurrent: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
    latency: fc.integer({ min: 0, max: 700 }),
    rejects: fc.integer({ min: 0, max: 30 })
  })
  const world = fc.record({
    seed: fc.integer({ min: 0, max: 1_000_000 }),
    members: fc.record({ a: member, b: member, c: member }),
    rows: fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 25 }),
    calls: fc.array(fc.record({ tokens: fc.integer({ min: 0, max: 50 }), priority: fc.integer({ min: 0, max: 2 }) }), {
      maxLength: 15
    }),
    preemption: fc.constantFrom(0, 0.05)
  })
  type World = typeof world extends fc.Arbitrary<infer W> ? W : never

  const poolOf = ({ concurrent, poolSize, requests, tokens }: World["members"]["a"]) =>
    PooledExecutor.make({
      poolSize,
      limits: [
        ...(requests === undefined ? [] : [{ requests, per }]),
        ...(tokens === undefined ? [] : [{ tokens, per }]),
        ...(concurrent === undefined ? [] : [{ concurrent }])
      ]
    })

  it("keeps every limit, and gives each row its one outcome", () => {
    fc.assert(
      fc.property(world, ({ calls, members, preemption, rows, seed }) => {
        const starts = { a: new Array<{ at: number; tokens: number }>(), b: [], c: [] } as Record<
          "a" | "b" | "c",
          Array<{ at: number; tokens: number }>
        >
        const inFlight = { a: 0, b: 0, c: 0 }
        let asked = 0
        const attempt = (name: "a" | "b" | "c", tokens: number) =>
          Effect.flatMap(Clock.currentTimeNanos, (nanos) => {
            inFlight[name] += 1
            assert.isAtMost(inFlight[name], members[name].concurrent ?? members[name].poolSize)
            const isRejected = (seed + (asked += 1) * 37) % 100 < members[name].rejects
            // A call that was rejected has used no tokens.
            starts[name].push({ at: Number(nanos) / 1e6, tokens: isRejected ? 0 : tokens })
            const answer = isRejected ? Effect.fail(new Capacity.CapacityError({ status: 429 })) : Effect.void
            return Effect.ensuring(
              Effect.delay(answer, members[name].latency),
              Effect.sync(() => (inFlight[name] -= 1))
            )
          })
        const left = run(
          function* () {
            const pools = { a: yield* poolOf(members.a), b: yield* poolOf(members.b), c: yield* poolOf(members.c) }
            const group = yield* PoolGroup.make({ members: pools, maxCapacityRetry: "10 hours" })
            const batch = yield* Effect.fork(
              group.executeBatch(rows, (tokens, context) => attempt(context.member, tokens), {
                cost: (tokens) => ({ tokens })
              })
            )
            const single = yield* Effect.forEach(calls, ({ priority, tokens }, i) =>
              Effect.fork(
                group.execute((name) => attempt(name, tokens), {
                  cost: { tokens },
                  priority,
                  ...(i % 2 === 0 ? { key: `k${i % 3}` } : {})
                })
              )
            )
            const { entries } = yield* Fiber.join(batch)
            yield* Effect.forEach(single, Fiber.join)
            assert.isTrue(entries.length === rows.length && entries.every(({ exit }) => Exit.isSuccess(exit)))
            const stats = yield* group.stats
            return [stats.pending, stats.inFlight, ...Object.values(stats.members).map((m) => m.inFlight + m.pending)]
          },
          { seed, preemption, maxEvents: 300_000 }
        )
        assert.deepStrictEqual(left, [0, 0, 0, 0, 0])
        for (const name of ["a", "b", "c"] as const) {
          const { requests = Infinity, tokens = Infinity } = members[name]
          const found = most(starts[name], per)
          assert.isAtMost(found.requests, requests)
          assert.isAtMost(found.tokens, tokens)
        }
      }),
      { numRuns: 60 }
    )
  })
})
