/** What a pool adds to an HTTP request on loopback, and how it does against a limiter that others wrote. */
import { once } from "node:events"
import { Worker } from "node:worker_threads"
import { HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { type Contender, double, median, named, race, ratio } from "./measure.js"
import { number, type Section, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

const concurrency = 8

/** A thread of its own, as a server has one: doubles a number, behind a limit a window if there is one. */
const server = `
  const { parentPort, workerData: { limit, windowMs } } = require("node:worker_threads")
  const express = require("express")
  const { rateLimit } = require("express-rate-limit")
  const handler = (request, response) => {
    const body = JSON.stringify(Number(request.url.slice(1)) * 2)
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length }).end(body)
  }
  const app = express()
  if (limit > 0) app.use(rateLimit({ windowMs, limit, standardHeaders: "draft-8", legacyHeaders: false, validate: false }))
  app.use(handler)
  const server = require("node:http").createServer(limit > 0 ? app : handler)
  server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port))
`

const serve = async (limit: number, windowMs: number) => {
  const worker = new Worker(server, { eval: true, workerData: { limit, windowMs } })
  const [port] = (await once(worker, "message")) as [number]
  return { url: `http://127.0.0.1:${port}`, stop: () => worker.terminate() }
}

const client = Effect.map(HttpClient.HttpClient, (bare) => HttpClient.withTracerPropagation(bare, false))

const get =
  <E>(url: string, client: HttpClient.HttpClient.With<E>) =>
  (row: number) =>
    Effect.map(
      Effect.flatMap(client.get(`${url}/${row}`), ({ json }) => json),
      Number
    )

const contenders = (url: string, rows: number): ReadonlyArray<Contender> => {
  const run = <E>(program: Effect.Effect<ReadonlyArray<number>, E, HttpClient.HttpClient>) =>
    Effect.runPromise(
      program.pipe(
        Effect.map((results) => () => results),
        Effect.provide(NodeHttpClient.layerUndici)
      )
    )
  const pool = PooledExecutor.make({ poolSize: concurrency })
  return [
    {
      name: "bare client",
      rows,
      run: (rows) => run(Effect.flatMap(client, (bare) => Effect.forEach(rows, get(url, bare), { concurrency })))
    },
    {
      name: "pooled client",
      rows,
      run: (rows) =>
        run(
          Effect.scoped(
            Effect.flatMap(Effect.all([client, pool]), ([bare, pool]) =>
              Effect.forEach(rows, get(url, PooledHttpClient.make(pool)(bare)), { concurrency })
            )
          )
        )
    },
    {
      name: "batch of single attempts",
      rows,
      run: (rows) =>
        run(
          Effect.scoped(
            Effect.flatMap(Effect.all([client, pool]), ([bare, pool]) =>
              pool.forEach(rows, get(url, PooledHttpClient.attempts()(bare)))
            )
          )
        )
    }
  ]
}

/**
 * Sends two windows full of requests; the ideal is that the last of the second is served a window after the last of the
 * first, so that the speed of the machine cancels out.
 */
const limited = async (limit: number, windowMs: number) => {
  const { stop, url } = await serve(limit, windowMs)
  const served: Array<number> = []
  const program = Effect.gen(function* () {
    const pool = yield* PooledExecutor.make({ poolSize: concurrency })
    const pooled = PooledHttpClient.make(pool)(yield* HttpClient.HttpClient)
    const rows = Array.from({ length: 2 * limit }, (_, row) => row)
    const noted = <A, E, R>(answer: Effect.Effect<A, E, R>) =>
      Effect.tap(answer, () => void served.push(performance.now()))
    const results = yield* Effect.forEach(rows, (row) => noted(get(url, pooled)(row)), { concurrency: "unbounded" })
    const wrong = results.findIndex((result, row) => result !== double(row))
    if (wrong >= 0) throw new Error(`row ${wrong} came back wrong`)
    return yield* pool.stats
  })
  const { capacityRetries } = await Effect.runPromise(
    Effect.scoped(program).pipe(Effect.provide(NodeHttpClient.layerUndici))
  )
  const seconds = ((served[2 * limit - 1] ?? NaN) - (served[limit - 1] ?? NaN)) / 1000
  await stop()
  return { seconds, rejected: (100 * capacityRetries) / (2 * limit) }
}

export const http = async (sizes: Sizes): Promise<Section> => {
  const { stop, url } = await serve(0, 0)
  const timings = await race(contenders(url, sizes.requests), sizes.short)
  await stop()
  const [bare, pooled] = [named(timings, "bare client"), named(timings, "pooled client")]
  const { limit, windowMs } = sizes.limiter
  const { rejected, seconds } = await limited(limit, windowMs)
  const ideal = windowMs / 1000
  return {
    title: "HTTP",
    text: [
      `${concurrency} requests at a time on loopback, the server in a thread of its own, no limit met:`,
      table(
        ["client", "requests a round", "µs a request", "to the bare client"],
        timings.map((timing) => [
          timing.name,
          number(timing.rows),
          number(median(timing.rounds)),
          times(ratio(timing, bare))
        ])
      ),
      `express-rate-limit at ${number(limit)} requests each ${number(ideal)} s, ${number(2 * limit)} requests: the last ` +
        `one of the second window was served ${number(seconds)} s after the last one of the first, and ${number(rejected)} % were rejected on the way.`
    ].join("\n\n"),
    targets: [
      { what: "a pooled request to a bare one", figure: ratio(pooled, bare), bound: 1.15, unit: "×" },
      { what: "two windows of express-rate-limit, to the ideal", figure: seconds / ideal, bound: 1.03, unit: "×" },
      { what: "rejected by express-rate-limit", figure: rejected, bound: 2, unit: "%" }
    ]
  }
}
