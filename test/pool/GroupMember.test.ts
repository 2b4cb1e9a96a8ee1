/** What a member of a group is worth, as far as it knows: who goes where rests on it. */
import { assert, describe, it } from "@effect/vitest"
import { PoolConfig, type ControlLaw } from "effect-aimd"
import { Effect } from "effect"
import * as Capacity from "../../src/Capacity.js"
import * as Cost from "../../src/limit/Cost.js"
import * as Admission from "../../src/pool/Admission.js"
import { GroupMember } from "../../src/pool/GroupMember.js"
import type { Ticket } from "../../src/pool/Starts.js"
import { fixed, spy } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

/** A member, and the starts that its pool offers to the group, which takes so many. */
const member = (
  decision: Partial<ControlLaw.Decision>,
  options: PoolConfig.Options = {},
  takes = 0,
  onSample: (sample: ControlLaw.Sample) => void = () => undefined,
  onOffer: (self: GroupMember) => void = () => undefined
) =>
  Effect.gen(function* () {
    const config = yield* PoolConfig.make({ poolSize: 4, ...options })
    const admission = yield* Admission.make(config, spy(fixed(decision), onSample), [])
    const offers: Array<Ticket> = []
    const seen = { gone: 0 }
    const made = new GroupMember("a", admission, 7, {
      offered: (self, ticket) => {
        offers.push(ticket)
        self.started()
        onOffer(self)
        return offers.length < takes
      },
      elect: (_, election) => election.accepts(Cost.one),
      onGone: () => void (seen.gone += 1)
    })
    if (takes > 0) made.call()
    return { admission, made, offers, seen, now: () => admission.timers.now() }
  })

const subject = () => ({ row: 1, attempts: 1, rejectedSince: Infinity, asked: Cost.one })

describe("A member that is called while it is offered a start", () => {
  it.effect("asks again afterwards, and not within the offer", () =>
    inVirtualTime(function* () {
      let within = 0
      const deepest: Array<number> = []
      const { offers } = yield* member({}, {}, 1, undefined, (self) => {
        within += 1
        deepest.push(within)
        if (deepest.length === 1) self.call()
        within -= 1
      })
      assert.deepStrictEqual([offers.length, deepest], [2, [1, 1]])
    })
  )
})

describe("A member that has done nothing yet", () => {
  it.effect("is open, has its whole window, and takes what others take for a row", () =>
    inVirtualTime(function* () {
      const { made } = yield* member({})
      assert.deepStrictEqual(made.view(50, 100), { opensAt: 50, free: 4, every: 25, latency: 100, handicap: 7 })
      assert.deepStrictEqual(
        [made.worksFor, made.isCalled, made.isSilent, made.isLimited],
        [undefined, false, false, false]
      )
    })
  )

  it.effect("starts no faster than the law lets it, by its spacing or by its limit of starts", () =>
    inVirtualTime(function* () {
      const every = (decision: Partial<ControlLaw.Decision>) =>
        Effect.map(member(decision), ({ made }) => made.view(0, 100).every)
      const starts = (limit: number) => ({ starts: { limit, period: 1000, provenUntil: Infinity } })
      assert.deepStrictEqual(
        [
          yield* every({ spacing: 80 }),
          yield* every(starts(10)),
          yield* every(starts(100)),
          yield* every({ window: 2 })
        ],
        [80, 100, 25, 50]
      )
    })
  )

  it.effect("opens when its hold is over, and never while it is paused", () =>
    inVirtualTime(function* () {
      const { admission, made } = yield* member({ holdUntil: 300 })
      assert.deepStrictEqual([made.heldUntil, made.view(0, 100).opensAt, made.view(400, 100).opensAt], [300, 300, 400])
      admission.pauseStarts()
      assert.strictEqual(made.view(400, 100).opensAt, Infinity)
    })
  )
})

describe("A member that was told limits", () => {
  it.effect("has no more places than it was told", () =>
    inVirtualTime(function* () {
      const { made } = yield* member({}, { limits: [{ concurrent: 2 }, { concurrent: 3 }] })
      assert.deepStrictEqual([made.view(0, 100).free, made.view(0, 100).every], [2, 50])
    })
  )

  it.effect("starts as fast as they let it, by what rows take of them", () =>
    inVirtualTime(function* () {
      const { made, now, offers } = yield* member({}, { limits: [{ tokens: 100, per: "1 second" }] }, 1)
      const [ticket] = offers
      if (ticket === undefined) return assert.fail("nobody started")
      assert.strictEqual(made.view(now(), 100).every, 25)
      const asked = Cost.weigh({ tokens: 50 })
      made.observe(ticket, { ...subject(), asked }, "success", undefined)
      // Two rows of 50 tokens a second, and two at once.
      const { every, free } = made.view(now(), 100)
      assert.deepStrictEqual([every, free], [500, 2])
    })
  )
})

describe("A member at work", () => {
  it.effect("has its places back with its answers, evenly spread, and knows how long it takes", () =>
    inVirtualTime(function* () {
      const { made, now, offers } = yield* member({}, {}, 4)
      assert.strictEqual(offers.length, 4)
      assert.deepStrictEqual(made.view(0, 100), { opensAt: 25, free: 1, every: 25, latency: 100, handicap: 7 })
      yield* Effect.sleep(300)
      const [first] = offers
      if (first === undefined) return assert.fail("nobody started")
      made.observe(first, subject(), "success", undefined)
      assert.deepStrictEqual(
        [made.worksFor, made.view(now(), 100).latency, made.view(now(), 100).every],
        [300, 300, 75]
      )
    })
  )

  it.effect("rests after a rejection for as long as its law lets a row wait, and is silent where nothing passes", () =>
    inVirtualTime(function* () {
      const { made, now, offers } = yield* member({ delay: 200 }, {}, 2)
      const [first] = offers
      if (first === undefined) return assert.fail("nobody started")
      yield* Effect.sleep(100)
      assert.isFalse(made.observe(first, subject(), new Capacity.CapacityError({ status: 429 }), undefined))
      assert.deepStrictEqual([made.restsUntil, made.view(now(), 50).opensAt, made.isSilent], [300, 300, true])
      assert.isUndefined(made.worksFor)
    })
  )

  it.effect("tells its law of rows by numbers of its own, and how often it has tried each", () =>
    inVirtualTime(function* () {
      const heard: Array<readonly [row: number, attempt: number]> = []
      const { made, offers } = yield* member({}, {}, 4, ({ attempt, row }) => heard.push([row, attempt]))
      const [one, other] = [subject(), subject()]
      const busy = new Capacity.CapacityError({ status: 429 })
      for (const [i, row] of [one, other, one, other].entries()) {
        const ticket = offers[i]
        if (ticket !== undefined) made.observe(ticket, row, i < 3 ? busy : "success", undefined)
      }
      assert.deepStrictEqual(heard, [
        [1, 1],
        [2, 1],
        [1, 2],
        [2, 2]
      ])
    })
  )

  it.effect("does not stay in line where it is dismissed while it joins: there is nothing for it to start", () =>
    inVirtualTime(function* () {
      const config = yield* PoolConfig.make({ limits: "1 request per second" })
      const admission = yield* Admission.make(config, fixed({}), [])
      const made = new GroupMember("a", admission, 0, {
        offered: () => false,
        elect: (self) => {
          self.dismiss()
          return false
        },
        onGone: () => {}
      })
      made.call()
      assert.deepStrictEqual([made.isCalled, admission.heldBackBy], [false, undefined])
    })
  )

  it.effect("is gone with its pool, and tells so once", () =>
    inVirtualTime(function* () {
      const { admission, made, seen } = yield* member({})
      admission.shutdown(false)
      admission.shutdown(true)
      assert.deepStrictEqual([made.isGone, seen.gone], [true, 1])
    })
  )
})
