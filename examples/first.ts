// The first program of the README: two hundred rows through an HTTP API that takes ten at a time.
// #region program
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Console, Effect, Exit, Option } from "effect"
import { Capacity, PooledExecutor, RetryAfter } from "effect-aimd"

// Stands for your API: it works on ten requests at a time, and answers 429 to the others.
let busy = 0
const server = createServer((_, response) => {
  if (busy >= 10) return void response.writeHead(429, { "retry-after-ms": "50" }).end()
  busy += 1
  setTimeout(() => response.end("[0.1, 0.2]", () => (busy -= 1)), 100)
}).listen()
const url = `http://localhost:${(server.address() as AddressInfo).port}`

const embed = Effect.fn(function* (text: string) {
  const response = yield* Effect.tryPromise((signal) => fetch(url, { method: "POST", body: text, signal }))
  const { status } = response
  if (Capacity.isCapacityStatus(status)) {
    // 429, 503, 529: "not now". The pool retries this error, and no other.
    const wait = RetryAfter.fromHeaders(Object.fromEntries(response.headers), Date.now())
    return yield* new Capacity.CapacityError({ status, retryAfter: Option.getOrUndefined(wait) })
  }
  if (!response.ok) return yield* Effect.fail(`status ${status}`)
  return yield* Effect.tryPromise(() => response.json())
})

const texts = Array.from({ length: 200 }, (_, i) => `text ${i}`)

const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 16 })
  const { entries, stats } = yield* pool.executeBatch(texts, (text) => embed(text))
  for (const { attempts, exit, stateId } of entries) {
    if (Exit.isFailure(exit)) yield* Console.error(`row ${stateId} failed after ${attempts} attempts`, exit.cause)
  }
  yield* Console.log(`${stats.successes} of ${stats.rows} rows, ${stats.capacityRetries} rejected on the way`)
}).pipe(Effect.scoped)

await Effect.runPromise(program)
server.close()
// #endregion program
