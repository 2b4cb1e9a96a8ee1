/** Rows that are read as they are wanted: progress, a pause, a row that is cancelled, and an early end that loses nothing. */
// #region program
import { Console, Duration, Effect, Exit, Fiber, Stream } from "effect"
import { PooledExecutor } from "effect-aimd"

// Stands for lines of a file, pages of an API, rows of a table: not all of them are in memory at once.
const texts = Stream.map(Stream.range(1, 200), (n) => `text ${n}`)

const embed = (text: string) => Effect.delay(Effect.succeed(text.length), "100 millis")

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 8 })
  const handle = yield* PooledExecutor.handle

  const watching = yield* Effect.fork(
    Stream.runForEach(handle.progress, ({ done, eta, inFlight, rows, waitsFor }) =>
      Console.log(
        `${done} of ${rows} read so far, ${inFlight} in flight, waits for ${waitsFor}` +
          (eta === undefined ? "" : `, about ${Duration.format(eta.expected)} for these`)
      )
    )
  )

  const batch = yield* Effect.fork(
    texts.pipe(
      PooledExecutor.mapRows(pool, embed, {
        stateId: (text) => text,
        maxPending: 50,
        handle,
        onUnfinished: (rows) => Console.log(`${rows.length} rows are left`)
      }),
      // Entries come in the order of the rows, each as soon as all entries before it have come.
      Stream.runFold(0, (sum, { exit }) => sum + Exit.getOrElse(exit, () => 0))
    )
  )

  yield* Effect.sleep("500 millis")
  yield* pool.pause
  yield* Console.log(`${yield* handle.cancel("text 40")} row cancelled`)
  yield* pool.resize(16)
  yield* pool.resume

  yield* Console.log(`${yield* Fiber.join(batch)} letters`)
  yield* Fiber.join(watching)
}).pipe(Effect.scoped)

await Effect.runPromise(program)
// #endregion program
