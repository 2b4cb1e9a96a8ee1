/** Events of a client, as a simulation would emit them, for the tests of checkers. */
import { assert } from "@effect/vitest"
import { PoolConfig, type ControlLaw } from "effect-aimd"
import type { Checker, Trace } from "effect-aimd/testing"
import { range, valueOf } from "./support.js"

export const config = valueOf(
  PoolConfig.make({ poolSize: 3, minDispatchDelay: 5, maxRetryAfter: "10 seconds", maxCapacityRetry: "1 second" })
)

export const at = (at: number) => ({ at, client: 0 })
export const joined: Trace.Event = { ...at(0), _tag: "joined", config }
export const started = (time: number, row = 0, attempt = 1): Trace.Event => ({
  ...at(time),
  _tag: "started",
  row,
  attempt
})
export const ended = (time: number, row = 0, outcome: Trace.Outcome = "success", retryAfter?: number): Trace.Event => ({
  ...at(time),
  _tag: "ended",
  row,
  attempt: 1,
  outcome,
  retryAfter
})
export const decided = (
  time: number,
  fields: Partial<ControlLaw.Decision>,
  sample?: ControlLaw.Sample
): Trace.Event => ({
  ...at(time),
  _tag: "decided",
  decision: { window: 3, spacing: 0, holdUntil: 0, delay: 0, epoch: 0, reason: "", ...fields },
  sample
})
export const capacity = (epoch = 0, retryAfter?: number, latency = 1): ControlLaw.Sample => ({
  _tag: "capacity",
  row: 1,
  attempt: 1,
  sequence: 1,
  startedWith: 1,
  bound: "none",
  epoch,
  inFlight: 1,
  latency,
  status: 429,
  retryAfter
})
export const submitted = (row: number, count: number, line = 0, time = 0): Trace.Event => ({
  ...at(time),
  _tag: "submitted",
  row,
  count,
  line
})
export const finished = (row: number, order: number, time = 9): Trace.Event => ({
  ...at(time),
  _tag: "finished",
  row,
  order,
  completedAt: time,
  outcome: "success",
  attempts: 1
})
export const evicted = (row: number, time = 9): Trace.Event => ({
  ...at(time),
  _tag: "finished",
  row,
  order: 0,
  completedAt: time,
  outcome: "evicted",
  attempts: 0
})
export const left = (inFlight = 0, pending = 0): Trace.Event => ({ ...at(10), _tag: "left", inFlight, pending })

export const paused = (time: number): Trace.Event => ({ ...at(time), _tag: "paused" })
export const resumed = (time: number): Trace.Event => ({ ...at(time), _tag: "resumed" })
export const resized = (time: number, poolSize: number): Trace.Event => ({ ...at(time), _tag: "resized", poolSize })
export const withdrawn = (time: number, row: number, how: "cancel" | "evict" = "evict"): Trace.Event => ({
  ...at(time),
  _tag: "withdrawn",
  row,
  how
})

/** What a checker says of each event. */
export const said = ({ start }: Checker.Checker, events: ReadonlyArray<Trace.Event>) => {
  const check = start()
  return events.map(check)
}

/** What a checker finds, and what it lets pass. */
export interface Case {
  readonly checker: Checker.Checker
  readonly fine: ReadonlyArray<ReadonlyArray<Trace.Event>>
  /** Ends with the event that breaks the rule. */
  readonly broken: ReadonlyArray<Trace.Event>
  readonly says: string
}

export const assertFound = ({ broken, checker, fine, says }: Case): void => {
  assert.deepStrictEqual(said(checker, broken), [...range(broken.length - 1).map(() => undefined), says])
  for (const events of fine) {
    assert.deepStrictEqual(
      said(checker, events),
      events.map(() => undefined)
    )
  }
}

/** Two clients that do the same at the same instants are no trouble to any of them. */
export const assertApart = (checkers: ReadonlyArray<Checker.Checker>): void => {
  const other = (event: Trace.Event): Trace.Event => ({ ...event, client: 1 })
  const events = [
    joined,
    other(joined),
    decided(0, {}),
    other(decided(0, {})),
    ...[0, 5, 10].flatMap((time) => [started(time), other(started(time))])
  ]
  for (const checker of checkers) {
    assert.deepStrictEqual(
      said(checker, events),
      events.map(() => undefined)
    )
  }
}
