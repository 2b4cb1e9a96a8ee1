import { assert, describe, it } from "@effect/vitest"
import { PoolConfig, type ControlLaw } from "effect-aimd"
import { Effect } from "effect"
import * as Cost from "../../src/limit/Cost.js"
import * as Admission from "../../src/pool/Admission.js"
import type { Party } from "../../src/pool/Parties.js"
import type { Ticket } from "../../src/pool/Starts.js"
import { fixed, sequence } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

const make = (control: ControlLaw.ControlLaw, options: PoolConfig.Options = {}) =>
  Effect.flatMap(PoolConfig.make(options), (config) => Admission.make(config, control, []))

/** Somebody who asks for one start, and keeps its ticket. */
const party = () => {
  const seen = { tickets: new Array<Ticket>(), shutdowns: new Array<boolean>() }
  const asks: Party = {
    start: (ticket) => {
      seen.tickets.push(ticket)
      return false
    },
    elect: () => false,
    broke: () => undefined,
    giveUp: () => undefined,
    held: () => undefined,
    parked: () => 0,
    resumed: () => undefined,
    shutdown: (interrupt) => void seen.shutdowns.push(interrupt)
  }
  return { ...seen, asks }
}

/** Who declines whatever it is given. */
const decliner = (admission: Admission.Admission): Party => ({
  start: (ticket) => {
    admission.decline(ticket)
    return false
  },
  elect: () => false,
  broke: () => undefined,
  giveUp: () => undefined,
  held: () => undefined,
  parked: () => 0,
  resumed: () => undefined,
  shutdown: () => undefined
})

const subject = { row: 1, attempts: 1, rejectedSince: 0, asked: Cost.one }

describe("Admission", () => {
  it.effect("tells every party of a shutdown, but not those that have left", () =>
    inVirtualTime(function* () {
      const admission = yield* make(fixed({}))
      const [stays, leaves] = [party(), party()]
      for (const { asks } of [stays, leaves]) admission.enter(asks)
      admission.exit(leaves.asks)
      admission.shutdown(true)
      assert.deepStrictEqual([stays.shutdowns, leaves.shutdowns], [[true], []])
      assert.isTrue(admission.isShutdown)
    })
  )

  it.effect("tells a listener of every change, until it stops", () =>
    inVirtualTime(function* () {
      const admission = yield* make(sequence({}, { reason: "one" }, { reason: "two" }))
      const heard: Array<string> = []
      const { asks, tickets } = party()
      admission.queue(asks)
      const [ticket] = tickets
      if (ticket === undefined) return assert.fail("nobody started")
      const stop = admission.onChange(({ reason }) => heard.push(reason))
      admission.observe(ticket, subject, "neutral", 0, undefined)
      stop()
      admission.observe(ticket, subject, "neutral", 0, undefined)
      assert.deepStrictEqual(heard, ["one"])
      assert.deepStrictEqual(
        admission.changes.map(({ reason }) => reason),
        ["one", "two"]
      )
    })
  )

  it.effect("takes a start that was declined out of the log, and out of the numbering", () =>
    inVirtualTime(function* () {
      const starts = { limit: 1, period: 1000, provenUntil: Infinity }
      const admission = yield* make({ ...fixed({ starts }), remembers: 1 })
      admission.queue(decliner(admission))
      assert.strictEqual(admission.inFlight, 0)
      const { asks, tickets } = party()
      admission.queue(asks)
      assert.deepStrictEqual(
        tickets.map(({ sequence, startedAt }) => [sequence, startedAt]),
        [[1, 0]]
      )
    })
  )

  it.effect("counts a start for the limits that it was told from when its attempt begins", () =>
    inVirtualTime(function* () {
      const limits = [{ requests: 1, per: "1 second", transit: "50 millis" }] as const
      const admission = yield* make(fixed({}), { limits })
      const { asks, tickets } = party()
      admission.queue({ ...asks, elect: (election) => election.accepts(Cost.one) })
      const [ticket] = tickets
      if (ticket === undefined) return assert.fail("nobody started")
      const opensAt = () => admission.limiter?.opensAt(Cost.one, admission.timers.now())
      assert.strictEqual(opensAt(), 1050.001)
      // The process was busy meanwhile.
      yield* Effect.sleep(300)
      admission.began(ticket)
      assert.strictEqual(opensAt(), 1350.001)
    })
  )

  it.effect("tells of a hold as an instant of the wall clock, and as 0 where there is none", () =>
    inVirtualTime(function* () {
      yield* Effect.sleep(100)
      const held = (decision: Partial<ControlLaw.Decision>) =>
        Effect.map(make(fixed(decision)), (admission) => admission.standing().holdUntil)
      assert.deepStrictEqual(
        [yield* held({}), yield* held({ holdUntil: 1 }), yield* held({ holdUntil: 300 })],
        [0, 1, 300]
      )
    })
  )

  it.effect("waits at the gate with one timer, which is gone when the gate has opened", () =>
    inVirtualTime(function* () {
      const admission = yield* make(fixed({ spacing: 100 }), { poolSize: 3 })
      const parties = [party(), party(), party()]
      for (const { asks } of parties) admission.queue(asks)
      assert.strictEqual(admission.timers.size, 1)
      yield* Effect.sleep(101)
      assert.strictEqual(admission.timers.size, 1)
      yield* Effect.sleep(100)
      assert.strictEqual(admission.timers.size, 0)
      assert.deepStrictEqual(
        parties.map(({ tickets }) => tickets.map(({ startedAt }) => startedAt)),
        [[0], [100], [200]]
      )
    })
  )

  it.effect("waits with one timer also where the gate opens at another instant now", () =>
    inVirtualTime(function* () {
      const admission = yield* make(sequence({ spacing: 1000 }, { spacing: 100 }), { poolSize: 3 })
      const [first, second] = [party(), party()]
      admission.queue(first.asks)
      admission.queue(second.asks)
      const [ticket] = first.tickets
      if (ticket === undefined) return assert.fail("nobody started")
      yield* Effect.sleep(10)
      admission.observe(ticket, subject, "success", admission.timers.now(), undefined)
      assert.deepStrictEqual([admission.timers.size, admission.opensAt], [1, 100])
      yield* Effect.sleep(100)
      assert.deepStrictEqual([admission.timers.size, second.tickets.length], [0, 1])
    })
  )
})
