// The first program of the README: a hundred rows through an API that takes ten at a time.
import { Console, Duration, Effect, Exit } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"

let busy = 0

/** Stands for an HTTP call: it answers 429 when more than ten are in flight. */
const embed = (text: string) =>
  Effect.gen(function* () {
    if (busy >= 10) return yield* new Capacity.CapacityError({ status: 429, retryAfter: Duration.millis(20) })
    busy += 1
    yield* Effect.sleep("10 millis").pipe(Effect.ensuring(Effect.sync(() => busy--)))
    return text.length
  })

const texts = Array.from({ length: 100 }, (_, i) => `text ${i}`)

// #region program
const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 16 })
  const { entries, stats } = yield* pool.executeBatch(texts, (text) => embed(text))
  for (const { attempts, exit, stateId } of entries) {
    if (Exit.isFailure(exit)) yield* Console.error(`row ${stateId} failed after ${attempts} attempts`, exit.cause)
  }
  yield* Console.log(`${stats.successes} of ${stats.rows} rows, ${stats.capacityRetries} rejected`)
}).pipe(Effect.scoped)
// #endregion program

await Effect.runPromise(program)
