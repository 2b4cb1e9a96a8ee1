import { assert, describe, it } from "@effect/vitest"
import { PooledExecutor, PoolError, type Capacity } from "effect-aimd"
import { Data, Effect, Schedule } from "effect"
import { busy, failures, field, makeApi, ok, outcomes, range, script } from "../support/api.js"
import { inVirtualTime } from "../support/time.js"

class NetworkError extends Data.TaggedError("NetworkError") {}
class ServerError extends Data.TaggedError("ServerError")<{ readonly status: number }> {}
class ContentPolicyError extends Data.TaggedError("ContentPolicyError") {}
class ContextLengthError extends Data.TaggedError("ContextLengthError") {}
class ClientError extends Data.TaggedError("ClientError")<{ readonly status: number }> {
  override get message(): string {
    return `the API answered ${this.status}`
  }
}

type CallError = LlmError | Capacity.CapacityError
type LlmError = NetworkError | ServerError | ContentPolicyError | ContextLengthError | ClientError

const isRetryable = (error: { readonly _tag: string }) => error._tag === "NetworkError" || error._tag === "ServerError"

/** The composition that the pool leaves to its caller: what is no capacity error is retried inside the attempt. */
const retried = (call: Effect.Effect<string, CallError>) =>
  Effect.retry(call, { while: isRetryable, schedule: Schedule.upTo(Schedule.spaced(100), "1 second") })

const failing =
  (first: number, error: LlmError) =>
  (_: number, call: number): Effect.Effect<string, CallError> =>
    call <= first ? Effect.fail(error) : ok()

/** Runs one row in a pool of one and tells what became of it. */
const runOne = (answers: (row: number, call: number) => Effect.Effect<string, CallError>) =>
  Effect.gen(function* () {
    const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
    const api = makeApi(answers)
    const result = yield* pool.executeBatch([0], (row) => retried(api.call(row)))
    return { api, result, calls: api.starts.length, outcome: outcomes(result)[0] }
  })

describe("Errors retried by the caller's own Schedule", () => {
  it.effect("retry a network error inside the attempt until it succeeds", () =>
    inVirtualTime(function* () {
      const { calls, outcome, result } = yield* runOne(failing(2, new NetworkError()))
      assert.deepStrictEqual([outcome, calls], ["ok", 3])
      assert.deepStrictEqual(field(result, "attempts"), [1])
      assert.deepStrictEqual(field(result, "completedAt"), [200])
    })
  )

  it.effect("retry a server error", () =>
    inVirtualTime(function* () {
      const { calls, outcome } = yield* runOne(failing(1, new ServerError({ status: 500 })))
      assert.deepStrictEqual([outcome, calls], ["ok", 2])
    })
  )

  it.effect("leave a rate limit to the pool: three rejections are four attempts", () =>
    inVirtualTime(function* () {
      const { calls, outcome, result } = yield* runOne((_, call) => (call <= 3 ? busy() : ok()))
      assert.deepStrictEqual([outcome, calls], ["ok", 4])
      assert.deepStrictEqual(field(result, "attempts"), [4])
    })
  )

  it.effect("leave capacity handling as it is", () =>
    inVirtualTime(function* () {
      const { calls, outcome, result } = yield* runOne((_, call) => (call === 1 ? busy() : ok()))
      assert.deepStrictEqual([outcome, calls], ["ok", 2])
      assert.strictEqual(result.stats.capacityRetries, 1)
    })
  )

  it.effect("fail at once on a permanent error, which keeps its class and its words", () =>
    inVirtualTime(function* () {
      const policy = yield* runOne(failing(9, new ContentPolicyError()))
      assert.strictEqual(policy.calls, 1)
      assert.instanceOf(failures(policy.result)[0], ContentPolicyError)
      const context = yield* runOne(failing(9, new ContextLengthError()))
      assert.strictEqual(context.calls, 1)
      assert.instanceOf(failures(context.result)[0], ContextLengthError)
      const client = yield* runOne(failing(9, new ClientError({ status: 401 })))
      assert.strictEqual(client.calls, 1)
      assert.strictEqual(failures(client.result)[0]?.message, "the API answered 401")
    })
  )

  it.effect("end with the error itself when the Schedule's time is up, with no status", () =>
    inVirtualTime(function* () {
      const { calls, outcome, result } = yield* runOne(failing(99, new NetworkError()))
      assert.deepStrictEqual([outcome, calls], ["NetworkError", 11])
      assert.deepStrictEqual(field(result, "completedAt"), [1000])
      assert.isFalse(result.entries.some((entry) => "lastStatus" in entry))
    })
  )

  it.effect("tell the status when it was capacity that the row lacked", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", maxCapacityRetry: 100, poolSize: 1 })
      const result = yield* pool.executeBatch([0], () => retried(busy()))
      const [error] = failures(result)
      assert.isTrue(error instanceof PoolError.RetryTimeoutError && error.lastError.status === 429)
      assert.deepStrictEqual(field(result, "lastStatus"), [429])
    })
  )

  it.effect("act row by row", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 3 })
      const api = makeApi((row, call): Effect.Effect<string, CallError> =>
        row === 1
          ? Effect.fail(new ContentPolicyError())
          : row === 0 && call === 1
            ? Effect.fail(new ServerError({ status: 503 }))
            : ok(10)
      )
      const result = yield* pool.executeBatch(range(3), (row) => retried(api.call(row)))
      assert.deepStrictEqual(outcomes(result), ["ok", "ContentPolicyError", "ok"])
      assert.deepStrictEqual(
        range(3).map((row) => api.starts.filter(([, started]) => started === row).length),
        [2, 1, 1]
      )
    })
  )

  it.effect("mix in one row: the pool's retry starts the Schedule anew", () =>
    inVirtualTime(function* () {
      const network = Effect.fail(new NetworkError())
      const answers: ReadonlyArray<Effect.Effect<string, CallError>> = [network, busy(), network]
      const { api, outcome, result } = yield* runOne((_, call) => answers[call - 1] ?? ok())
      assert.strictEqual(outcome, "ok")
      assert.deepStrictEqual(
        api.starts.map(([at]) => at),
        [0, 100, 150, 250]
      )
      assert.deepStrictEqual(field(result, "attempts"), [2])
    })
  )

  it.effect("are in flight for a shutdown, which waits for them", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
      const api = makeApi(failing(2, new NetworkError()))
      const stopped = yield* Effect.fork(Effect.delay(pool.shutdown, 50))
      const result = yield* pool.executeBatch([0], (row) => retried(api.call(row)))
      assert.deepStrictEqual(outcomes(result), ["ok"])
      assert.deepStrictEqual(field(result, "completedAt"), [200])
      yield* stopped.await
    })
  )

  it.effect("end at once when the pool's scope closes", () =>
    inVirtualTime(function* () {
      const api = makeApi(failing(99, new NetworkError()))
      const batch = yield* Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 1 })
          const batch = yield* Effect.forkDaemon(pool.executeBatch([0], (row) => retried(api.call(row))))
          yield* Effect.sleep(150)
          return batch
        })
      )
      const result = yield* batch
      assert.deepStrictEqual(outcomes(result), ["PoolShutdownError"])
      assert.deepStrictEqual(field(result, "completedAt"), [150])
      assert.strictEqual(api.starts.length, 2)
    })
  )

  it.effect("are the only second owner of retries: the pool sends each attempt once", () =>
    inVirtualTime(function* () {
      const pool = yield* PooledExecutor.make({ control: "delay", poolSize: 2 })
      const api = makeApi(script([[busy(), ok()], [ok()], [busy(), busy(), ok()]]))
      const result = yield* pool.executeBatch(range(3), api.call)
      // Nothing is hidden: what the statistics count is what the API has seen.
      assert.strictEqual(result.stats.attempts, 6)
      assert.strictEqual(api.starts.length, 6)
    })
  )
})
