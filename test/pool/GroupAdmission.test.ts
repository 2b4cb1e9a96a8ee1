/** The machine of a group, by what its members hear of the starts that they gave. */
import { assert, describe, it } from "@effect/vitest"
import { PoolConfig } from "effect-aimd"
import { Effect } from "effect"
import * as Cost from "../../src/limit/Cost.js"
import * as Admission from "../../src/pool/Admission.js"
import * as GroupAdmission from "../../src/pool/GroupAdmission.js"
import type { Ticket } from "../../src/pool/Starts.js"
import { fixed } from "../support/laws.js"
import { inVirtualTime } from "../support/time.js"

const grouped = Effect.fn(function* (options: Parameters<typeof PoolConfig.make>[0] = {}) {
  const member = yield* Admission.make(yield* PoolConfig.make(options), fixed({}), [])
  const joining = [{ name: "a", admission: member, handicap: 0 }]
  const { admission } = yield* GroupAdmission.make(yield* PoolConfig.make({}), joining, 0, [])
  const queue = (start: (ticket: Ticket) => void): void => {
    admission.queue({
      start: (ticket) => {
        start(ticket)
        return false
      },
      elect: (election) => election.accepts(Cost.one),
      broke: () => {},
      giveUp: () => {},
      parked: () => 0,
      resumed: () => {},
      held: () => {},
      shutdown: () => {}
    })
  }
  return { admission, member, queue }
})

describe("The machine of a group", () => {
  it.effect("counts a start for the limits of its member from when its attempt begins", () =>
    inVirtualTime(function* () {
      const { admission, member, queue } = yield* grouped({
        limits: [{ requests: 1, per: "1 second", transit: "50 millis" }]
      })
      const tickets: Array<Ticket> = []
      queue((ticket) => tickets.push(ticket))
      // The process was busy meanwhile.
      yield* Effect.sleep(300)
      admission.began(tickets[0])
      assert.strictEqual(member.limiter?.opensAt(Cost.one, member.timers.now()), 1350.001)
    })
  )

  it.effect("counts no start that is declined", () =>
    inVirtualTime(function* () {
      const { admission, queue } = yield* grouped()
      queue(admission.decline)
      queue(() => {})
      assert.deepStrictEqual([admission.sequence, admission.inFlight], [1, 1])
    })
  )
})
