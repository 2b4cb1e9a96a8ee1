// Customers before the nightly job, each customer in turn, what is due first, and nothing that would come too late.
// #region program
import { Console, Effect, Fiber } from "effect"
import { PooledExecutor } from "effect-aimd"

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 1 })
  const order: Array<string> = []
  const answer = (question: string) => Effect.sync(() => void order.push(question))
  const batch = (rows: ReadonlyArray<string>, turn: PooledExecutor.TurnOptions) =>
    Effect.fork(pool.executeBatch(rows, answer, { turn }))

  // This call keeps the only permit until all others wait.
  const allThere = yield* Effect.makeLatch()
  const first = yield* Effect.fork(pool.execute(allThere.await))
  yield* Effect.yieldNow()

  const batches = [
    yield* batch(["night", "night"], { priority: -1 }),
    yield* batch(["A", "A", "A", "A"], { tenant: "A" }),
    yield* batch(["B", "B"], { tenant: "B" }),
    // A function gives each row its turn.
    yield* Effect.fork(
      pool.executeBatch([50, 10, 30], (minutes) => answer(`C in ${minutes}`), {
        turn: (minutes) => ({ tenant: "C", deadline: `${minutes} minutes` })
      })
    )
  ]
  const urgent = yield* Effect.fork(pool.execute(answer("urgent"), { priority: 1 }))
  yield* Effect.yieldNow()
  yield* allThere.open
  yield* Fiber.joinAll([first, urgent])
  yield* Effect.forEach(batches, (one) => Fiber.join(one))
  yield* Console.log(order.join(", "))

  const wanted = { deadline: new Date("2020-01-01"), late: "refuse" } as const
  const late = yield* Effect.flip(pool.execute(answer("too late"), wanted))
  yield* Console.log(late._tag)
}).pipe(Effect.scoped)

await Effect.runPromise(program)
// #endregion program
