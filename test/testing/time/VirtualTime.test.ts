import { assert, describe, it } from "@effect/vitest"
import {
  Cause,
  Chunk,
  Clock,
  Data,
  DateTime,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Mailbox,
  PubSub,
  Queue,
  Random,
  RateLimiter,
  Schedule,
  Stream,
  STM,
  TRef,
  type Scope
} from "effect"
import { VirtualTime } from "effect-aimd/testing"

/** The value of a run and the milliseconds that it took. */
const timed = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, options?: VirtualTime.Options) => {
  const { elapsed, exit } = VirtualTime.run(program, options)
  return [
    Exit.getOrElse(exit, (cause): A => {
      throw new Error(Cause.pretty(cause))
    }),
    Duration.toMillis(elapsed)
  ] as const
}

/** The error of virtual time that ends a run. */
const failureOf = (program: Effect.Effect<unknown, unknown, Scope.Scope>, options?: VirtualTime.Options) => {
  const { exit } = VirtualTime.run(program, options)
  return Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
}

const now = Clock.currentTimeMillis

describe("VirtualTime moves everything that waits", () => {
  const cases: Record<string, readonly [Effect.Effect<unknown, unknown, Scope.Scope>, value: unknown, millis: number]> =
    {
      "a sleep": [Effect.as(Effect.sleep("3 days"), "up"), "up", 259_200_000],
      "sleeps at once": [
        Effect.forEach([30, 10, 20], (ms) => Effect.as(Effect.sleep(ms), ms), { concurrency: "unbounded" }),
        [30, 10, 20],
        30
      ],
      "a timeout": [
        Effect.timeoutTo(Effect.never, { duration: 50, onTimeout: () => "late", onSuccess: () => "" }),
        "late",
        50
      ],
      "a retry": [
        Effect.suspend(((tries) => () => (++tries < 4 ? Effect.fail("no") : Effect.succeed(tries)))(0)).pipe(
          Effect.retry(Schedule.exponential(100))
        ),
        4,
        700
      ],
      "a repeat": [
        Effect.repeat(
          now,
          Schedule.addDelay(Schedule.recurs(3), () => 10)
        ),
        3,
        30
      ],
      "a schedule of the calendar": [
        Effect.zipRight(
          Effect.schedule(Effect.void, Schedule.intersect(Schedule.cron("0 6 * * *"), Schedule.recurs(1))),
          now
        ),
        21_600_000,
        21_600_000
      ],
      "a stream": [
        Stream.runCollect(Stream.take(Stream.fromSchedule(Schedule.spaced(10)), 3)).pipe(Effect.map(Chunk.toArray)),
        [0, 1, 2],
        30
      ],
      "a debounced stream": [
        Stream.make(1, 2).pipe(Stream.debounce(40), Stream.runCollect, Effect.map(Chunk.toArray)),
        [2],
        40
      ],
      "a queue": [
        Effect.gen(function* () {
          const queue = yield* Queue.bounded<number>(1)
          yield* Effect.fork(Effect.forEach([1, 2, 3], (n) => Effect.delay(queue.offer(n), 10)))
          return [yield* queue.take, yield* queue.take, yield* queue.take]
        }),
        [1, 2, 3],
        30
      ],
      "a pubsub": [
        Effect.gen(function* () {
          const hub = yield* PubSub.unbounded<number>()
          const subscription = yield* hub.subscribe
          yield* Effect.fork(Effect.delay(hub.publish(7), 10))
          return yield* subscription.take
        }),
        7,
        10
      ],
      "a mailbox": [
        Effect.gen(function* () {
          const mailbox = yield* Mailbox.make<number>()
          yield* Effect.fork(Effect.delay(mailbox.offer(1), 10))
          return yield* mailbox.take
        }),
        1,
        10
      ],
      "a deferred": [
        Effect.gen(function* () {
          const deferred = yield* Deferred.make<string>()
          yield* Effect.fork(Effect.delay(Deferred.succeed(deferred, "done"), 25))
          return yield* deferred
        }),
        "done",
        25
      ],
      "a semaphore": [
        Effect.gen(function* () {
          const semaphore = yield* Effect.makeSemaphore(1)
          const turn = semaphore.withPermits(1)(Effect.delay(now, 10))
          return yield* Effect.all([turn, turn, turn], { concurrency: "unbounded" })
        }),
        [10, 20, 30],
        30
      ],
      "a latch": [
        Effect.gen(function* () {
          const latch = yield* Effect.makeLatch()
          yield* Effect.fork(Effect.delay(latch.open, 10))
          yield* latch.await
          return yield* now
        }),
        10,
        10
      ],
      "a transaction": [
        Effect.gen(function* () {
          const ref = yield* TRef.make(0)
          yield* Effect.fork(Effect.delay(TRef.set(ref, 5), 10))
          return yield* STM.tap(TRef.get(ref), (n) => STM.check(() => n > 0))
        }),
        5,
        10
      ],
      "a rate limiter": [
        Effect.gen(function* () {
          const limit = yield* RateLimiter.make({ limit: 1, interval: "1 second", algorithm: "fixed-window" })
          return yield* Effect.forEach([0, 1, 2], () => limit(now))
        }),
        [0, 1000, 2000],
        2000
      ],
      "a race": [Effect.race(Effect.as(Effect.sleep(20), "slow"), Effect.as(Effect.sleep(10), "fast")), "fast", 10],
      "forked fibers of every kind": [
        Effect.gen(function* () {
          const sleep = Effect.sleep(10)
          const fibers = [
            yield* Effect.fork(sleep),
            yield* Effect.forkDaemon(sleep),
            yield* Effect.forkScoped(sleep),
            yield* Effect.forkIn(sleep, yield* Effect.scope)
          ]
          yield* Fiber.joinAll(fibers)
          return yield* now
        }),
        10,
        10
      ],
      "a scope's finalizers": [
        Effect.as(
          Effect.addFinalizer(() => Effect.sleep(15)),
          "closed"
        ),
        "closed",
        15
      ],
      "the finalizers of what is interrupted": [
        Effect.gen(function* () {
          const fiber = yield* Effect.fork(Effect.onInterrupt(Effect.never, () => Effect.sleep(30)))
          yield* Effect.sleep(1)
          yield* Fiber.interrupt(fiber)
          return yield* now
        }),
        31,
        31
      ],
      "the date": [
        Effect.map(Effect.zipRight(Effect.sleep("1 day"), DateTime.now), DateTime.formatIso),
        "1970-01-02T00:00:00.000Z",
        86_400_000
      ]
    }
  for (const [name, [program, value, took]] of Object.entries(cases)) {
    it(name, () => assert.deepStrictEqual(timed(program), [value, took]))
  }
})

describe("VirtualTime.run", () => {
  it("ends sleeps of one instant in the order in which they began", () => {
    const order: Array<number> = []
    timed(
      Effect.forEach(
        [0, 1, 2, 3],
        (n) =>
          Effect.zipRight(
            Effect.sleep(10),
            Effect.sync(() => order.push(n))
          ),
        {
          concurrency: "unbounded"
        }
      )
    )
    assert.deepStrictEqual(order, [0, 1, 2, 3])
  })

  it("runs fibers of a lower number of priority first", () => {
    const ran: Array<number> = []
    const note = (priority: number) =>
      Effect.yieldNow({ priority }).pipe(Effect.zipRight(Effect.sync(() => ran.push(priority))))
    VirtualTime.run(Effect.forEach([2, 0, 1, 0], note, { concurrency: "unbounded" }))
    assert.deepStrictEqual(ran, [0, 0, 1, 2])
  })

  it("lets a fiber go on as long as Effect's own scheduler does before others have a turn", async () => {
    const steps = Effect.gen(function* () {
      let isOver = false
      let steps = 0
      yield* Effect.yieldNow()
      yield* Effect.fork(Effect.sync(() => (isOver = true)))
      yield* Effect.whileLoop({
        while: () => !isOver,
        body: () => Effect.sync(() => (steps += 1)),
        step: () => undefined
      })
      return steps
    }).pipe(Effect.withMaxOpsBeforeYield(64))
    const own = await Effect.runPromise(steps)
    assert.isAbove(own, 10)
    assert.deepStrictEqual(timed(steps)[0], own)
  })

  it("keeps fractions of a millisecond, and counts nanoseconds", () => {
    const program = Effect.zipRight(Effect.sleep("1500 micros"), Effect.all([now, Clock.currentTimeNanos]))
    assert.deepStrictEqual(timed(program), [[1.5, 1_500_000n], 1.5])
  })

  it("starts where it is told to", () => {
    assert.deepStrictEqual(timed(Effect.zipRight(Effect.sleep(5), now), { startAt: 1000 }), [1005, 5])
  })

  it("seeds Random: equal seeds draw the same, whatever the interleaving", () => {
    const draw = (options: VirtualTime.Options) =>
      timed(Effect.all([Random.next, Random.nextIntBetween(0, 1000)]), options)[0]
    assert.deepStrictEqual(draw({ seed: 3 }), draw({ seed: 3, interleaving: "random", preemption: 0.1 }))
    assert.notDeepEqual(draw({ seed: 3 }), draw({ seed: 4 }))
  })

  it("counts events, and is the same each time", () => {
    const program = Effect.forEach([1, 2, 3], (n) => Effect.sleep(n), { concurrency: 2 })
    const [first, second] = [VirtualTime.run(program), VirtualTime.run(program)]
    assert.deepStrictEqual([first.events, first.elapsed], [second.events, second.elapsed])
    assert.isAbove(first.events, 3)
  })

  it("passes the program's own failure and defect on", () => {
    assert.deepStrictEqual(VirtualTime.run(Effect.fail("mine")).exit, Exit.fail("mine"))
    assert.deepStrictEqual(VirtualTime.run(Effect.die("broken")).exit, Exit.die("broken"))
  })

  it("is the program's only clock: a test that sleeps a year needs no help", VirtualTime.test(Effect.sleep("365 days")))

  it("interrupts daemons that outlive the program, and runs their finalizers", () => {
    const log: Array<string> = []
    const daemon = Effect.onInterrupt(Effect.never, () =>
      Effect.delay(
        Effect.sync(() => log.push("closed")),
        10
      )
    )
    const { elapsed, leftRunning } = VirtualTime.run(Effect.zipRight(Effect.forkDaemon(daemon), Effect.sleep(5)))
    assert.deepStrictEqual([log, leftRunning, Duration.toMillis(elapsed)], [["closed"], 1, 5])
  })
})

describe("VirtualTime refuses", () => {
  const waiting = (program: Effect.Effect<unknown, unknown, Scope.Scope>) => {
    const error = failureOf(program)
    assert.instanceOf(error, VirtualTime.StuckError)
    return error instanceof VirtualTime.StuckError ? error.waiting : []
  }

  it("a deadlock, naming every fiber that waits, where, since when and for what", () => {
    const program = Effect.gen(function* () {
      const [left, right] = [yield* Effect.makeSemaphore(1), yield* Effect.makeSemaphore(1)]
      const both = (first: Effect.Semaphore, second: Effect.Semaphore) =>
        first.withPermits(1)(Effect.zipRight(Effect.sleep(10), second.withPermits(1)(Effect.void)))
      yield* Effect.fork(Effect.withSpan(both(left, right), "left first"))
      yield* Fiber.join(yield* Effect.fork(Effect.withSpan(both(right, left), "right first")))
    })
    assert.deepStrictEqual(waiting(program), [
      { fiber: "#0", span: undefined, waitsFor: "the end of fiber #2, or a Deferred that it made", since: 0 },
      {
        fiber: "#1",
        span: "left first",
        waitsFor: "a Semaphore, a Latch, a Mailbox, or something that never comes",
        since: 10
      },
      {
        fiber: "#2",
        span: "right first",
        waitsFor: "a Semaphore, a Latch, a Mailbox, or something that never comes",
        since: 10
      }
    ])
    assert.strictEqual(
      String(failureOf(Effect.withSpan(Effect.never, "alone")))
        .split("\n")
        .slice(0, 2)
        .join("\n"),
      [
        "StuckError: stuck after 0 of virtual time: nothing can run and nobody sleeps",
        '  fiber #0 in span "alone" waits, since 0, for a Semaphore, a Latch, a Mailbox, or something that never comes'
      ].join("\n")
    )
  })

  it("a promise", () => {
    const promised = "a promise: real I/O, or a timer of JavaScript, which virtual time cannot move"
    const never = Effect.promise(() => new Promise<void>(() => undefined))
    assert.deepStrictEqual(waiting(never), [{ fiber: "#0", span: undefined, waitsFor: promised, since: 0 }])
    const settled = Effect.tryPromise(() => Promise.resolve(1))
    assert.deepStrictEqual(waiting(Effect.zipRight(Effect.sleep(5), settled)), [
      { fiber: "#0", span: undefined, waitsFor: promised, since: 5 }
    ])
  })

  it("a callback of the world outside, showing where it was registered", () => {
    const [plain, canceled] = [
      Effect.async<void>((resume) => void resume.name),
      Effect.async<void>((resume) => Effect.sync(() => void resume.name))
    ]
    for (const program of [plain, canceled]) {
      assert.match(waiting(program)[0]?.waitsFor ?? "", /^a callback, which real I\/O may call .*resume.name/)
    }
  })

  it("what waits on a queue, on a deferred of a fiber that has ended, and for ever", () => {
    const orphan = Effect.gen(function* () {
      const fiber = yield* Effect.fork(Deferred.make<void>())
      return yield* yield* Fiber.join(fiber)
    })
    const found = [Effect.flatMap(Queue.unbounded<void>(), Queue.take), orphan, Effect.sleep(Infinity)].map(
      (program) => waiting(program)[0]?.waitsFor
    )
    assert.deepStrictEqual(found, [
      "a Queue, a PubSub, or a Deferred of its own",
      "a Deferred made by a fiber that has ended",
      "a sleep of infinite duration"
    ])
  })

  it("a program without end, at the limit that it was given", () => {
    const limits = [
      failureOf(Effect.forever(Effect.sleep("1 second")), { maxVirtualTime: "1 hour" }),
      failureOf(Effect.forever(Effect.yieldNow()), { maxEvents: 100 }),
      failureOf(Effect.forever(Effect.void), { maxEvents: 100 })
    ]
    assert.deepStrictEqual(limits.map(String), [
      "VirtualTimeLimitError: not done after 1h of virtual time and 10800 events: maxVirtualTime is reached",
      "VirtualTimeLimitError: not done after 0 of virtual time and 100 events: maxEvents is reached",
      "VirtualTimeLimitError: not done after 0 of virtual time and 100 events: maxEvents is reached"
    ])
  })

  it("and lets finalizers run before it says so", () => {
    const log: Array<string> = []
    const program = Effect.onInterrupt(Effect.never, () =>
      Effect.delay(
        Effect.sync(() => log.push("closed")),
        10
      )
    )
    failureOf(program)
    failureOf(Effect.zipRight(Effect.fork(program), Effect.forever(Effect.sleep(1))), { maxVirtualTime: 50 })
    assert.deepStrictEqual(log, ["closed", "closed"])
  })

  it("in a test body by throwing, with the line that replays it", () => {
    assert.throws(
      VirtualTime.test(Effect.fail("mine"), { seed: 7 }),
      /mine[^]*VirtualTime\.run\(program, \{"seed":7\}\)/
    )
  })
})

describe("VirtualTime.explore", () => {
  class Lost extends Data.TaggedError("Lost")<{ readonly balance: number }> {
    override get message() {
      return `balance ${this.balance}`
    }
  }

  /** Deposits that read, give way, and write: right only one after the other. */
  const deposits = (times: number) =>
    Effect.gen(function* () {
      let balance = 0
      const deposit = Effect.gen(function* () {
        const read = balance
        yield* Effect.yieldNow()
        balance = read + 1
      })
      const first = yield* Effect.fork(deposit)
      if (times > 2) yield* Effect.yieldNow()
      yield* Effect.forEach(range(times - 1), () => deposit, { concurrency: "unbounded" })
      yield* Fiber.join(first)
      if (balance !== times) return yield* new Lost({ balance })
    })
  const range = (length: number) => Array.from({ length }, (_, i) => i)

  it("gives each seed an interleaving of its own, and the same one each time", () => {
    const order = (seed: number) => {
      const seen: Array<number> = []
      const worker = (n: number) =>
        Effect.forEach([0, 1], () =>
          Effect.zipRight(
            Effect.yieldNow(),
            Effect.sync(() => seen.push(n))
          )
        )
      timed(Effect.forEach(range(4), worker, { concurrency: "unbounded" }), { seed, interleaving: "random" })
      return seen.join("")
    }
    const orders = range(50).map(order)
    assert.deepStrictEqual(range(50).map(order), orders)
    assert.isAbove(new Set(orders).size, 40)
  })

  it("ends sleeps of one instant in any order", () => {
    const order = (seed: number) => {
      const seen: Array<number> = []
      timed(
        Effect.forEach(
          range(3),
          (n) =>
            Effect.zipRight(
              Effect.sleep(10),
              Effect.sync(() => seen.push(n))
            ),
          {
            concurrency: "unbounded"
          }
        ),
        { seed, interleaving: "random" }
      )
      return seen.join("")
    }
    assert.strictEqual(new Set(range(100).map(order)).size, 6)
  })

  it("lets fibers interleave that wake at one instant", () => {
    const ran = new Set<string>()
    const program = Effect.gen(function* () {
      const steps: Array<string> = []
      const twice = (name: string) =>
        Effect.gen(function* () {
          yield* Effect.sleep(10)
          steps.push(name)
          yield* Effect.yieldNow()
          steps.push(name)
        })
      yield* Effect.all([twice("a"), twice("b")], { concurrency: "unbounded" })
      ran.add(steps.join(""))
    })
    VirtualTime.explore(program, { seeds: 100 })
    assert.deepStrictEqual([...ran].sort(), ["aabb", "abab", "abba", "baab", "baba", "bbaa"])
  })

  it("ends a sleep before or after all that another of its instant has woken is done", () => {
    const order = (seed: number) => {
      const steps: Array<string> = []
      const step = (name: string) => Effect.sync(() => steps.push(name))
      // The second step of a goes behind whatever else can run: only b may not be awake yet.
      const a = Effect.zipRight(step("a"), Effect.zipRight(Effect.yieldNow({ priority: 1 }), step("A")))
      const both = [a, step("b")].map((steps) => Effect.zipRight(Effect.sleep(10), steps))
      timed(Effect.all(both, { concurrency: "unbounded" }), { seed, interleaving: "random" })
      return steps.join("")
    }
    assert.deepStrictEqual([...new Set(range(100).map(order))].sort(), ["aAb", "abA", "baA"])
  })

  it("means by a seed what it has always meant: a line that replays a failure still does", () => {
    const order = (seed: number) => {
      const steps: Array<string> = []
      const step = (name: string) =>
        Effect.zipRight(
          Effect.yieldNow(),
          Effect.sync(() => steps.push(name))
        )
      const worker = (name: string) =>
        Effect.zipRight(Effect.sleep(10), Effect.zipRight(step(name), step(name.toUpperCase())))
      timed(Effect.forEach(["a", "b", "c"], worker, { concurrency: "unbounded" }), { seed, interleaving: "random" })
      return steps.join("")
    }
    assert.deepStrictEqual(range(6).map(order), ["cbBaCA", "cCbBaA", "bcaBCA", "bBaAcC", "aAbBcC", "cCbBaA"])
  })

  it("shrinks the seed where the world cannot be smaller", () => {
    const found = VirtualTime.explore(deposits(2), { seeds: 100 }).failure?.found.seed ?? NaN
    const later = VirtualTime.explore(deposits(2), { seeds: range(100).map((seed) => seed + found + 30) })
    assert.deepStrictEqual([later.failure?.run.seed, (later.failure?.found.seed ?? 0) > found], [found, true])
  })

  it("finds a race that preemption alone makes, between two steps that do not yield", () => {
    const race = Effect.gen(function* () {
      let balance = 0
      const deposit = Effect.flatMap(
        Effect.sync(() => balance),
        (read) => Effect.sync(() => (balance = read + 1))
      )
      yield* Effect.all([deposit, deposit], { concurrency: "unbounded" })
      if (balance !== 2) return yield* new Lost({ balance })
    })
    assert.strictEqual(VirtualTime.explore(race, { seeds: 200 }).failure, undefined)
    assert.isDefined(VirtualTime.explore(race, { seeds: 200, preemption: 0.1 }).failure)
  })

  it("stops at the first failure and says how to replay it", () => {
    const { failure, runs } = VirtualTime.explore(deposits(2), { seeds: 100 })
    assert.strictEqual(runs, (failure?.found.seed ?? NaN) + 1)
    const line = /VirtualTime\.run\(program, (\{.*\})\)/.exec(failure?.message ?? "")?.[1] ?? "{}"
    const replayed = VirtualTime.run(deposits(2), JSON.parse(line) as VirtualTime.Options)
    assert.deepStrictEqual(replayed.exit, failure?.run.exit)
    assert.isTrue(Exit.isFailure(replayed.exit))
  })

  it("shrinks the world, then the seed", () => {
    const { failure } = VirtualTime.exploreWorlds((rows: ReadonlyArray<number>) => deposits(rows.length), {
      seeds: [40, 41, 42],
      world: (): ReadonlyArray<number> => range(12),
      shrink: VirtualTime.fewer
    })
    assert.deepStrictEqual([failure?.world.length, failure?.found.world.length, failure?.found.seed], [2, 12, 40])
    assert.isBelow(failure?.run.seed ?? Infinity, 40)
    assert.match(
      failure?.message ?? "",
      /VirtualTime\.run\(program\(\[\d+,\d+\]\), \{"interleaving":"random","seed":\d+\}\)/
    )
  })

  it("counts what it ran where nothing fails", () => {
    const { events, failure, runs } = VirtualTime.explore(Effect.sleep(1), { seeds: 10 })
    assert.deepStrictEqual([runs, failure], [10, undefined])
    assert.isAtLeast(events, 20)
  })

  it("throws from a test body", () => {
    assert.throws(VirtualTime.testAll(deposits(2), { seeds: 100 }), /balance[^]*replay it with/)
    VirtualTime.testAll(deposits(1), { seeds: 10 })()
  })

  it("lists the smaller lists of a list", () => {
    assert.deepStrictEqual([...VirtualTime.fewer([1, 2, 3])], [[1], [2, 3], [2, 3], [1, 3], [1, 2]])
    assert.deepStrictEqual([...VirtualTime.fewer([])], [])
  })
})
