/** Two keys of one API as one pool: rows go to whichever has room. */
// #region program
import { Console, Duration, Effect } from "effect"
import { Capacity, PoolGroup, PooledExecutor } from "effect-aimd"

// Stands for an API with a limit for each key: the small key is used up after two calls.
const left = { large: 100, small: 2 }
const embed = (text: string, key: "large" | "small") =>
  Effect.suspend(() =>
    (left[key] -= 1) >= 0
      ? Effect.delay(Effect.succeed(text.length), "100 millis")
      : Effect.fail(new Capacity.CapacityError({ status: 429, retryAfter: Duration.minutes(1) }))
  )

const program = Effect.gen(function* () {
  const large = yield* PooledExecutor.make({ name: "large key", poolSize: 4 })
  const small = yield* PooledExecutor.make({ name: "small key", poolSize: 4 })
  const group = yield* PoolGroup.make({ members: { large, small: { pool: small, price: 1 } } })

  const { entries } = yield* group.executeBatch(["a", "bb", "ccc", "dddd", "eeeee"], (text, { member }) =>
    embed(text, member)
  )
  yield* Console.log(
    entries.map(({ attempts, member, stateId }) => `${stateId}: ${member}, ${attempts} attempts`).join("\n")
  )

  // One call. Calls with the same key go to the same member, if it serves them soon enough: for caches and sessions.
  yield* group.execute((member) => embed("hello", member), { key: "session 7" })
}).pipe(Effect.scoped)

await Effect.runPromise(program)
// #endregion program
