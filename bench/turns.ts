/** Turns: what they cost a row, and who goes first, beside other queues with priorities. */
import Bottleneck from "bottleneck"
import { Effect, RateLimiter } from "effect"
import { PooledExecutor } from "effect-aimd"
import { Report } from "effect-aimd/testing"
import PQueue from "p-queue"
import { batch, concurrency, hop, type Run } from "./contenders.js"
import { median, named, race, ratio } from "./measure.js"
import type { Section } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

const many = "1000000000 requests per minute, 1000000000000 tokens per minute, 1000 concurrent"

const pooled =
  (options: PooledExecutor.BatchOptions<number>, limits?: string): Run =>
  (rows) =>
    Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(PooledExecutor.make({ poolSize: concurrency, limits }), (pool) =>
          batch(pool, rows, hop.effect, options)
        )
      )
    )

/** Ten tenants, and three priorities. */
const inTurn = (row: number): PooledExecutor.TurnOptions => ({ tenant: `${row % 10}`, priority: (row % 3) - 1 })

const all: PooledExecutor.BatchOptions<number> = {
  cost: (row) => ({ tokens: row }),
  // Written out: to copy an object costs as much as a turn.
  turn: (row) => ({ tenant: `${row % 10}`, priority: (row % 3) - 1, deadline: 3_600_000 + row, late: "refuse" })
}

const queued: Run = async (rows) => {
  const queue = new PQueue({ concurrency })
  const results = await Promise.all(rows.map((row) => queue.add(() => hop.promise(row), { priority: row % 3 })))
  return () => results
}

const bottlenecked: Run = async (rows) => {
  const limiter = new Bottleneck({ maxConcurrent: concurrency })
  const results = await Promise.all(rows.map((row) => limiter.schedule({ priority: row % 3 }, () => hop.promise(row))))
  return () => results
}

const overhead = async (sizes: Sizes) => {
  const timings = await race(
    [
      { name: "no turns", rows: sizes.rows, run: pooled({}) },
      { name: "`turn` of the batch", rows: sizes.rows, run: pooled({ turn: { tenant: "a", priority: 1 } }) },
      { name: "`turn` of each row", rows: sizes.rows, run: pooled({ turn: inTurn }) },
      { name: "turns, deadlines, three limits and `cost`", rows: sizes.rows, run: pooled(all, many) },
      { name: "p-queue, `priority`", rows: sizes.rows, run: queued },
      // It sleeps before each start: that is 2.4 ms a row, whatever the work.
      { name: "bottleneck, `priority`", rows: Math.ceil(sizes.rows / 250), run: bottlenecked }
    ],
    sizes.short
  )
  return {
    timings,
    all: ratio(named(timings, "turns, deadlines, three limits and `cost`"), named(timings, "no turns"))
  }
}

/** A caller each, all of whom wait before the first goes on. */
const crowd =
  (tenants: number): Run =>
  async (waiting) => {
    const results = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* PooledExecutor.make({ poolSize: concurrency })
          yield* pool.pause
          const calls = Effect.forEach(
            waiting,
            (row) =>
              Effect.orDie(pool.execute(hop.effect(row), tenants === 0 ? undefined : { tenant: `${row % tenants}` })),
            { concurrency: "unbounded" }
          )
          const fiber = yield* Effect.fork(calls)
          while ((yield* pool.pendingCount) < waiting.length) yield* Effect.yieldNow()
          yield* pool.resume
          return yield* fiber
        })
      )
    )
    return () => results
  }

/** So many rows wait of each tenant, and then an urgent one comes. */
const sizesOf = [1000, 25, 250, 30]

/** Hands in all rows at once, by the tenant of each, and says in which order they start; the urgent one is -1. */
type Queue = (tenants: ReadonlyArray<number>, start: (tenant: number) => Promise<void>) => Promise<unknown>

const queues: Record<string, Queue> = {
  "`pool.execute`, `tenant` and `priority`": (tenants, start) =>
    Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(PooledExecutor.make({ poolSize: 1 }), (pool) =>
          Effect.forEach(
            [...tenants, -1],
            (tenant) =>
              pool.execute(
                Effect.promise(() => start(tenant)),
                tenant < 0 ? { priority: 1 } : { tenant: `${tenant}` }
              ),
            { concurrency: "unbounded", discard: true }
          )
        )
      )
    ),
  "p-queue, `priority`": (tenants, start) => {
    const queue = new PQueue({ concurrency: 1 })
    return Promise.all(
      [...tenants, -1].map((tenant) => queue.add(() => start(tenant), { priority: tenant < 0 ? 1 : 0 }))
    )
  },
  "bottleneck, `priority`": (tenants, start) => {
    const limiter = new Bottleneck({ maxConcurrent: 1 })
    return Promise.all(
      [...tenants, -1].map((tenant) => limiter.schedule({ priority: tenant < 0 ? 0 : 5 }, () => start(tenant)))
    )
  },
  "Effect's `RateLimiter`": (tenants, start) =>
    Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(RateLimiter.make({ limit: 1, interval: "1 millis" }), (limiter) =>
          Effect.forEach([...tenants, -1], (tenant) => limiter(Effect.promise(() => start(tenant))), {
            concurrency: "unbounded",
            discard: true
          })
        )
      )
    )
}

const order = async ([name, queue]: readonly [string, Queue], share: number): Promise<ReadonlyArray<string>> => {
  const counts = sizesOf.map((size) => Math.max(2, Math.round(size * share)))
  const tenants = counts.flatMap((count, tenant) => Array.from({ length: count }, () => tenant))
  const started: Array<number> = []
  await queue(tenants, (tenant) => {
    started.push(tenant)
    // The first takes its time, in which all others are handed in: bottleneck needs more than a millisecond for each.
    const all = 100 + 3 * tenants.length
    return started.length > 1 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, all))
  })
  if (started.length !== tenants.length + 1)
    throw new Error(`${name}: ${started.length} of ${tenants.length + 1} started`)
  // As long as all of them wait.
  const first = started.filter((tenant) => tenant >= 0).slice(1, 1 + 4 * Math.min(...counts))
  const shares = counts.map((_, tenant) => first.filter((other) => other === tenant).length)
  return [name, number(started.indexOf(-1)), number(Report.jain(shares))]
}

export const turns = async (sizes: Sizes): Promise<Section> => {
  const measured = await overhead(sizes)
  const isFull = sizes.rows > 10_000
  const waiting = await race(
    [0, 1000].flatMap((tenants) =>
      sizes.callers.map((callers) => ({ name: `${tenants}`, rows: callers, run: crowd(tenants) }))
    ),
    { rounds: Math.min(3, sizes.long.rounds), warmUps: 0 }
  )
  const orders: Array<ReadonlyArray<string>> = []
  for (const queue of Object.entries(queues)) orders.push(await order(queue, isFull ? 1 : 0.08))
  return {
    title: "Turns",
    text: [
      "A row of one hop, 8 at a time:",
      table(
        ["a pool with", "µs a row", "to none"],
        measured.timings.map((timing) => [
          timing.name,
          number(median(timing.rounds)),
          times(ratio(timing, named(measured.timings, "no turns")))
        ])
      ),
      "Callers of `execute` who all wait before the first goes on; 0 tenants where none says anything:",
      table(
        ["tenants", "callers", "µs a caller"],
        waiting.map(({ name, rounds, rows: callers }) => [name, number(callers), number(median(rounds))])
      ),
      `${sizesOf.map((size) => number(size)).join(", ")} rows of four tenants wait, and then an urgent one comes:`,
      table(["one at a time through", "starts before the urgent one", "Jain's index between tenants"], orders)
    ].join("\n\n"),
    targets: [
      {
        what: "a row with turns, deadlines, three limits and `cost`, to one without",
        figure: measured.all,
        bound: 2,
        unit: "×"
      }
    ]
  }
}
