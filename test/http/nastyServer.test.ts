import { createServer, type RequestListener, type ServerResponse } from "node:http"
import { setTimeout as work } from "node:timers/promises"
import { FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Logger, LogLevel, Schedule } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { type Listening, listen, withClient } from "./servers.js"

/** Every prank four times. */
const requests = 200
const poolSize = 16

const html = "<!doctype html><title>429</title><h1>Too Many Requests</h1>"

const reject =
  (status: number, headers: Record<string, string>, body = "") =>
  (response: ServerResponse) =>
    void response.writeHead(status, headers).end(body)

const serve = (response: ServerResponse, id: string): void => {
  const body = JSON.stringify({ id })
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body)
}

/** What the server does to every fifth request instead of serving it, one after the other. */
const pranks: ReadonlyArray<(response: ServerResponse, id: string) => void> = [
  // Drops the connection before it has answered.
  (response) => void response.socket?.destroy(),
  // Breaks off half-way through a body.
  (response, id) => {
    const body = JSON.stringify({ id })
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length + 100 })
    response.write(body, () => void response.socket?.resetAndDestroy())
  },
  // Says 429 with a page, to a client that asked for JSON.
  reject(429, { "content-type": "text/html" }, html),
  reject(429, { "content-type": "application/json" }, '{"error":'),
  // Lies: the wait is negative, long over, a sentence, or half an hour.
  reject(429, { "retry-after": "-7" }),
  reject(503, { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }),
  reject(529, { "retry-after": "when it suits us", "x-ratelimit-reset": "NaN" }, "overloaded"),
  reject(429, { "retry-after": "1800", ratelimit: '"x";r=0;t=99999999999' }),
  // Breaks off half-way through a rejection.
  (response) => {
    response.writeHead(429, { "content-type": "application/json", "content-length": "100" })
    response.write("{", () => void response.socket?.destroy())
  },
  // Answers slowly.
  (response, id) => void work(20).then(() => serve(response, id))
]

const makeServer = () => {
  const seen = { requests: 0 }
  const listener: RequestListener = (request, response) => {
    const nth = (seen.requests += 1)
    const id = request.url?.slice(1) ?? ""
    const prank = nth % 5 === 0 ? pranks[(nth / 5) % pranks.length] : undefined
    if (prank === undefined) serve(response, id)
    else prank(response, id)
  }
  return { seen, server: createServer(listener) }
}

const ids = Array.from({ length: requests }, (_, id) => ({ id: String(id) }))

const program = (server: Listening, seen: { readonly requests: number }) =>
  Effect.gen(function* () {
    const pool = yield* PooledExecutor.make({
      poolSize,
      recoveryStep: "1 millis",
      maxDispatchDelay: "5 millis",
      maxRetryAfter: "5 millis"
    })
    const schedule = Schedule.intersect(Schedule.spaced("1 millis"), Schedule.recurs(20))
    const client = PooledHttpClient.make(pool, { resend: { schedule } })(yield* HttpClient.HttpClient)
    const get = ({ id }: { readonly id: string }) =>
      Effect.flatMap(client.get(`${server.url}/${id}`), (response) => response.json)

    const answers = yield* Effect.forEach(ids, get, { concurrency: "unbounded" })
    assert.deepStrictEqual(answers, ids)
    const { attempts, capacityRetries, longestRetryAfter } = yield* pool.stats
    const pranked = Math.floor(attempts / 5)
    // Seven pranks of ten are rejections; a body that breaks off, or a connection, is a lost answer.
    assert.isAtMost(Math.abs(capacityRetries - pranked * 0.7), 7)
    assert.strictEqual(Duration.toMillis(longestRetryAfter), 1_800_000)
    assert.isAtMost(server.sockets.size, 2 * poolSize)

    const before = seen.requests
    yield* pool.shutdown
    assert.propertyVal(yield* Effect.flip(get({ id: "late" })), "_tag", "PoolShutdownError")
    assert.deepStrictEqual([before, seen.requests], [attempts, attempts])
  }).pipe(
    Effect.scoped,
    // It warns of each wait of half an hour, as it should.
    Logger.withMinimumLogLevel(LogLevel.Error)
  )

describe("200 requests against a server that drops, breaks off, dawdles and lies", () => {
  for (const [name, layer] of [
    ["undici", NodeHttpClient.layerUndici],
    ["fetch", FetchHttpClient.layer]
  ] as const) {
    it.live(`all succeed, in order, over ${name}`, () =>
      Effect.gen(function* () {
        const { seen, server } = makeServer()
        const listening = yield* listen(server)
        // The sockets of fetch belong to the process, and are kept for the next request.
        const run = program(listening, seen)
        yield* name === "undici" ? withClient(listening, run, layer) : Effect.provide(run, layer)
      }).pipe(Effect.scoped)
    )
  }
})
