import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, FastCheck, Fiber, FiberId, TestClock } from "effect"
import { Semaphore } from "effect-aimd"

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i)

/** Lets every fiber that can run do so. */
const settle = Effect.repeatN(Effect.yieldNow(), 50)

/** A semaphore with a log of who was served; `turns` is how often a claimant wants to be. */
const logged = (permits: number, gate?: () => boolean) => {
  const semaphore = Semaphore.make(permits, gate)
  const served: Array<string> = []
  const join = (name: string, turns = 1) =>
    semaphore.join(() => {
      served.push(name)
      turns -= 1
      return turns > 0
    })
  return { semaphore, served, join }
}

const counts = ({ inUse, permits, waiting }: Semaphore.Semaphore) => ({ permits, inUse, waiting })

describe("Semaphore", () => {
  it("serves at once as many as there are permits, and lets the rest wait", () => {
    const { join, semaphore, served } = logged(2)
    const places = ["a", "b", "c", "d"].map((name) => join(name))
    assert.deepStrictEqual(served, ["a", "b"])
    assert.deepStrictEqual(counts(semaphore), { permits: 2, inUse: 2, waiting: 2 })
    assert.deepStrictEqual(
      places.map((place) => place.queued),
      [false, false, true, true]
    )
  })

  it("hands each permit that comes back to the first in line", () => {
    const { join, semaphore, served } = logged(1)
    for (const name of ["a", "b", "c", "d"]) join(name)
    const seen = upTo(4).map(() => {
      semaphore.release()
      return served.join("")
    })
    assert.deepStrictEqual(seen, ["ab", "abc", "abcd", "abcd"])
    assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 0, waiting: 0 })
  })

  it("lets nobody overtake who has waited longer", () => {
    const { join, semaphore, served } = logged(1)
    join("a")
    join("b")
    semaphore.release()
    join("c")
    semaphore.release()
    join("d")
    semaphore.release()
    assert.deepStrictEqual(served, ["a", "b", "c", "d"])
  })

  it("serves whom it is told to, and nobody while it is told so", () => {
    const wanted = new Set<Semaphore.Place>()
    const semaphore = Semaphore.make(2, undefined, (line) => [...line.nodes()].find((place) => wanted.has(place)))
    const served: Array<string> = []
    const [a, b, c] = ["a", "b", "c"].map((name) =>
      semaphore.join(() => {
        served.push(name)
        return name === "b"
      })
    )
    assert.deepStrictEqual([served, semaphore.waiting], [[], 3])
    for (const place of [b, c, a]) {
      if (place !== undefined) wanted.add(place)
      semaphore.serve()
      wanted.clear()
    }
    assert.deepStrictEqual([served, semaphore.waiting, semaphore.inUse], [["b", "b"], 3, 2])
    semaphore.release()
    for (const place of [c, a]) {
      if (place !== undefined) wanted.add(place)
      semaphore.serve()
      wanted.clear()
      semaphore.release()
    }
    // Each is served where it stands, and leaves the line unless it wants more.
    assert.deepStrictEqual([served, semaphore.waiting], [["b", "b", "c", "a"], 1])
  })

  it("serves nobody without permits, until there are some", () => {
    const { join, semaphore, served } = logged(0)
    join("a")
    assert.deepStrictEqual(counts(semaphore), { permits: 0, inUse: 0, waiting: 1 })
    semaphore.resize(1)
    assert.deepStrictEqual(served, ["a"])
  })

  it("gives a permit that nobody waits for to the next who comes", () => {
    const { join, semaphore, served } = logged(1)
    join("a")
    semaphore.release()
    join("b")
    assert.deepStrictEqual(served, ["a", "b"])
  })
})

describe("Semaphore places", () => {
  it("passes over a place that was given up", () => {
    const { join, semaphore, served } = logged(1)
    const places = ["a", "b", "c", "d"].map((name) => join(name))
    for (const place of places.slice(1, 3)) semaphore.leave(place)
    semaphore.release()
    assert.deepStrictEqual(served, ["a", "d"])
    assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 1, waiting: 0 })
  })

  it("does nothing when a place is given up that was served, or twice", () => {
    const { join, semaphore, served } = logged(1)
    const first = join("a")
    const second = join("b")
    join("c")
    semaphore.leave(first)
    semaphore.leave(second)
    semaphore.leave(second)
    assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 1, waiting: 1 })
    semaphore.release()
    assert.deepStrictEqual(served, ["a", "c"])
  })

  it("serves claimants that want more than one permit turn by turn", () => {
    const { join, semaphore, served } = logged(0)
    join("a", 3)
    join("b", 2)
    join("c", 4)
    semaphore.resize(1)
    for (const _ of upTo(9)) semaphore.release()
    assert.deepStrictEqual(served, ["a", "b", "c", "a", "b", "c", "a", "c", "c"])
    assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 0, waiting: 0 })
  })

  it("gives a claimant that is alone every permit it wants", () => {
    const { join, semaphore, served } = logged(3)
    const place = join("a", 5)
    assert.deepStrictEqual(served, ["a", "a", "a"])
    assert.isTrue(place.queued)
    semaphore.release()
    semaphore.release()
    assert.deepStrictEqual(served, ["a", "a", "a", "a", "a"])
    assert.isFalse(place.queued)
  })

  it("takes a claimant that wanted more out of the line when it gives up", () => {
    const { join, semaphore, served } = logged(1)
    const place = join("a", 5)
    join("b")
    semaphore.leave(place)
    semaphore.release()
    semaphore.release()
    assert.deepStrictEqual(served, ["a", "b"])
  })

  it("keeps count when a claimant gives its permit back, or another joins, in its own turn", () => {
    const { join, semaphore, served } = logged(1)
    join("a")
    semaphore.join(() => {
      served.push("b")
      join("d")
      semaphore.release()
      return false
    })
    join("c")
    semaphore.release()
    assert.deepStrictEqual(served, ["a", "b", "c"])
    semaphore.release()
    assert.deepStrictEqual(served, ["a", "b", "c", "d"])
    assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 1, waiting: 0 })
  })
})

describe("Semaphore resize", () => {
  it("serves those in line at once, in order, when there are more permits", () => {
    const { join, semaphore, served } = logged(1)
    for (const name of ["a", "b", "c", "d"]) join(name)
    semaphore.resize(3)
    assert.deepStrictEqual(served, ["a", "b", "c"])
    assert.deepStrictEqual(counts(semaphore), { permits: 3, inUse: 3, waiting: 1 })
  })

  it("leaves permits in use alone when there are fewer, and serves nobody until enough have come back", () => {
    const { join, semaphore, served } = logged(3)
    for (const name of ["a", "b", "c", "d", "e"]) join(name)
    semaphore.resize(1)
    assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 3, waiting: 2 })
    const seen = upTo(4).map(() => {
      semaphore.release()
      return served.join("")
    })
    assert.deepStrictEqual(seen, ["abc", "abc", "abcd", "abcde"])
  })

  it("ends where it began when it goes down and up again", () => {
    const { join, semaphore, served } = logged(2)
    for (const name of ["a", "b", "c"]) join(name)
    semaphore.resize(1)
    semaphore.resize(2)
    assert.deepStrictEqual(served, ["a", "b"])
    semaphore.release()
    assert.deepStrictEqual(served, ["a", "b", "c"])
  })
})

describe("Semaphore gate", () => {
  it("serves nobody while the gate is closed, and the line when it is served after", () => {
    let open = false
    const { join, semaphore, served } = logged(2, () => open)
    for (const name of ["a", "b", "c"]) join(name)
    semaphore.resize(3)
    assert.deepStrictEqual([served, semaphore.inUse, semaphore.waiting], [[], 0, 3])
    open = true
    assert.deepStrictEqual(served, [])
    semaphore.serve()
    assert.deepStrictEqual(served, ["a", "b", "c"])
  })

  it("is asked before each hand-off, and lets exactly as many through as it says", () => {
    let passes = 2
    const { join, semaphore, served } = logged(5, () => passes-- > 0)
    for (const name of ["a", "b", "c", "d"]) join(name)
    assert.deepStrictEqual(served, ["a", "b"])
    passes = 1
    semaphore.serve()
    assert.deepStrictEqual(served, ["a", "b", "c"])
  })

  it("is not asked while nobody waits or no permit is free", () => {
    let asked = 0
    const { join, semaphore } = logged(1, () => {
      asked += 1
      return true
    })
    semaphore.serve()
    semaphore.resize(1)
    assert.strictEqual(asked, 0)
    join("a")
    assert.strictEqual(asked, 1)
    join("b")
    semaphore.serve()
    assert.strictEqual(asked, 1)
  })

  it("keeps its order when a permit comes back before the gate opens", () => {
    let open = true
    const { join, semaphore, served } = logged(1, () => open)
    for (const name of ["a", "b"]) join(name)
    open = false
    semaphore.release()
    join("c")
    assert.deepStrictEqual([served, semaphore.inUse], [["a"], 0])
    open = true
    semaphore.serve()
    assert.deepStrictEqual([served, semaphore.inUse], [["a", "b"], 1])
  })
})

describe("Semaphore under load", () => {
  it("serves 10,000 waiters once each with one hand-off and one look at the gate a release", () => {
    let asked = 0
    const semaphore = Semaphore.make(1, () => {
      asked += 1
      return true
    })
    const served: Array<number> = []
    const handOffs: Array<number> = []
    for (const i of upTo(10_000)) {
      semaphore.join(() => {
        served.push(i)
        return false
      })
    }
    for (const _ of upTo(10_000)) {
      const before = served.length
      semaphore.release()
      handOffs.push(served.length - before)
    }
    assert.deepStrictEqual(served, upTo(10_000))
    assert.deepStrictEqual(
      handOffs,
      upTo(10_000).map((i) => (i < 9_999 ? 1 : 0))
    )
    assert.strictEqual(asked, 10_000)
  })

  it.effect("serves 10,000 waiting fibers once each, in order", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(8)
      const served: Array<number> = []
      let [running, most] = [0, 0]
      yield* Effect.forEach(
        upTo(10_000),
        (i) =>
          Semaphore.withPermit(semaphore)(
            Effect.gen(function* () {
              served.push(i)
              most = Math.max(most, ++running)
              yield* Effect.yieldNow()
              running -= 1
            })
          ),
        { concurrency: "unbounded", discard: true }
      )
      assert.deepStrictEqual(served, upTo(10_000))
      assert.strictEqual(most, 8)
      assert.deepStrictEqual(counts(semaphore), { permits: 8, inUse: 0, waiting: 0 })
    })
  )

  it("serves 10,000 claimants that each give their permit back in their own turn", () => {
    const semaphore = Semaphore.make(0)
    const served: Array<number> = []
    for (const i of upTo(10_000)) {
      semaphore.join(() => {
        served.push(i)
        semaphore.release()
        return false
      })
    }
    semaphore.resize(1)
    assert.deepStrictEqual(served, upTo(10_000))
    assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 0, waiting: 0 })
  })

  it("lets 10,000 waiters leave from anywhere in the line", () => {
    const { join, semaphore, served } = logged(1)
    const places = upTo(10_000).map((i) => join(String(i)))
    for (const place of places.slice(1, -1).reverse()) semaphore.leave(place)
    semaphore.release()
    assert.deepStrictEqual(served, ["0", "9999"])
  })
})

const operation = FastCheck.oneof(
  {
    weight: 4,
    arbitrary: FastCheck.record({
      op: FastCheck.constant("join" as const),
      turns: FastCheck.integer({ min: 1, max: 3 })
    })
  },
  {
    weight: 6,
    arbitrary: FastCheck.constantFrom("release" as const, "release" as const, "open" as const, "close" as const).map(
      (op) => ({ op })
    )
  },
  {
    weight: 1,
    arbitrary: FastCheck.record({ op: FastCheck.constant("leave" as const), pick: FastCheck.nat() })
  },
  {
    weight: 1,
    arbitrary: FastCheck.record({ op: FastCheck.constant("resize" as const), permits: FastCheck.nat({ max: 4 }) })
  }
)

describe("Semaphore, beside a model of it in an array", () => {
  const operations = FastCheck.array(operation, { maxLength: 150, size: "max" })

  it.prop("serves the same claimants in the same order", [operations], ([operations]) => {
    let open = true
    const semaphore = Semaphore.make(2, () => open)
    const served: Array<number> = []
    const places: Array<Semaphore.Place> = []
    const model = { permits: 2, inUse: 0, line: Array<{ id: number; turns: number }>(), served: Array<number>() }
    const serveModel = () => {
      while (open && model.inUse < model.permits) {
        const first = model.line.shift()
        if (first === undefined) return
        model.inUse += 1
        model.served.push(first.id)
        first.turns -= 1
        if (first.turns > 0) model.line.push(first)
      }
    }
    for (const step of operations) {
      if (step.op === "join") {
        const id = places.length
        let { turns } = step
        places.push(
          semaphore.join(() => {
            served.push(id)
            turns -= 1
            return turns > 0
          })
        )
        model.line.push({ id, turns: step.turns })
      } else if (step.op === "leave") {
        const id = step.pick % Math.max(1, places.length)
        const place = places[id]
        if (place !== undefined) semaphore.leave(place)
        model.line = model.line.filter((claimant) => claimant.id !== id)
      } else if (step.op === "resize") {
        semaphore.resize(step.permits)
        model.permits = step.permits
      } else if (step.op === "release") {
        if (model.inUse === 0) continue
        model.inUse -= 1
        semaphore.release()
      } else {
        open = step.op === "open"
        if (open) semaphore.serve()
      }
      serveModel()
      assert.deepStrictEqual(served, model.served)
      assert.deepStrictEqual(counts(semaphore), {
        permits: model.permits,
        inUse: model.inUse,
        waiting: model.line.length
      })
      assert.deepStrictEqual(
        places.map((place) => place.queued),
        places.map((_, id) => model.line.some((claimant) => claimant.id === id))
      )
    }
  })
})

describe("Semaphore withPermit", () => {
  it.effect("runs at most as many at once as there are permits, first come, first served", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(2)
      const starts: Array<readonly [row: number, at: number]> = []
      const fiber = yield* Effect.fork(
        Effect.forEach(
          [30, 10, 10, 10],
          (millis, row) =>
            Semaphore.withPermit(semaphore)(
              Effect.gen(function* () {
                starts.push([row, yield* TestClock.currentTimeMillis])
                yield* Effect.sleep(millis)
                return row
              })
            ),
          { concurrency: "unbounded" }
        )
      )
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [0, 1, 2, 3])
      assert.deepStrictEqual(starts, [
        [0, 0],
        [1, 0],
        [2, 10],
        [3, 20]
      ])
      assert.deepStrictEqual(counts(semaphore), { permits: 2, inUse: 0, waiting: 0 })
    })
  )

  it.effect(
    "gives its permit back after a success, a failure, a defect and an interruption, and hands the exit on",
    () =>
      Effect.gen(function* () {
        const semaphore = Semaphore.make(1)
        const withPermit = Semaphore.withPermit(semaphore)
        const exits = [
          yield* Effect.exit(withPermit(Effect.succeed("served"))),
          yield* Effect.exit(withPermit(Effect.fail("own"))),
          yield* Effect.exit(withPermit(Effect.die("bug"))),
          yield* Effect.exit(withPermit(Effect.interrupt))
        ]
        assert.deepStrictEqual(exits.slice(0, 3), [Exit.succeed("served"), Exit.fail("own"), Exit.die("bug")])
        assert.isTrue(exits.slice(3).every(Exit.isInterrupted))
        assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 0, waiting: 0 })
      })
  )

  it.effect("gives its permit back when the effect throws before it is one", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(1)
      const bug = new Error("bug")
      const exit = yield* Effect.exit(
        Semaphore.withPermit(semaphore)(
          Effect.suspend((): Effect.Effect<void> => {
            throw bug
          })
        )
      )
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die" && exit.cause.defect === bug)
      assert.strictEqual(semaphore.inUse, 0)
    })
  )
})

/** A semaphore of one permit that is in use, and fibers that wait for it, each writing down when it runs. */
const contended = (waiters: number) =>
  Effect.gen(function* () {
    const semaphore = Semaphore.make(1)
    const ran: Array<number> = []
    const ended = yield* Deferred.make<void>()
    yield* Semaphore.take(semaphore)
    const fibers = yield* Effect.forEach(upTo(waiters), (i) =>
      Effect.fork(
        Semaphore.withPermit(semaphore)(
          Effect.zipRight(
            Effect.sync(() => ran.push(i)),
            Deferred.await(ended)
          )
        )
      )
    )
    yield* settle
    const first = yield* Effect.fromNullable(fibers[0])
    return { semaphore, ran, ended, fibers, first }
  })

const idle = { permits: 1, inUse: 0, waiting: 0 }

describe("Semaphore interruption", () => {
  it.effect("gives its place up while it waits", () =>
    Effect.gen(function* () {
      const { ended, fibers, first, ran, semaphore } = yield* contended(3)
      const exit = yield* Fiber.interrupt(first)
      assert.isTrue(Exit.isInterrupted(exit))
      assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 1, waiting: 2 })
      yield* Deferred.succeed(ended, undefined)
      semaphore.release()
      yield* Fiber.awaitAll(fibers)
      assert.deepStrictEqual(ran, [1, 2])
      assert.deepStrictEqual(counts(semaphore), idle)
    })
  )

  for (const [name, order] of [
    ["after the permit was handed over, in the same tick", ["release", "interrupt"]],
    ["before the permit comes back, in the same tick", ["interrupt", "release"]]
  ] as const) {
    it.effect(`loses no permit when a waiter is interrupted ${name}`, () =>
      Effect.gen(function* () {
        const { ended, fibers, first, ran, semaphore } = yield* contended(3)
        yield* Deferred.succeed(ended, undefined)
        yield* Effect.sync(() => {
          for (const step of order) {
            if (step === "release") semaphore.release()
            else first.unsafeInterruptAsFork(FiberId.none)
          }
        })
        const exits = yield* Effect.forEach(fibers, Fiber.await)
        assert.deepStrictEqual(exits.map(Exit.isInterrupted), [true, false, false])
        assert.deepStrictEqual(ran, [1, 2])
        assert.deepStrictEqual(counts(semaphore), idle)
      })
    )
  }

  it.effect("loses no permit when every waiter is interrupted in the tick of a release", () =>
    Effect.gen(function* () {
      const { fibers, ran, semaphore } = yield* contended(5)
      yield* Effect.sync(() => {
        semaphore.release()
        for (const fiber of fibers) fiber.unsafeInterruptAsFork(FiberId.none)
      })
      yield* Fiber.awaitAll(fibers)
      assert.deepStrictEqual(ran, [])
      assert.deepStrictEqual(counts(semaphore), idle)
    })
  )

  it.effect("gives the permit back when it is interrupted while its effect runs", () =>
    Effect.gen(function* () {
      const { ended, fibers, first, ran, semaphore } = yield* contended(2)
      semaphore.release()
      yield* settle
      assert.deepStrictEqual(ran, [0])
      yield* Fiber.interrupt(first)
      yield* settle
      assert.deepStrictEqual([ran, semaphore.inUse], [[0, 1], 1])
      yield* Deferred.succeed(ended, undefined)
      yield* Fiber.awaitAll(fibers)
      assert.deepStrictEqual(counts(semaphore), idle)
    })
  )

  it.effect("keeps its permit until the finalizers of its effect have run", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(1)
      const fiber = yield* Effect.fork(
        Semaphore.withPermit(semaphore)(Effect.ensuring(Effect.never, Effect.sleep("1 second")))
      )
      yield* settle
      const interruption = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(semaphore.inUse, 1)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(interruption)
      assert.strictEqual(semaphore.inUse, 0)
    })
  )

  it.effect("takes no permit when it is interrupted before it comes to ask", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(1)
      let ran = false
      const fiber = yield* Effect.fork(Semaphore.withPermit(semaphore)(Effect.sync(() => (ran = true))))
      fiber.unsafeInterruptAsFork(FiberId.none)
      yield* Fiber.await(fiber)
      assert.deepStrictEqual([ran, counts(semaphore)], [false, idle])
    })
  )

  it.effect("leaves an uninterruptible effect its permit to the end", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(1)
      const fiber = yield* Effect.fork(
        Effect.uninterruptible(Semaphore.withPermit(semaphore)(Effect.as(Effect.sleep("1 second"), "served")))
      )
      yield* settle
      fiber.unsafeInterruptAsFork(FiberId.none)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(semaphore.inUse, 1)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.await(fiber)
      assert.deepStrictEqual(counts(semaphore), idle)
    })
  )

  const schedule = FastCheck.array(
    FastCheck.record({ op: FastCheck.constantFrom("release", "interrupt", "settle", "resize"), pick: FastCheck.nat() }),
    { maxLength: 30 }
  )

  it.effect.prop(
    "has every permit back whenever releases, interruptions and resizes fall together",
    [schedule],
    ([schedule]) =>
      Effect.gen(function* () {
        const semaphore = Semaphore.make(2)
        const ran: Array<number> = []
        let taken = 2
        yield* Effect.repeatN(Semaphore.take(semaphore), 1)
        const fibers = yield* Effect.forEach(upTo(8), (i) =>
          Effect.fork(
            Semaphore.withPermit(semaphore)(
              Effect.zipRight(
                Effect.sync(() => ran.push(i)),
                Effect.yieldNow()
              )
            )
          )
        )
        yield* settle
        for (const { op, pick } of schedule) {
          if (op === "release" && taken > 0) {
            taken -= 1
            semaphore.release()
          } else if (op === "interrupt") {
            fibers[pick % 8]?.unsafeInterruptAsFork(FiberId.none)
          } else if (op === "resize") {
            semaphore.resize(1 + (pick % 4))
          } else {
            yield* settle
          }
        }
        for (; taken > 0; taken--) semaphore.release()
        const exits = yield* Effect.forEach(fibers, Fiber.await)
        assert.deepStrictEqual([semaphore.inUse, semaphore.waiting], [0, 0])
        const finished = upTo(8).filter((i) => exits[i]?._tag === "Success")
        assert.deepStrictEqual(
          ran.filter((i) => finished.includes(i)),
          finished
        )
        assert.deepStrictEqual(
          ran,
          [...ran].sort((a, b) => a - b)
        )
      })
  )
})

describe("Semaphore take", () => {
  it.effect("takes a permit that stays taken until it is released", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(1)
      yield* Semaphore.take(semaphore)
      const second = yield* Effect.fork(Semaphore.take(semaphore))
      yield* settle
      assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 1, waiting: 1 })
      semaphore.release()
      yield* Fiber.join(second)
      assert.deepStrictEqual(counts(semaphore), { permits: 1, inUse: 1, waiting: 0 })
    })
  )

  it.effect("gives its place up when it is interrupted", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(0)
      const fiber = yield* Effect.fork(Semaphore.take(semaphore))
      yield* settle
      assert.strictEqual(semaphore.waiting, 1)
      yield* Fiber.interrupt(fiber)
      semaphore.resize(1)
      assert.deepStrictEqual(counts(semaphore), idle)
    })
  )

  it.effect("gives the permit back when it is interrupted in the tick of the hand-off", () =>
    Effect.gen(function* () {
      const semaphore = Semaphore.make(0)
      const fiber = yield* Effect.fork(Semaphore.take(semaphore))
      yield* settle
      yield* Effect.sync(() => {
        semaphore.resize(1)
        fiber.unsafeInterruptAsFork(FiberId.none)
      })
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
      assert.deepStrictEqual(counts(semaphore), idle)
    })
  )
})
