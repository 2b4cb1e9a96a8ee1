// A control law of one's own: AIMD on the pace of the starts. Pure, so it is tested as a table, with no pool at all.
import { Console, Effect } from "effect"
import { Capacity, type ControlLaw, PooledExecutor } from "effect-aimd"

// #region law
const paceLaw: ControlLaw.ControlLaw<ControlLaw.Decision> = {
  name: "pace",
  initial: (poolSize) => {
    const decision = { window: poolSize, spacing: 1, holdUntil: 0, delay: 0, epoch: 0, reason: "start" }
    return { state: decision, decision }
  },
  step: (last, sample, now) => {
    let next = last
    if (sample._tag === "success") {
      next = { ...last, spacing: Math.max(1, last.spacing * 0.98), reason: "served: a little faster" }
    } else if (sample._tag === "capacity" && sample.epoch === last.epoch) {
      const spacing = Math.min(1000, last.spacing * 2)
      next = { ...last, spacing, holdUntil: now + spacing, epoch: last.epoch + 1, reason: "rejected: half the pace" }
    }
    return { state: next, decision: next }
  }
}
// #endregion law

/** An API that serves a request every five milliseconds and turns the others away. */
const call = Effect.gen(function* () {
  const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
  if (now < freeAt) return yield* new Capacity.CapacityError({ status: 429 })
  freeAt = now + 5
})
let freeAt = 0

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 32, control: paceLaw })
  const { stats } = yield* pool.executeBatch(Array.from({ length: 100 }), () => call)
  const { reason } = yield* pool.stats
  yield* Console.log(`${stats.successes} served, ${stats.capacityRetries} rejected; last decision: ${reason}`)
}).pipe(Effect.scoped)

await Effect.runPromise(program)
