// Installed, compiled and run by `npm run package` in a project that holds nothing but the packed package.
import { Capacity, PooledExecutor } from "effect-aimd"
import { Effect, Exit } from "effect"

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 4, minDispatchDelay: "1 millis" })
  const { entries, stats } = yield* pool.executeBatch([1, 2, 3, 4, 5], (row, { attempt }) =>
    row === 3 && attempt === 1
      ? Effect.fail(new Capacity.CapacityError({ status: 429 }))
      : Effect.succeed(row * 10).pipe(Effect.delay(10 - row))
  )
  const values: ReadonlyArray<number> = entries.map(({ exit }) => Exit.getOrElse(exit, () => -1))
  console.log(`values ${values.join(" ")}`)
  console.log(`retries ${stats.capacityRetries}`)
}).pipe(Effect.scoped)

await Effect.runPromise(program)
