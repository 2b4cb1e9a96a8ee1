// Installed, compiled and run by `npm run package` in a project that holds nothing but the packed package.
import { Capacity, PooledExecutor } from "effect-aimd"
import { BatchReport } from "effect-aimd/report"
import { Effect, Exit } from "effect"

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 4, minDispatchDelay: "1 millis" })
  const recorder = yield* BatchReport.record(pool)
  const { entries, stats } = yield* pool.executeBatch([1, 2, 3, 4, 5], (row, { attempt }) =>
    row === 3 && attempt === 1
      ? Effect.fail(new Capacity.CapacityError({ status: 429 }))
      : Effect.succeed(row * 10).pipe(Effect.delay(10 - row))
  )
  yield* Effect.forEach(entries, recorder.onEntry)
  const page = BatchReport.html(yield* recorder.recording)
  const values: ReadonlyArray<number> = entries.map(({ exit }) => Exit.getOrElse(exit, () => -1))
  console.log(`values ${values.join(" ")}`)
  console.log(`retries ${stats.capacityRetries}`)
  console.log(`a page ${/<title>[^<]*/.exec(page)?.[0]}`)
}).pipe(Effect.scoped)

await Effect.runPromise(program)
