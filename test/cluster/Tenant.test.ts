import { assert, describe, it } from "@effect/vitest"
import { one, weigh } from "../../src/limit/Cost.js"
import * as Tenant from "../../src/cluster/Tenant.js"
import type * as Clocks from "../../src/structure/Clocks.js"
import { replyOf } from "./replies.js"

const at = (now: number, wall = now): Clocks.Instant => ({ now, wall })

const nothing: Tenant.Demand = { waiting: 0, spare: 0, first: one, each: one }

/** A tenant that the entity knows. */
const known = () => {
  const tenant = Tenant.make("me")
  const first = tenant.compose(nothing, at(0))
  tenant.hear(first.number, replyOf({ isHeard: false }), at(0))
  const second = tenant.compose(nothing, at(0))
  tenant.hear(second.number, replyOf({}), at(0))
  return tenant
}

const leased = (sentAt: number, ids: ReadonlyArray<number>, tenant = known(), cost = one) => {
  const { number } = tenant.compose(nothing, at(sentAt))
  tenant.hear(number, replyOf({ leases: ids.map((lease) => ({ lease, cost })) }), at(sentAt))
  return tenant
}

describe("Tenant", () => {
  it("counts a lease from when its message was sent, and a little less than it was told", () => {
    const tenant = leased(1000, [7])
    assert.isTrue(tenant.has(one, at(2979)))
    assert.isFalse(tenant.has(one, at(2980)))
    assert.deepStrictEqual(tenant.compose(nothing, at(2980)).reports, [{ _tag: "returned", lease: 7 }])
  })

  it("loses its leases while the machine sleeps, which only the wall clock shows", () => {
    assert.isFalse(leased(1000, [7]).has(one, at(1001, 60_000)))
  })

  it("uses the lease that lapses first of those that are large enough", () => {
    const tenant = leased(0, [1])
    leased(10, [2, 3], tenant, weigh({ tokens: 50 }))
    assert.strictEqual(tenant.take(weigh({ tokens: 20 }), at(20))?.id, 2)
    assert.strictEqual(tenant.take(one, at(20))?.id, 1)
    assert.strictEqual(tenant.take(weigh({ tokens: 51 }), at(20)), undefined)
  })

  it("says again what was not answered, and no more what was", () => {
    const tenant = leased(0, [1, 2])
    tenant.take(one, at(1))
    const lost = tenant.compose(nothing, at(2))
    assert.deepStrictEqual(lost.reports, [{ _tag: "started", lease: 1 }])
    tenant.giveUp(lost.number)
    const next = tenant.compose(nothing, at(3))
    assert.deepStrictEqual(next.reports, lost.reports)
    assert.deepStrictEqual(next.open, [next.number])
    assert.deepStrictEqual(next.holds, [2])
    tenant.hear(next.number, replyOf({}), at(4))
    assert.deepStrictEqual(tenant.compose(nothing, at(5)).reports, [])
  })

  it("says no more what the first message said, once that is answered, whatever was sent since", () => {
    const tenant = leased(0, [1, 2])
    tenant.take(one, at(1))
    const first = tenant.compose(nothing, at(2))
    tenant.take(one, at(3))
    const second = tenant.compose(nothing, at(4))
    assert.deepStrictEqual(
      second.reports.map(({ lease }) => lease),
      [1, 2]
    )
    tenant.hear(first.number, replyOf({}), at(5))
    assert.deepStrictEqual(tenant.compose(nothing, at(6)).reports, [{ _tag: "started", lease: 2 }])
  })

  it("hears no reply that it has given up, or that says that nothing was heard", () => {
    const tenant = known()
    const given = tenant.compose(nothing, at(1))
    tenant.giveUp(given.number)
    assert.isFalse(tenant.hear(given.number, replyOf({ leases: [{ lease: 1, cost: one }] }), at(2)))
    const late = tenant.compose(nothing, at(3))
    assert.isFalse(tenant.hear(late.number, replyOf({ isHeard: false }), at(4)))
    assert.strictEqual(tenant.stock, 0)
  })

  it("brings along what runs, and nothing else, to an entity that does not know it", () => {
    const tenant = leased(0, [1, 2, 3])
    tenant.take(one, at(1))
    tenant.take(one, at(1))
    const asked = tenant.compose(nothing, at(2))
    assert.isTrue(tenant.hear(asked.number, replyOf({ term: "b.1", isHeard: false }), at(3)))
    const message = tenant.compose(nothing, at(4))
    assert.deepStrictEqual([message.term, message.running, message.holds, message.reports], ["b.1", [1, 2], [], []])
    tenant.hear(message.number, replyOf({ term: "b.1" }), at(5))
    assert.deepStrictEqual(tenant.compose(nothing, at(6)).running, [])
  })

  it("does not go back to an entity whose reply is older than what made it go to another", () => {
    const tenant = known()
    const [first, second] = [tenant.compose(nothing, at(1)), tenant.compose(nothing, at(1))]
    tenant.hear(second.number, replyOf({ term: "b.1", isHeard: false }), at(2))
    assert.isFalse(tenant.hear(first.number, replyOf({ term: "a.1", leases: [{ lease: 1, cost: one }] }), at(3)))
    assert.isFalse(tenant.hear(tenant.compose(nothing, at(4)).number, replyOf({ term: "" }), at(5)))
    assert.strictEqual(tenant.compose(nothing, at(6)).term, "b.1")
  })

  it("does not go back to an entity that was told less than it has done since", () => {
    const tenant = leased(0, [1, 2])
    const [toOther, toSame] = [tenant.compose(nothing, at(1)), tenant.compose(nothing, at(1))]
    tenant.take(one, at(1))
    // What was started is told to neither of them.
    assert.isTrue(tenant.hear(toOther.number, replyOf({ term: "b.1", isHeard: false }), at(2)))
    assert.isFalse(tenant.hear(toSame.number, replyOf({ leases: [{ lease: 3, cost: one }] }), at(2)))
    assert.deepInclude(tenant.compose(nothing, at(3)), { term: "b.1", running: [1], holds: [], reports: [] })
  })

  it("is sure of what runs as long as the entity is that has heard of it, by the clock that shows more", () => {
    const tenant = known()
    assert.strictEqual(tenant.keptFor(at(1000)), 2960)
    assert.strictEqual(tenant.keptFor(at(1000, 3000)), 960)
    // One without power, and one that knows it only by name.
    tenant.hear(tenant.compose(nothing, at(1000)).number, replyOf({ keeps: 0 }), at(1000))
    tenant.hear(tenant.compose(nothing, at(1000)).number, replyOf({ term: "b.1", isHeard: false }), at(1000))
    assert.strictEqual(tenant.keptFor(at(1000)), 2960)
    tenant.hear(tenant.compose(nothing, at(1000)).number, replyOf({ term: "b.1" }), at(2000))
    assert.strictEqual(tenant.keptFor(at(2000)), 2960)
  })

  it("leaves with a last word, and takes no lease that was on its way", () => {
    const tenant = known()
    assert.isFalse(tenant.leave())
    const asked = tenant.compose(nothing, at(1))
    assert.isTrue(tenant.leave())
    const last = tenant.compose(nothing, at(2))
    assert.deepStrictEqual(last.open, [last.number])
    assert.isFalse(tenant.hear(asked.number, replyOf({ leases: [{ lease: 1, cost: one }] }), at(3)))
  })
})
