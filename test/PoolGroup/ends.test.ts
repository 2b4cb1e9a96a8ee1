import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Data, Duration, Effect, Exit, Fiber, Layer, Option, Schema, Scope, Stream } from "effect"
import { Capacity, PoolError, PoolGroup, PooledExecutor } from "effect-aimd"
import { FileJournal, Journal } from "effect-aimd/journal"
import { makeDisk } from "../support/disk.js"
import { inVirtualTime } from "../support/time.js"

const busy = (retryAfter?: Duration.DurationInput) =>
  new Capacity.CapacityError(
    retryAfter === undefined ? { status: 429 } : { status: 429, retryAfter: Duration.decode(retryAfter) }
  )

const pool = (name: string, poolSize: number) => PooledExecutor.make({ name, poolSize, control: "delay" })

const twoPools = (size = 1) => Effect.all({ a: pool("a", size), b: pool("b", size) })

const second = Effect.sleep("1 second")

const tagOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string =>
  Exit.isSuccess(exit) ? "success" : (Option.getOrUndefined(Cause.failureOption(exit.cause))?._tag ?? "cause")

const pretty = (exit: Exit.Exit<unknown, unknown>): string => (Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "none")

class Revoked extends Data.TaggedError("Revoked")<{ readonly member: string }> {}

describe("the end of a member", () => {
  it.effect("loses no row: what it runs finishes, and what waits goes to the others", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools(2)
      const group = yield* PoolGroup.make({ members })
      const batch = yield* Effect.fork(
        group.executeBatch([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], (_, { member }) =>
          Effect.as(Effect.sleep(member === "a" ? 1000 : 1001), member)
        )
      )
      yield* Effect.sleep("1500 millis")
      yield* members.a.shutdown
      const { entries } = yield* Fiber.join(batch)
      assert.deepStrictEqual(
        entries.map(({ exit }) => Exit.getOrElse(exit, () => "lost")),
        ["a", "a", "b", "b", "a", "a", "b", "b", "b", "b"]
      )
      assert.strictEqual(group.poolSize, 2)
      assert.strictEqual(yield* group.execute(Effect.succeed), "b")
    })
  )

  it.effect("waits, where its scope closes, for the rows of the group that it runs", () =>
    inVirtualTime(function* () {
      const scope = yield* Scope.make()
      const a = yield* Scope.extend(pool("a", 1), scope)
      const group = yield* PoolGroup.make({ members: { a, b: yield* pool("b", 1) } })
      const both = yield* Effect.fork(group.forEach([0, 1], (_, { member }) => Effect.as(second, member)))
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Clock.currentTimeMillis, 1000)
      assert.deepStrictEqual(yield* Fiber.join(both), ["a", "b"])
    })
  )

  it.effect("fails what waits once it is the end of all", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools()
      const group = yield* PoolGroup.make({ members, name: "both" })
      const batch = yield* Effect.fork(group.executeBatch([0, 1, 2], () => second))
      yield* Effect.sleep("500 millis")
      yield* Effect.all([members.a.shutdown, members.b.shutdown], { concurrency: "unbounded" })
      const { entries } = yield* Fiber.join(batch)
      assert.deepStrictEqual(
        entries.map(({ exit }) => tagOf(exit)),
        ["success", "success", "PoolShutdownError"]
      )
      const late = yield* Effect.flip(group.execute(Effect.succeed))
      assert.strictEqual(late.message, 'the pool "both" is shut down: nothing starts any more')
    })
  )
})

describe("the end of a group", () => {
  it.effect("is there from the beginning where all of its members have gone before", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools()
      yield* members.a.shutdown
      const half = yield* PoolGroup.make({ members })
      assert.strictEqual(yield* half.execute(Effect.succeed), "b")
      yield* members.b.shutdown
      const group = yield* PoolGroup.make({ members })
      assert.strictEqual(tagOf(yield* Effect.exit(group.execute(Effect.succeed))), "PoolShutdownError")
    })
  )

  it.effect("leaves its members open, with all permits back", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools()
      const scope = yield* Scope.make()
      const group = yield* Scope.extend(PoolGroup.make({ members }), scope)
      const batch = yield* Effect.fork(group.executeBatch([0, 1, 2], () => Effect.never))
      const call = yield* Effect.fork(Effect.exit(group.execute(() => second, { key: "k" })))
      yield* Effect.sleep("500 millis")
      yield* Scope.close(scope, Exit.void)
      const { entries } = yield* Fiber.join(batch)
      assert.deepStrictEqual(
        entries.map(({ exit }) => tagOf(exit)),
        ["PoolShutdownError", "PoolShutdownError", "PoolShutdownError"]
      )
      assert.strictEqual(tagOf(yield* Fiber.join(call)), "PoolShutdownError")
      for (const member of [members.a, members.b]) {
        const { inFlight, pending } = yield* member.stats
        assert.deepStrictEqual([inFlight, pending], [0, 0])
        assert.strictEqual(yield* member.execute(Effect.succeed("open")), "open")
      }
    })
  )

  it.effect("gives every permit back where its callers are interrupted, wherever they are", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools()
      const group = yield* PoolGroup.make({ members })
      const calls = yield* Effect.forEach([0, 1, 2, 3], () => Effect.fork(group.execute(() => Effect.never)))
      const sticky = yield* Effect.fork(group.execute(() => Effect.never, { key: "k" }))
      const batch = yield* Effect.fork(group.executeBatch([0, 1], () => Effect.never))
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* group.pendingCount, 7)
      yield* Fiber.interruptAll([...calls, sticky, batch])
      const { inFlight, members: stats, pending } = yield* group.stats
      assert.deepStrictEqual([inFlight, pending, stats.a.inFlight, stats.b.inFlight], [0, 0, 0, 0])
      assert.deepStrictEqual([stats.a.pending, stats.b.pending], [0, 0])
      assert.deepStrictEqual(yield* group.forEach([0, 1], (_, { member }) => Effect.succeed(member)), ["a", "b"])
    })
  )

  it.effect("interrupts the others of forEach at the first failure, and keeps the caller's own errors", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      const run = group.forEach([0, 1, 2], (row) => (row === 1 ? Effect.fail("mine") : Effect.never))
      assert.strictEqual(yield* Effect.flip(run), "mine")
      assert.strictEqual(yield* group.pendingCount, 0)
    })
  )
})

describe("the budget of a row", () => {
  it.effect("is one for all members together", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools(), maxCapacityRetry: "5 seconds" })
      // Both are held until 6000 then, and nobody waits so long.
      const error = yield* Effect.flip(group.execute(() => Effect.fail(busy("2 seconds"))))
      assert(error._tag === "RetryTimeoutError")
      assert.deepStrictEqual([yield* Clock.currentTimeMillis, error.attempts], [4000, 6])
      assert.strictEqual(Duration.toMillis(error.budget), 5000)
    })
  )

  it.effect("is spent at once where every member asks for a longer silence, and not where one does", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools(), maxCapacityRetry: "1 minute" })
      const onlyA = group.execute((member) => (member === "a" ? Effect.fail(busy("3 minutes")) : Effect.succeed("b")))
      assert.strictEqual(yield* onlyA, "b")
      const error = yield* Effect.flip(group.execute(() => Effect.fail(busy("2 minutes"))))
      assert.deepStrictEqual([error._tag, yield* Clock.currentTimeMillis], ["RetryTimeoutError", 0])
    })
  )

  it.effect("and the time limit of an attempt are the longest of the members', where the group has none", () =>
    inVirtualTime(function* () {
      const a = yield* PooledExecutor.make({ attemptTimeout: "1 second", maxCapacityRetry: "1 minute" })
      const b = yield* PooledExecutor.make({ attemptTimeout: "2 seconds", maxCapacityRetry: "2 minutes" })
      const group = yield* PoolGroup.make({ members: { a, b } })
      const { config } = yield* group.stats
      assert.deepStrictEqual(
        [config.attemptTimeout, config.maxCapacityRetry],
        [Duration.seconds(2), Duration.minutes(2)]
      )
      const error = yield* Effect.flip(group.execute(() => Effect.never))
      assert.deepStrictEqual([error._tag, yield* Clock.currentTimeMillis], ["AttemptTimeoutError", 2000])
    })
  )
})

describe("a trouble of a member's own", () => {
  const members = Effect.all({ a: PooledExecutor.make({ poolSize: 1 }), b: PooledExecutor.make({ poolSize: 1 }) })
  const leaves = (error: unknown): boolean => error instanceof Revoked

  it.effect("sends rows on to the others, with a probe now and then", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* members, leaves })
      let refused = 0
      const { entries, stats } = yield* group.executeBatch(
        Array.from({ length: 60 }, (_, i) => i),
        (row, { member }) => {
          if (member === "b") return Effect.as(second, row)
          refused += 1
          return Effect.fail(new Revoked({ member }))
        }
      )
      assert.strictEqual(stats.successes, 60)
      assert.deepStrictEqual([...new Set(entries.map(({ member }) => member))], ["b"])
      // A minute, in which the law asks less and less often.
      assert.isAbove(refused, 2)
      assert.isBelow(refused, 40)
    })
  )

  it.effect("is the row's error once every member has answered so", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* members, leaves })
      const refuse = (member: string) => Effect.fail(new Revoked({ member }))
      const error = yield* Effect.flip(group.execute(refuse))
      assert.strictEqual(error._tag, "Revoked")
      const other = yield* PoolGroup.make({ members: yield* members, leaves })
      const { entries } = yield* other.executeBatch([0], (_, { member }) => refuse(member))
      assert.deepStrictEqual(
        entries.map(({ attempts, exit }) => [attempts, tagOf(exit)]),
        [[2, "Revoked"]]
      )
      // A single attempt is not sent on.
      assert.strictEqual((yield* Effect.flip(group.attempt(refuse)))._tag, "Revoked")
    })
  )
})

describe("what is asked of a group", () => {
  it.effect("is a journal, in which each row has its member", () =>
    inVirtualTime(function* () {
      const disk = FileJournal.layer("run.jsonl").pipe(Layer.provide(makeDisk().mount()))
      let attempts = 0
      const run = Effect.scoped(
        Effect.gen(function* () {
          const group = yield* PoolGroup.make({ members: yield* twoPools() })
          const { entries } = yield* group.executeBatch(
            [0, 1, 2],
            (row, { member }) => {
              attempts += 1
              return Effect.as(Effect.sleep(member === "a" ? 1000 : 1001), row)
            },
            { journal: Journal.batch({ id: "group", success: Schema.Number }) }
          )
          return entries.map(({ member }) => member)
        })
      )
      const both = yield* Effect.provide(Effect.all([run, run]), disk)
      assert.deepStrictEqual(both, [
        ["a", "b", "a"],
        ["a", "b", "a"]
      ])
      assert.strictEqual(attempts, 3)
    })
  )

  it.effect("is its stream, in order, and its progress", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      const entries = yield* Stream.runCollect(
        group.stream([3, 1, 2], (row, { member }) => Effect.as(Effect.sleep(row * 1000), `${row} ${member}`))
      )
      assert.deepStrictEqual(
        [...entries].map(({ exit }) => Exit.getOrElse(exit, () => "")),
        ["3 a", "1 b", "2 b"]
      )
      const progress = Option.getOrThrow(yield* Stream.runHead(group.progress))
      assert.deepStrictEqual([progress.done, progress.rows], [3, 3])
    })
  )

  it.effect("is a pause, while its members go on with others", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools()
      const group = yield* PoolGroup.make({ members })
      yield* group.pause
      const waiting = yield* Effect.fork(group.execute(() => Clock.currentTimeMillis))
      yield* second
      assert.strictEqual(yield* members.a.execute(Effect.succeed("served")), "served")
      assert.strictEqual(yield* group.pendingCount, 1)
      yield* group.resume
      assert.strictEqual(yield* Fiber.join(waiting), 1000)
    })
  )

  it.effect("takes no time of a row's budget while it is paused, although nothing had passed before", () =>
    inVirtualTime(function* () {
      const make = (name: string) =>
        PooledExecutor.make({ name, poolSize: 1, control: "delay", maxCapacityRetry: "10 seconds" })
      const group = yield* PoolGroup.make({ members: { a: yield* make("a"), b: yield* make("b") } })
      const call = yield* Effect.fork(Effect.exit(group.execute(() => Effect.fail(busy()))))
      yield* Effect.sleep("4 seconds")
      yield* group.pause
      yield* Effect.sleep("1 minute")
      yield* group.resume
      yield* Effect.sleep("5900 millis")
      assert.isNull(call.unsafePoll())
      assert.strictEqual(tagOf(yield* Fiber.join(call)), "RetryTimeoutError")
      assert.strictEqual(yield* Clock.currentTimeMillis, 70_000)
    })
  )

  it.effect("is saturated since all of its members are, and stands still once they have gone", () =>
    inVirtualTime(function* () {
      const make = (name: string) => PooledExecutor.make({ name, poolSize: 4, maxCapacityRetry: "1 minute" })
      const members = { a: yield* make("a"), b: yield* make("b") }
      const group = yield* PoolGroup.make({ members })
      const saturatedSince = Effect.map(group.stats, (stats) => stats.saturatedSince)
      const reject = (pool: PooledExecutor.PooledExecutor) => Effect.exit(pool.execute(Effect.fail(busy())))
      assert.isUndefined(yield* saturatedSince)
      yield* Effect.fork(reject(members.a))
      yield* Effect.sleep("20 seconds")
      assert.deepStrictEqual([(yield* members.a.stats).saturatedSince, yield* saturatedSince], [0, undefined])
      yield* Effect.fork(reject(members.b))
      yield* Effect.sleep("20 seconds")
      assert.strictEqual(yield* saturatedSince, 20_000)
      yield* members.a.shutdown
      assert.strictEqual(yield* saturatedSince, 20_000)
      yield* members.b.shutdown
      const { spacing, window } = yield* group.stats
      assert.deepStrictEqual([yield* saturatedSince, window, Duration.toMillis(spacing)], [undefined, 0, 0])
    })
  )

  it.effect("takes turns with the others at a member", () =>
    inVirtualTime(function* () {
      const a = yield* pool("a", 1)
      const group = yield* PoolGroup.make({ members: { a } })
      const order: Array<string> = []
      const run = (name: string) =>
        Effect.zipRight(
          second,
          Effect.sync(() => order.push(name))
        )
      yield* Effect.all([group.forEach([0, 1, 2], () => run("group")), a.forEach([0, 1, 2], () => run("own"))], {
        concurrency: "unbounded"
      })
      assert.deepStrictEqual(order, ["group", "group", "own", "group", "own", "own"])
    })
  )

  it.effect("tells its changes with the member's name", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools() })
      const told = yield* Effect.fork(Stream.runHead(group.changes))
      yield* Effect.yieldNow()
      yield* group.execute((member) => (member === "a" ? Effect.fail(busy()) : Effect.void))
      const { reason } = Option.getOrThrow(yield* Fiber.join(told))
      assert.strictEqual(reason, "a: backed off on status 429")
      const { changes } = yield* group.stats
      assert.isTrue(changes.every(({ reason }) => /^[ab]: /.test(reason)))
    })
  )

  it.effect("dies where it is asked from inside its own attempts, or those of a member", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools()
      const group = yield* PoolGroup.make({ members, name: "both" })
      const inside = yield* Effect.exit(group.execute(() => group.execute(Effect.succeed)))
      assert.include(pretty(inside), 'the pool "both" was called from inside one of its own attempts')
      const member = yield* Effect.exit(group.execute(() => members.a.execute(Effect.void)))
      assert.include(pretty(member), 'the pool "a" was called from inside one of its own attempts')
      assert.strictEqual(yield* group.execute(() => PoolGroup.currentMember), "a")
      assert.isUndefined(yield* PoolGroup.currentMember)
    })
  )

  it.effect("fails a row that no member serves, and says how many others were served meanwhile", () =>
    inVirtualTime(function* () {
      const group = yield* PoolGroup.make({ members: yield* twoPools(2), maxCapacityRetry: "10 seconds" })
      const { entries } = yield* group.executeBatch([0, 1, 2, 3, 4, 5, 6, 7], (row) =>
        row === 3 ? Effect.fail(busy()) : second
      )
      const errors = entries.flatMap(({ exit }) => (Exit.isFailure(exit) ? [Cause.squash(exit.cause)] : []))
      assert.deepStrictEqual(
        errors.map((error) => error instanceof PoolError.RetryTimeoutError && error.othersServed),
        [7]
      )
    })
  )

  it.effect("dies of wrong options, naming them", () =>
    inVirtualTime(function* () {
      const members = yield* twoPools()
      const message = (options: unknown) =>
        // Callers without types may hand in anything.
        Effect.map(Effect.exit(PoolGroup.make(options as PoolGroup.Options<string>)), pretty)
      assert.include(yield* message({ members: {} }), "option members: expected at least one pool")
      assert.include(yield* message({ members: 5 }), "option members: expected an object of pools by name, got 5")
      assert.include(
        yield* message(undefined),
        "argument of PoolGroup.make: expected an object with members, got undefined"
      )
      assert.include(yield* message({ members: { a: 7 } }), "member a: expected a pool that PooledExecutor.make made")
      assert.include(
        yield* message({ members: { a: members.a, again: members.a } }),
        "option members: expected each pool once"
      )
      assert.include(
        yield* message({ members: { a: { pool: members.a, price: NaN } } }),
        "price of the member a: expected a finite number"
      )
      assert.include(
        yield* message({ members, stickiness: -1 }),
        "option stickiness: expected a duration of at least 0"
      )
      assert.include(
        yield* message({ members, patience: "soon" }),
        "option patience: expected a duration of at least 0"
      )
      const group = yield* PoolGroup.make({ members })
      const noEffect: unknown = Promise.resolve(1)
      const promise = () => noEffect as Effect.Effect<number>
      assert.include(pretty(yield* Effect.exit(group.execute(promise))), "result of call: expected an Effect")
      const { entries } = yield* group.executeBatch([0], promise)
      assert.include(pretty(entries[0]?.exit ?? Exit.void), "process of row 0: expected an Effect")
      const noFunction: unknown = second
      const call = yield* Effect.exit(group.execute(noFunction as () => Effect.Effect<void>))
      assert.include(pretty(call), "argument call: expected a function from a member's name to an Effect")
    })
  )
})
