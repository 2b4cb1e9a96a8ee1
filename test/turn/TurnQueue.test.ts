import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import { Report } from "effect-aimd/testing"
import * as TurnQueue from "../../src/turn/TurnQueue.js"

const turn = (options: Partial<TurnQueue.Turn> = {}): TurnQueue.Turn => ({
  priority: 0,
  tenant: "t",
  weight: 1,
  deadline: Infinity,
  ...options
})

/** Serves whoever goes next. */
const take = <A>(turns: TurnQueue.TurnQueue<A>): A | undefined => {
  const { first } = turns
  if (first !== undefined) turns.serve(first)
  return first?.value
}

const taken = <A>(turns: TurnQueue.TurnQueue<A>, count = turns.size): ReadonlyArray<A | undefined> =>
  Array.from({ length: count }, () => take(turns))

const countOf = (names: ReadonlyArray<string | undefined>): ReadonlyMap<string | undefined, number> => {
  const counts = new Map<string | undefined, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}

describe("Two priorities", () => {
  const compare = (a: number, aSince: number, b: number, bSince: number, ageing = 1000) =>
    Math.sign(TurnQueue.compare({ priority: a, since: aSince }, { priority: b, since: bSince }, ageing))

  it("go by when each would have come with priority 0, and else the higher first", () => {
    assert.deepStrictEqual([compare(2, 2500, 0, 400), compare(2, 2500, 0, 600)], [1, -1])
    assert.deepStrictEqual([compare(2, 2500, 0, 500), compare(0, 500, 2, 2500)], [-1, 1])
    assert.deepStrictEqual([compare(1, 9000, 0, 0, Infinity), compare(-1, 0, 0, 9000, Infinity)], [-1, 1])
  })

  it("are the same where they are equal, whoever waits longer", () => {
    assert.deepStrictEqual([compare(1, 0, 1, 9000), compare(1, 9000, 1, 0), compare(1, 9, 1, 0, Infinity)], [0, 0, 0])
  })
})

describe("Those of one tenant", () => {
  it("go by when they are due, or as if they were an ageing after they came", () => {
    assert.deepStrictEqual(
      [TurnQueue.rankOf({ deadline: 700 }, 500, 1000), TurnQueue.rankOf({ deadline: Infinity }, 500, 1000)],
      [700, 1500]
    )
  })
})

describe("turns", () => {
  it("are in the order in which everybody came, where nothing else is said", () => {
    const turns = TurnQueue.make<number>(60_000)
    for (let i = 0; i < 5; i++) turns.add(i, turn(), i)
    assert.deepStrictEqual(taken(turns), [0, 1, 2, 3, 4])
    assert.isUndefined(take(turns))
  })

  it("are those of the highest priority first, and of the earliest deadline among those of a tenant", () => {
    const turns = TurnQueue.make<string>(Infinity)
    turns.add("nightly", turn({ priority: -1 }), 0)
    turns.add("late", turn({ deadline: 900 }), 1)
    turns.add("never", turn(), 2)
    turns.add("soon", turn({ deadline: 100 }), 3)
    turns.add("urgent", turn({ priority: 5 }), 4)
    assert.deepStrictEqual(taken(turns), ["urgent", "soon", "late", "never", "nightly"])
  })

  it("are those of the higher priority where ageing has made two equal, whoever came first", () => {
    for (const names of [
      ["high", "low"],
      ["low", "high"]
    ]) {
      const turns = TurnQueue.make<string>(1000)
      for (const name of names) turns.add(name, turn({ priority: name === "high" ? 2 : 0 }), name === "high" ? 2000 : 0)
      assert.deepStrictEqual(taken(turns), ["high", "low"])
    }
  })

  it("go round the tenants in the order in which these came", () => {
    const turns = TurnQueue.make<string>(1000)
    for (const tenant of ["b", "c", "a", "b", "c", "a"]) turns.add(tenant, turn({ tenant }), 0)
    assert.deepStrictEqual(taken(turns), ["b", "c", "a", "b", "c", "a"])
  })

  it("are equal between tenants, however many of each wait", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 20, max: 300 }), { minLength: 2, maxLength: 12 }),
        fc.integer({ min: 1, max: 20 }),
        (sizes, rounds) => {
          const turns = TurnQueue.make<string>(60_000)
          sizes.forEach((size, t) => {
            for (let i = 0; i < size; i++) turns.add(`t${t}`, turn({ tenant: `t${t}` }), t)
          })
          const shares = [...countOf(taken(turns, rounds * sizes.length)).values()]
          assert.deepStrictEqual(
            shares,
            sizes.map(() => rounds)
          )
          assert.isAtLeast(Report.jain(shares), 0.99)
        }
      )
    )
  })

  it("go by weight where tenants have one", () => {
    const turns = TurnQueue.make<string>(60_000)
    for (const tenant of ["large", "small", "other"]) {
      for (let i = 0; i < 100; i++) turns.add(tenant, turn({ tenant, weight: tenant === "large" ? 3 : 1 }), 0)
    }
    assert.deepStrictEqual(
      countOf(taken(turns, 50)),
      new Map([
        ["large", 30],
        ["small", 10],
        ["other", 10]
      ])
    )
  })

  it("are no more for a tenant that comes back at once than for one that has all its rows there", () => {
    const turns = TurnQueue.make<string>(60_000)
    for (let i = 0; i < 100; i++) for (const tenant of ["b", "c"]) turns.add(tenant, turn({ tenant }), 0)
    turns.add("a", turn({ tenant: "a" }), 0)
    const order: Array<string | undefined> = []
    for (let i = 0; i < 90; i++) {
      const next = take(turns)
      order.push(next)
      if (next === "a") turns.add("a", turn({ tenant: "a" }), i)
    }
    assert.deepStrictEqual([...countOf(order).values()], [30, 30, 30])
  })

  it("are paid for by a tenant that was away, though somebody looked meanwhile who goes first", () => {
    const turns = TurnQueue.make<string>(60_000)
    turns.add("a", turn({ tenant: "a" }), 0)
    assert.strictEqual(take(turns), "a")
    turns.add("a", turn({ tenant: "a" }), 0)
    const order = Array.from({ length: 6 }, () => {
      assert.isDefined(turns.first)
      turns.add("b", turn({ tenant: "b", weight: 3 }), 0)
      return take(turns)
    })
    assert.deepStrictEqual(order.indexOf("a"), 3)
  })

  it("come to a tenant that is new as soon as to those that wait already", () => {
    const turns = TurnQueue.make<string>(60_000)
    for (let i = 0; i < 100; i++) for (const tenant of ["b", "c"]) turns.add(tenant, turn({ tenant }), 0)
    taken(turns, 50)
    turns.add("new", turn({ tenant: "new" }), 1)
    assert.include(taken(turns, 3), "new")
  })

  it("are none for the time before a tenant came: it has as many as the others from then on", () => {
    const turns = TurnQueue.make<string>(60_000)
    for (let i = 0; i < 100; i++) for (const tenant of ["b", "c"]) turns.add(tenant, turn({ tenant }), 0)
    taken(turns, 50)
    for (let i = 0; i < 100; i++) turns.add("new", turn({ tenant: "new" }), 1)
    assert.deepStrictEqual(
      countOf(taken(turns, 30)),
      new Map([
        ["b", 10],
        ["c", 10],
        ["new", 10]
      ])
    )
  })

  it("go by what a tenant has told last of its weight", () => {
    const turns = TurnQueue.make<string>(60_000)
    turns.add("a", turn({ tenant: "a", weight: 9 }), 0)
    for (let i = 0; i < 50; i++) for (const tenant of ["a", "b"]) turns.add(tenant, turn({ tenant, weight: 1 }), 0)
    assert.deepStrictEqual([...countOf(taken(turns, 20)).values()], [10, 10])
  })

  it("are remembered where nobody waits, unless there are many priorities, or tenants", () => {
    /** Who goes first of a tenant that was served already, and one that is new, after so many priorities and tenants. */
    const next = (priorities: number, tenants: number) => {
      const turns = TurnQueue.make<string>(Infinity)
      for (let i = 0; i < priorities; i++) turns.add("low", turn({ priority: -1 - i }), 0)
      for (let i = 0; i < tenants; i++) turns.add("other", turn({ tenant: `t${i}` }), 0)
      turns.add("served", turn({ tenant: "served" }), 0)
      taken(turns, tenants + 1)
      for (const tenant of ["served", "new"]) turns.add(tenant, turn({ tenant }), 0)
      return take(turns)
    }
    assert.deepStrictEqual([next(0, 0), next(63, 0), next(64, 0)], ["new", "new", "served"])
    assert.deepStrictEqual([next(0, 63), next(0, 64)], ["new", "served"])
  })

  it("starve nobody: nobody goes first who came an ageing later for each priority that it is higher", () => {
    const row = fc.record({
      priority: fc.integer({ min: 0, max: 3 }),
      gap: fc.integer({ min: 0, max: 400 }),
      takes: fc.integer({ min: 0, max: 2 })
    })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 60 }), (rows) => {
        const ageing = 1000
        const turns = TurnQueue.make<{ readonly came: number }>(ageing)
        const waiting = new Set<{ readonly came: number }>()
        let now = 0
        const takeOne = (): void => {
          const next = take(turns)
          if (next === undefined) return
          const oldest = Math.min(...[...waiting].map(({ came }) => came))
          assert.isAtMost(next.came - oldest, 0)
          waiting.delete(next)
        }
        for (const { gap, priority, takes } of rows) {
          now += gap
          // The instant at which it would have come with priority 0.
          const value = { came: now - priority * ageing }
          waiting.add(value)
          turns.add(value, turn({ priority }), now)
          for (let i = 0; i < takes; i++) takeOne()
        }
        while (turns.size > 0) takeOne()
        assert.strictEqual(waiting.size, 0)
      })
    )
  })

  it("overtake a row of a tenant at most once for each other tenant and row before it", () => {
    const row = fc.record({ tenant: fc.integer({ min: 0, max: 5 }), takes: fc.integer({ min: 0, max: 2 }) })
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 120 }), (rows) => {
        const turns = TurnQueue.make<number>(Infinity)
        const ahead = new Map<number, { readonly bound: number; passed: number }>()
        const perTenant = new Map<number, number>()
        const tenantOf = new Map<number, number>()
        const takeOne = (): void => {
          const next = take(turns)
          if (next === undefined) return
          ahead.delete(next)
          const tenant = tenantOf.get(next) ?? -1
          perTenant.set(tenant, (perTenant.get(tenant) ?? 0) - 1)
          for (const place of ahead.values()) {
            place.passed += 1
            assert.isAtMost(place.passed, place.bound)
          }
        }
        rows.forEach(({ takes, tenant }, i) => {
          const before = perTenant.get(tenant) ?? 0
          perTenant.set(tenant, before + 1)
          tenantOf.set(i, tenant)
          // Each before it of its own, and two turns of each other tenant for it and for each of those.
          ahead.set(i, { bound: before + 2 * 5 * (before + 1), passed: 0 })
          turns.add(i, turn({ tenant: `t${tenant}` }), i)
          for (let n = 0; n < takes; n++) takeOne()
        })
        while (turns.size > 0) takeOne()
      })
    )
  })

  it("are lost by whoever leaves, and by nobody else", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            priority: fc.integer({ min: 0, max: 2 }),
            tenant: fc.constantFrom("a", "b"),
            leaves: fc.boolean()
          }),
          { maxLength: 60 }
        ),
        (rows) => {
          const turns = TurnQueue.make<number>(1000)
          const waiters = rows.map(({ priority, tenant }, i) => turns.add(i, turn({ priority, tenant }), i))
          rows.forEach(({ leaves }, i) => {
            const waiter = waiters[i]
            if (leaves && waiter !== undefined) {
              turns.remove(waiter)
              turns.remove(waiter)
            }
          })
          const expected = rows.flatMap(({ leaves }, i) => (leaves ? [] : [i]))
          assert.strictEqual(turns.size, expected.length)
          assert.deepStrictEqual(
            [...taken(turns)].sort((a, b) => Number(a) - Number(b)),
            expected
          )
          for (const waiter of waiters) turns.remove(waiter)
          assert.strictEqual(turns.size, 0)
        }
      )
    )
  })

  it("are paid for by whoever is served before its turn, and stay where they are for all others", () => {
    const turns = TurnQueue.make<string>(60_000)
    const waiters = ["a", "b", "c"].flatMap((tenant) =>
      Array.from({ length: 3 }, () => turns.add(tenant, turn({ tenant }), 0))
    )
    const last = waiters.at(-1)
    if (last !== undefined) turns.serve(last)
    assert.deepStrictEqual(taken(turns), ["a", "b", "c", "a", "b", "c", "a", "b"])
  })

  it("are the same for one that waits again at once as for one that leaves and comes back", () => {
    const row = fc.record({
      priority: fc.integer({ min: 0, max: 2 }),
      tenant: fc.constantFrom("a", "b", "c"),
      weight: fc.constantFrom(1, 3),
      isNext: fc.boolean(),
      joined: fc.integer({ min: 0, max: 50 })
    })
    fc.assert(
      fc.property(fc.array(row, { maxLength: 12 }), fc.array(row, { maxLength: 60 }), (first, later) => {
        const [once, twice] = [TurnQueue.make<number>(1000), TurnQueue.make<number>(1000)]
        const waiters = first.map(({ priority, tenant, weight }, i) => {
          const how = turn({ priority, tenant, weight })
          return [once.add(i, how, i), twice.add(i, how, i)] as const
        })
        later.forEach(({ isNext, joined, priority, tenant, weight }, i) => {
          const [a, b] = waiters[(isNext ? once.first?.value : undefined) ?? i % waiters.length] ?? []
          if (a === undefined || b === undefined) return
          const how = turn({ priority, tenant, weight })
          once.serveAgain(a, how, 100 + i, 100 + i - joined)
          twice.serve(b)
          twice.addAgain(b, how, 100 + i, 100 + i - joined)
          assert.deepStrictEqual(
            [once.first?.value, once.head, once.size],
            [twice.first?.value, twice.head, first.length]
          )
        })
        assert.deepStrictEqual(taken(once), taken(twice))
      })
    )
  })

  it("tell the priority that goes first, and since when that waits", () => {
    const turns = TurnQueue.make<string>(1000)
    assert.isUndefined(turns.head)
    turns.add("ordinary", turn(), 3500)
    turns.add("urgent", turn({ priority: 2 }), 5000)
    turns.add("late", turn({ priority: 2 }), 6000, 9000)
    assert.deepStrictEqual(turns.head, { priority: 2, since: 5000 })
    assert.strictEqual(take(turns), "urgent")
    // The ordinary one came two ageings and more before.
    assert.deepStrictEqual(turns.head, { priority: 0, since: 3500 })
  })

  it("go round by round with 100,000 rows of 1,000 tenants", () => {
    const turns = TurnQueue.make<number>(60_000)
    for (let i = 0; i < 100_000; i++) turns.add(i % 1000, turn({ tenant: `t${i % 1000}` }), i)
    for (let round = 0; round < 100; round++) assert.strictEqual(new Set(taken(turns, 1000)).size, 1000)
    assert.strictEqual(turns.size, 0)
  })
})
