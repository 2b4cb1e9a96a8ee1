// The pool retries capacity errors and nothing else. What to do about a broken connection is the caller's own Schedule,
// inside the attempt: it keeps the permit, and every try of it is one more request.
// #region program
import { Console, Data, Effect, Schedule } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"

class NetworkError extends Data.TaggedError("NetworkError")<{ readonly reason: string }> {}

const script = [
  new NetworkError({ reason: "connection reset" }),
  new Capacity.CapacityError({ status: 429 }),
  new NetworkError({ reason: "connection reset" })
]

const call = Effect.suspend((): Effect.Effect<string, NetworkError | Capacity.CapacityError> => {
  const failure = script.shift()
  return failure === undefined ? Effect.succeed("served") : Effect.fail(failure)
})

const reconnect = Schedule.exponential("10 millis").pipe(
  Schedule.intersect(Schedule.recurs(3)),
  Schedule.whileInput((error: NetworkError | Capacity.CapacityError) => error._tag === "NetworkError")
)

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 4 })
  const answer = yield* pool.execute(Effect.retry(call, reconnect))
  const { attempts, capacityRetries } = yield* pool.stats
  yield* Console.log(`${answer}: ${attempts} attempts of the pool, ${capacityRetries} rejected`)
}).pipe(Effect.scoped)

await Effect.runPromise(program)
// #endregion program
