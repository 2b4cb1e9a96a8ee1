import type { Weight } from "../../src/limit/Cost.js"
import * as Ledger from "../../src/limit/Ledger.js"
import type * as Limit from "../../src/limit/Limit.js"

/** A call: what it asks for and takes, how long it is on its way, and when it ends, by an answer or broken off. */
export interface Call {
  readonly asked: Weight
  readonly actual: Weight
  readonly way: number
  readonly lasts: number
  readonly how: "answered" | "broken"
}

/** A call as the API saw it. */
export interface Arrival {
  readonly at: number
  readonly endedAt: number
  readonly asked: Weight
  readonly actual: Weight
}

interface Event {
  readonly at: number
  readonly act: () => void
}

/** Puts calls through a ledger, one after the other, each as soon as it may; returns what the API saw, by arrival. */
export const run = (limits: ReadonlyArray<Limit.Told>, calls: ReadonlyArray<Call>, from: number, permits: number) => {
  const ledger = Ledger.make(limits)
  const arrivals: Array<Arrival> = []
  const starts: Array<number> = []
  let events: Array<Event> = []
  let now = from
  let inFlight = 0
  let waiting = [...calls]

  const begin = (call: Call, amounts: Ledger.Amounts): void => {
    const reservation = ledger.reserve(amounts, now)
    const { actual, asked, how, lasts, way } = call
    const endedAt = now + lasts
    starts.push(now)
    arrivals.push({ at: now + way, endedAt: how === "broken" ? Infinity : endedAt, asked, actual })
    inFlight += 1
    events.push({
      at: endedAt,
      act: () => {
        inFlight -= 1
        ledger.settle(reservation, how, how === "broken" ? undefined : actual, now)
      }
    })
  }

  const serve = (): number => {
    for (let call = waiting[0]; call !== undefined && inFlight < permits; call = waiting[0]) {
      const amounts = ledger.amounts(call.asked, call.asked)
      const opensAt = ledger.opensAt(amounts, now)
      if (opensAt > now) return opensAt
      waiting = waiting.slice(1)
      begin(call, amounts)
    }
    return Infinity
  }

  for (;;) {
    const opensAt = serve()
    const next = events.reduce((first, { at }) => Math.min(first, at), opensAt)
    if (next === Infinity) break
    now = next
    const due = events.filter(({ at }) => at <= now)
    events = events.filter(({ at }) => at > now)
    for (const { act } of due) act()
  }
  return {
    arrivals: arrivals.sort((a, b) => a.at - b.at),
    starts,
    left: waiting.length,
    standings: ledger.standings(now),
    end: now
  }
}
