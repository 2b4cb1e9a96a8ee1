import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, FastCheck as fc, Fiber } from "effect"
import { Capacity, PoolGroup, PooledExecutor } from "effect-aimd"
import { VirtualTime } from "effect-aimd/testing"

const names = ["a", "b", "c"] as const
type Name = (typeof names)[number]

/** How a member answers: after so many milliseconds, and rejecting so many of a hundred. */
const member = fc.record({
  poolSize: fc.integer({ min: 1, max: 4 }),
  latency: fc.integer({ min: 0, max: 300 }),
  rejects: fc.integer({ min: 0, max: 60 }),
  law: fc.constantFrom("window" as const, "delay" as const),
  shutdownAt: fc.option(fc.integer({ min: 0, max: 2000 }), { nil: undefined })
})

const world = fc.record({
  seed: fc.integer({ min: 0, max: 1_000_000 }),
  members: fc.record({ a: member, b: member, c: member }),
  rows: fc.integer({ min: 0, max: 30 }),
  calls: fc.integer({ min: 0, max: 20 }),
  interruptedAt: fc.option(fc.integer({ min: 0, max: 2000 }), { nil: undefined }),
  preemption: fc.constantFrom(0, 0.05)
})

describe("a group in any world", () => {
  it("gives each row its one outcome, keeps to its members' sizes, and has every permit back", () => {
    fc.assert(
      fc.property(world, ({ calls, interruptedAt, members, preemption, rows, seed }) => {
        const inFlight = { a: 0, b: 0, c: 0 }
        let asked = 0
        const attempt = (name: Name) =>
          Effect.suspend(() => {
            inFlight[name] += 1
            assert.isAtMost(inFlight[name], members[name].poolSize)
            // Drawn by counting: the same in each run.
            const isRejected = (seed + (asked += 1) * 37) % 100 < members[name].rejects
            const answer = isRejected
              ? Effect.fail(new Capacity.CapacityError({ status: 429 }))
              : Effect.delay(Effect.succeed(name), members[name].latency)
            return Effect.ensuring(
              answer,
              Effect.sync(() => (inFlight[name] -= 1))
            )
          })
        const program = Effect.gen(function* () {
          const pools = yield* Effect.all({
            a: PooledExecutor.make({ poolSize: members.a.poolSize, control: members.a.law }),
            b: PooledExecutor.make({ poolSize: members.b.poolSize, control: members.b.law }),
            c: PooledExecutor.make({ poolSize: members.c.poolSize, control: members.c.law })
          })
          const group = yield* PoolGroup.make({ members: pools, maxCapacityRetry: "10 minutes" })
          const batch = yield* Effect.fork(
            group.executeBatch(
              Array.from({ length: rows }, (_, i) => i),
              (_, context) => attempt(context.member)
            )
          )
          const single = yield* Effect.forEach(Array.from({ length: calls }), (_, i) =>
            Effect.fork(Effect.exit(group.execute(attempt, i % 2 === 0 ? { key: `k${i % 3}` } : undefined)))
          )
          for (const name of names) {
            const { shutdownAt } = members[name]
            if (shutdownAt !== undefined) yield* Effect.fork(Effect.delay(pools[name].shutdown, shutdownAt))
          }
          if (interruptedAt !== undefined) yield* Effect.fork(Effect.delay(Fiber.interrupt(batch), interruptedAt))
          const run = yield* Fiber.await(batch)
          const exits = yield* Effect.forEach(single, Fiber.join)
          const { inFlight: left, members: stats, pending } = yield* group.stats
          return { run, exits, left: [left, pending, ...names.flatMap((n) => [stats[n].inFlight, stats[n].pending])] }
        })
        const { exit } = VirtualTime.run(Effect.scoped(program), { seed, preemption, maxEvents: 300_000 })
        if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
        const { exits, left, run } = exit.value
        assert.deepStrictEqual(left, [0, 0, 0, 0, 0, 0, 0, 0])
        assert.deepStrictEqual(inFlight, { a: 0, b: 0, c: 0 })
        assert.strictEqual(exits.length, calls)
        const isOpen = names.some((name) => members[name].shutdownAt === undefined)
        if (isOpen) assert.isTrue(exits.every(Exit.isSuccess))
        if (Exit.isFailure(run)) return assert.isTrue(Cause.isInterrupted(run.cause) && interruptedAt !== undefined)
        const { entries } = run.value
        assert.deepStrictEqual(
          entries.map(({ submitIndex }) => submitIndex),
          Array.from({ length: rows }, (_, i) => i)
        )
        if (!isOpen) return
        for (const { exit, member } of entries) assert.deepStrictEqual(exit, Exit.succeed(member as Name))
      }),
      { numRuns: 40 }
    )
  })
})
