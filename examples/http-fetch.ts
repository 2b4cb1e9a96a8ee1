/** Plain `fetch` in a pool: a 429 turned into a CapacityError by hand, with the wait that the answer asks for. */
import { Clock, Console, Data, Effect, Option } from "effect"
import { Capacity, PooledExecutor, RetryAfter } from "effect-aimd"

/** An API that is busy once. */
let requests = 0
const fetch = (url: string): Promise<Response> => {
  requests += 1
  const busy = requests === 2
  return Promise.resolve(new Response(`hello ${url}`, busy ? { status: 429, headers: { "retry-after": "1" } } : {}))
}

// #region fetch
class ApiError extends Data.TaggedError("ApiError")<{ readonly status: number }> {}

const get = (url: string) =>
  Effect.gen(function* () {
    const response = yield* Effect.promise(() => fetch(url))
    const body = yield* Effect.promise(() => response.text())
    if (response.ok) return body
    if (!Capacity.isCapacityStatus(response.status)) return yield* new ApiError({ status: response.status })
    const now = yield* Clock.currentTimeMillis
    const wait = RetryAfter.fromHeaders(Object.fromEntries(response.headers), now).pipe(
      // Some APIs say it in the body: Google's RetryInfo, "try again in 1m5s".
      Option.orElse(() => RetryAfter.fromBody(body, now))
    )
    return yield* new Capacity.CapacityError({
      status: response.status,
      ...(Option.isSome(wait) && { retryAfter: wait.value })
    })
  })

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 8 })
  const answers = yield* pool.forEach(["a", "b", "c"], get)
  yield* Console.log(answers.join(", "))
}).pipe(Effect.scoped)
// #endregion fetch

await Effect.runPromise(program)
