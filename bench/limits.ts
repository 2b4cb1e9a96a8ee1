/** Limits that are told, and rows that weigh: what they cost a row, and whether they are kept, beside other limiters. */
import Bottleneck from "bottleneck"
import { Effect, RateLimiter } from "effect"
import { PooledExecutor } from "effect-aimd"
import { ServerModel } from "effect-aimd/testing"
import { batch, concurrency, hop, withPool } from "./contenders.js"
import { median, named, race, ratio } from "./measure.js"
import type { Section } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

/** So much in any span of so many milliseconds. */
interface Told {
  readonly limit: number
  readonly per: number
}

interface Limiter {
  readonly name: string
  /** Calls once for each weight, as soon as the limiter allows it. */
  readonly run: (told: Told, weights: ReadonlyArray<number>, call: (weight: number) => void) => Promise<unknown>
}

const told: Limiter = {
  name: "`pool.executeBatch`, `limits` and `cost`",
  run: ({ limit, per }, weights, call) =>
    Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(PooledExecutor.make({ poolSize: 64, limits: [{ tokens: limit, per }] }), (pool) =>
          pool.executeBatch(weights, (weight) => Effect.sync(() => call(weight)), { cost: (tokens) => ({ tokens }) })
        )
      )
    )
}

const rateLimiter = (algorithm: "fixed-window" | "token-bucket"): Limiter => ({
  name: `Effect's \`RateLimiter\`, ${algorithm}`,
  run: ({ limit, per }, weights, call) =>
    Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(RateLimiter.make({ limit, interval: per, algorithm }), (limiter) =>
          Effect.forEach(
            weights,
            (weight) => limiter(Effect.sync(() => call(weight))).pipe(RateLimiter.withCost(weight)),
            { concurrency: 64, discard: true }
          )
        )
      )
    )
})

const reservoir: Limiter = {
  name: "bottleneck, `reservoir` and `weight`",
  run: async ({ limit, per }, weights, call) => {
    const limiter = new Bottleneck({
      reservoir: limit,
      reservoirRefreshAmount: limit,
      reservoirRefreshInterval: per,
      maxConcurrent: null
    })
    await Promise.all(
      weights.map((weight) =>
        limiter.schedule({ weight }, () => {
          call(weight)
          return Promise.resolve()
        })
      )
    )
    await limiter.disconnect()
  }
}

const limiters = [told, rateLimiter("fixed-window"), rateLimiter("token-bucket"), reservoir]

/** A server that looks on: how many calls it would have rejected. */
const watch = (model: ServerModel.ServerModel) => {
  let state = model.initial
  let rejected = 0
  return {
    see: (at: number, tokens: number): void => {
      const [next, verdict] = model.arrive(state, { at, client: "bench", tokens, service: 0, chance: 0 })
      state = next
      if (verdict._tag === "rejected") rejected += 1
    },
    get rejected() {
      return rejected
    }
  }
}

const measured = async ({ name, run }: Limiter, limits: Told, weights: ReadonlyArray<number>) => {
  const { limit, per } = limits
  const servers = [
    ServerModel.slidingWindow({ limit, per, unit: "tokens" }),
    ServerModel.tokenBucket({ rate: (limit / per) * 1000, burst: limit, unit: "tokens" }),
    ServerModel.fixedWindow({ limit, per, unit: "tokens" })
  ].map(watch)
  const from = performance.now()
  let last = from
  let calls = 0
  await run(limits, weights, (weight) => {
    calls += 1
    last = performance.now()
    for (const server of servers) server.see(last, weight)
  })
  if (calls !== weights.length) throw new Error(`${name}: ${calls} calls of ${weights.length}`)
  return [name, number(last - from), ...servers.map(({ rejected }) => number(rejected))]
}

const watched = async (limits: Told, weights: ReadonlyArray<number>): Promise<string> => {
  const rows: Array<ReadonlyArray<string>> = []
  for (const limiter of limiters) rows.push(await measured(limiter, limits, weights))
  return table(["limiter", "ms", "too many in a sliding window", "in a bucket", "in a fixed window"], rows)
}

const overhead = async (sizes: Sizes) => {
  const weighed =
    (options: PooledExecutor.BatchOptions<number>, limits?: string) => async (rows: ReadonlyArray<number>) =>
      Effect.runPromise(
        Effect.scoped(
          Effect.flatMap(PooledExecutor.make({ poolSize: concurrency, limits }), (pool) =>
            batch(pool, rows, hop.effect, options)
          )
        )
      )
  const many = "1000000000 requests per minute, 1000000000000 tokens per minute, 1000 concurrent"
  const timings = await race(
    [
      { name: "no limits", rows: sizes.rows, run: (rows) => withPool((pool) => batch(pool, rows, hop.effect)) },
      { name: "`cost` alone", rows: sizes.rows, run: weighed({ cost: (row) => ({ tokens: row }) }) },
      { name: "`limits` alone", rows: sizes.rows, run: weighed({}, many) },
      { name: "three limits and `cost`", rows: sizes.rows, run: weighed({ cost: (row) => ({ tokens: row }) }, many) }
    ],
    sizes.short
  )
  return { timings, all: ratio(named(timings, "three limits and `cost`"), named(timings, "no limits")) }
}

export const limits = async (sizes: Sizes): Promise<Section> => {
  const { all, timings } = await overhead(sizes)
  const isFull = sizes.rows > 10_000
  const plain = Array.from({ length: isFull ? 2700 : 90 }, () => 1)
  // Rows of 1 to 600, most of them small, the same for everybody.
  const sized = Array.from(
    { length: isFull ? 120 : 20 },
    (_, i) => 1 + Math.round(599 * ((i * 0.618_033_988) % 1) ** 3)
  )
  return {
    title: "Limits that are told",
    text: [
      "A row of one hop, 8 at a time, with limits that are never reached:",
      table(
        ["a pool with", "µs a row", "to none"],
        timings.map((timing) => [
          timing.name,
          number(median(timing.rounds)),
          times(ratio(timing, named(timings, "no limits")))
        ])
      ),
      "2,700 calls at 900 a second, and what servers that count so would have rejected:",
      await watched({ limit: isFull ? 900 : 30, per: isFull ? 1000 : 250 }, plain),
      `${sized.length} rows of 1 to 600 tokens at 3,000 a half second:`,
      await watched({ limit: isFull ? 3000 : 1200, per: 500 }, sized)
    ].join("\n\n"),
    targets: [{ what: "a row with three limits and `cost`, to one without", figure: all, bound: 2, unit: "×" }]
  }
}
