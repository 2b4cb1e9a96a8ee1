import { createServer } from "node:http"
import { setTimeout as work } from "node:timers/promises"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import express, { type RequestHandler } from "express"
import { rateLimit } from "express-rate-limit"
import { BurstyRateLimiter, RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible"
import { type PoolConfig, PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { listen, withClient } from "../http/servers.js"

const requests = 400
const poolSize = 16

/** A limiter that others wrote, and how many it may reject of all requests until they are served. */
interface Limiter {
  readonly name: string
  readonly middleware: () => RequestHandler
  readonly rejections: number
  readonly options?: PoolConfig.Options
}

/**
 * Where a hint holds the pool, a full window costs what was in flight. A hint may end a moment before its window does, and
 * cost as much again.
 */
const withHints = 10 * poolSize

/** Without hints the delay law has only its delay: in a blocked window each row may be turned away at each of its tries. */
const withoutHints = 5 * requests

/** Small and long until it was met once, so that it is met for sure: a machine that makes five requests a second meets it. */
const fixedWindow = () => {
  const windowMs = 4_000
  let largeFrom = Infinity
  return {
    windowMs,
    limit: () => (Date.now() < largeFrom ? 20 : 1_000),
    validate: false,
    handler: ((_request, response) => {
      largeFrom = Math.min(largeFrom, Date.now() + windowMs)
      response.status(429).send("Too Many Requests")
    }) satisfies RequestHandler
  } as const
}

/** The first ten rows cost all that a window has, together. */
const cost = (id: unknown): number => (Number(id) < 10 ? 50 : 1)

const refuse =
  (
    limiter: { consume(key: string, points: number): Promise<unknown> },
    headers: (left: RateLimiterRes) => Record<string, string>
  ): RequestHandler =>
  (request, response, next) => {
    limiter.consume("everybody", cost(request.params["id"])).then(
      () => next(),
      // What it rejects with says how long to wait.
      (left: RateLimiterRes) => void response.status(429).set(headers(left)).send("Too Many Requests")
    )
  }

/** As many as there are points may be under way; a request gives its point back when it is done. */
const concurrencyLimit = (points: number): RequestHandler => {
  const limiter = new RateLimiterMemory({ points, duration: 0 })
  const giveBack = () => void limiter.reward("everybody")
  return (_, response, next) => {
    limiter.consume("everybody").then(
      () => {
        response.on("close", giveBack)
        void work(2).then(next)
      },
      () => {
        giveBack()
        response.status(503).send()
      }
    )
  }
}

const limiters: ReadonlyArray<Limiter> = [
  {
    name: "express-rate-limit with the IETF draft's headers",
    middleware: () => rateLimit({ ...fixedWindow(), standardHeaders: "draft-8", legacyHeaders: false }),
    rejections: withHints
  },
  {
    name: "express-rate-limit with legacy headers",
    middleware: () => rateLimit({ ...fixedWindow(), standardHeaders: false, legacyHeaders: true }),
    rejections: withHints
  },
  {
    name: "express-rate-limit with no headers",
    middleware: () => rateLimit({ ...fixedWindow(), standardHeaders: false, legacyHeaders: false }),
    rejections: withoutHints
  },
  {
    name: "rate-limiter-flexible, a window with its end in milliseconds",
    middleware: () =>
      refuse(new RateLimiterMemory({ points: 300, duration: 4 }), ({ msBeforeNext }) => ({
        "retry-after-ms": String(msBeforeNext)
      })),
    rejections: withHints
  },
  {
    name: "rate-limiter-flexible, a bucket with bursts",
    middleware: () =>
      refuse(
        new BurstyRateLimiter(
          new RateLimiterMemory({ points: 80, duration: 1 }),
          new RateLimiterMemory({ points: 200, duration: 4, keyPrefix: "burst" })
        ),
        ({ msBeforeNext }) => ({
          "x-ratelimit-remaining": "0",
          "x-ratelimit-reset": new Date(Date.now() + msBeforeNext).toISOString()
        })
      ),
    // It fills up anew every second.
    rejections: 60 * poolSize
  },
  {
    name: "rate-limiter-flexible, a cap on what is under way, without a hint",
    middleware: () => concurrencyLimit(8),
    rejections: withoutHints
  }
]

const start = ({ middleware }: Limiter) =>
  Effect.gen(function* () {
    const seen = { served: 0, rejected: 0 }
    const app = express()
    app.disable("x-powered-by")
    app.use((_, response, next) => {
      response.on("finish", () => void (seen[response.statusCode === 200 ? "served" : "rejected"] += 1))
      next()
    })
    app.post("/echo/:id", middleware(), express.json(), (request, response) => void response.json(request.body))
    return { seen, server: yield* listen(createServer(app)) }
  })

const rows = Array.from({ length: requests }, (_, id) => id)

const echo =
  <E>(client: HttpClient.HttpClient.With<E>, url: string) =>
  (id: number) =>
    HttpClientRequest.post(`${url}/echo/${id}`).pipe(
      HttpClientRequest.bodyUnsafeJson({ id }),
      client.execute,
      Effect.flatMap((response) => response.json)
    )

describe("400 requests against", () => {
  for (const limiter of limiters) {
    it.live(limiter.name, () =>
      Effect.gen(function* () {
        const { seen, server } = yield* start(limiter)
        const program = Effect.gen(function* () {
          const client = yield* HttpClient.HttpClient
          const pool = yield* PooledExecutor.make({ poolSize, maxDispatchDelay: "200 millis", ...limiter.options })
          const half = requests / 2
          // Half of them through a pooled client, half of them as the rows of a batch.
          const [answers, { entries }] = yield* Effect.all(
            [
              Effect.forEach(rows.slice(0, half), echo(PooledHttpClient.make(pool)(client), server.url), {
                concurrency: "unbounded"
              }),
              pool.executeBatch(rows.slice(half), echo(PooledHttpClient.attempts()(client), server.url))
            ],
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(
            [...answers, ...entries.map(({ exit }) => Exit.getOrElse(exit, String))],
            rows.map((id) => ({ id }))
          )
          const { attempts, capacityRetries, failures, maxConcurrentReached } = yield* pool.stats
          assert.deepStrictEqual([failures, attempts], [0, requests + capacityRetries])
          assert.isAtMost(maxConcurrentReached, poolSize)
          // Whether the limit is met at all is up to the machine's speed; that each rejection is counted is not.
          assert.isAtMost(capacityRetries, limiter.rejections)
          // Connections are used again: undici may open one before it has put back another.
          assert.isAtMost(server.sockets.size, 2 * poolSize)

          yield* pool.shutdown
          const after = yield* Effect.flip(echo(PooledHttpClient.make(pool)(client), server.url)(0))
          assert.propertyVal(after, "_tag", "PoolShutdownError")
          return capacityRetries
        })
        const rejected = yield* withClient(server, Effect.scoped(program))
        assert.deepStrictEqual(seen, { served: requests, rejected })
      }).pipe(Effect.scoped)
    )
  }
})
