// The parts of a simulation, one by one: a program in virtual time, a server and a checker of one's own, HTTP, and what is
// refused.
import { HttpClient } from "@effect/platform"
import { Cause, Effect, Exit, Schedule } from "effect"
import { type Checker, Simulation, VirtualTime, Workload, type ServerModel } from "effect-aimd/testing"
import { SimulatedHttp } from "effect-aimd/testing/http"

// #region virtual
let polls = 0
const ready = Effect.suspend(() => (++polls < 1000 ? Effect.fail("not yet") : Effect.succeed("ready")))
const job = Effect.retry(ready, Schedule.spaced("1 hour"))

const run = VirtualTime.run(job, { seed: 7 })
console.log(run.exit, run.elapsed, `${run.events} events`) // ready after 41 days, at once
// #endregion virtual

// #region model
/** A server that gets tired: in each minute it takes 1,000 requests, and each takes 2 ms longer than the one before. */
const tiring: ServerModel.ServerModel<{ readonly minute: number; readonly served: number }> = {
  name: "tiring",
  initial: { minute: 0, served: 0 },
  arrive: (state, { at }) => {
    const minute = Math.floor(at / 60_000)
    const served = minute === state.minute ? state.served : 0
    return served < 1000
      ? [
          { minute, served: served + 1 },
          { _tag: "accepted", extra: 2 * served }
        ]
      : [
          { minute, served },
          { _tag: "rejected", status: 429, opensIn: (minute + 1) * 60_000 - at }
        ]
  }
}
// #endregion model

// #region checker
const atMost100Attempts: Checker.Checker = {
  name: "at most 100 attempts a row",
  start: () => (event) =>
    event._tag === "started" && event.attempt > 100 ? `row ${event.row} begins attempt ${event.attempt}` : undefined
}

const { makespan } = Simulation.report(
  {
    api: { model: tiring, hints: "seconds" },
    clients: [{ pool: { poolSize: 16 }, workload: Workload.atOnce(1500) }]
  },
  { checkers: [...Simulation.invariants, atMost100Attempts] }
)
console.log(`1,500 rows in ${Math.round(makespan / 1000)} s`)
// #endregion checker

// #region http
const page = Effect.gen(function* () {
  const response = yield* HttpClient.get("http://api.example/pages/1")
  return yield* response.json
}).pipe(Effect.provide(SimulatedHttp.layer({ model: tiring }, { body: () => ({ title: "hello" }) })))

console.log(VirtualTime.run(page).exit)
// #endregion http

// #region refused
const forgotten = Effect.promise(() => new Promise<string>(() => undefined)).pipe(Effect.withSpan("fetch"))
const { exit } = VirtualTime.run(Effect.zipRight(Effect.sleep("2 seconds"), forgotten))
if (Exit.isFailure(exit)) console.log(String(Cause.squash(exit.cause)))
// #endregion refused
