/** One world and one way through it, in virtual time. */
import { Clock, Duration, Effect, Exit } from "effect"
import { PoolGroup, PooledExecutor, type Capacity } from "effect-aimd"
import { Ideal, Report, SimulatedApi, VirtualTime } from "effect-aimd/testing"
import * as LiteLlm from "./litellm.js"
import type { Server, World } from "./worlds.js"

/** A group of pools, or a router with a strategy. */
export type Way = "group" | LiteLlm.Strategy

export const ways: ReadonlyArray<Way> = ["group", ...LiteLlm.strategies]

export interface Figures {
  /** What the servers could do at best, all together, by what was done in the same time; 1 is the best. */
  readonly share: number
  /** Rejections a row. */
  readonly rejected: number
  /** From when a row was there to its answer, in milliseconds. */
  readonly median: number
  readonly slow: number
}

const arrivals = ({ rate, rows }: World): ReadonlyArray<number> =>
  Array.from({ length: rows }, (_, row) => (rate === undefined ? 0 : (row * 1000) / rate))

type Call = (server: string, row: number) => Effect.Effect<void, Capacity.CapacityError>

const apisOf = (world: World, seed: number) =>
  Effect.map(
    Effect.forEach(world.servers, ({ hints, latency, model, name }, i) =>
      Effect.map(SimulatedApi.make({ model, latency, hints, seed: seed + i }), (api) => [name, api] as const)
    ),
    (apis) => new Map(apis)
  )

const throughGroup = (world: World, call: Call) =>
  Effect.scoped(
    Effect.gen(function* () {
      const pools = yield* Effect.forEach(world.servers, ({ name, poolSize }) =>
        Effect.map(
          PooledExecutor.make({ name, poolSize, maxCapacityRetry: "10 hours" }),
          (pool) => [name, pool] as const
        )
      )
      const group = yield* PoolGroup.make({ members: Object.fromEntries(pools) })
      yield* eachRow(world, (row) => Effect.orDie(group.execute((member) => call(member, row))), Infinity)
    })
  )

const throughRouter = (strategy: LiteLlm.Strategy, world: World, call: Call, atOnce: number) => {
  const router = LiteLlm.make(strategy, world.servers)
  return eachRow(world, (row) => router.run((deployment) => call(deployment, row)), atOnce)
}

/** Runs each row when it is there. */
const eachRow = (world: World, run: (row: number) => Effect.Effect<void>, atOnce: number): Effect.Effect<void> =>
  Effect.forEach(arrivals(world), (at, row) => Effect.delay(run(row), at), {
    concurrency: world.rate === undefined ? Math.min(atOnce, world.rows) : "unbounded",
    discard: true
  })

/**
 * A router leaves it to its caller how many calls are made at once: it gets the better of a number that is as large as the
 * group's pools, and of one that a careful user might choose.
 */
export const run = (world: World, way: Way, seed: number): Figures => {
  if (way === "group" || world.rate !== undefined) return runWith(world, way, seed, Infinity)
  const all = world.servers.reduce((sum, { poolSize }) => sum + poolSize, 0)
  const [large, small] = [runWith(world, way, seed, all), runWith(world, way, seed, careful)]
  return large.share > small.share ? large : small
}

const careful = 16

const runWith = (world: World, way: Way, seed: number, atOnce: number): Figures => {
  const waits: Array<number> = []
  const due = arrivals(world)
  let rejected = 0
  const program = Effect.gen(function* () {
    const apis = yield* apisOf(world, seed)
    const call: Call = (server, row) =>
      Effect.suspend(() => apis.get(server)?.call({ row }) ?? Effect.dieMessage(`no server ${server}`)).pipe(
        Effect.catchTag("ServerError", Effect.die),
        Effect.tapError(() => Effect.sync(() => (rejected += 1))),
        Effect.zipRight(Clock.currentTimeMillis),
        Effect.map((now) => void waits.push(now - (due[row] ?? 0)))
      )
    yield* way === "group" ? throughGroup(world, call) : throughRouter(way, world, call, atOnce)
  })
  const { elapsed, exit } = VirtualTime.run(program, { seed, maxEvents: 50_000_000 })
  if (Exit.isFailure(exit)) throw new Error(`${world.name}, ${way}: ${String(exit.cause)}`)
  if (waits.length !== world.rows) throw new Error(`${world.name}, ${way}: ${waits.length} rows of ${world.rows}`)
  waits.sort((a, b) => a - b)
  return {
    share: idealTime(world, seed) / Duration.toMillis(elapsed),
    rejected: rejected / world.rows,
    median: Report.quantile(waits, 0.5),
    slow: Report.quantile(waits, 0.95)
  }
}

/** How many of the rows a server alone has done by then. */
const doneBy = (world: World, server: Server, place: number, seed: number, until: number): number => {
  const rows = arrivals(world).map((at, row) => ({
    at,
    tokens: 1,
    service: SimulatedApi.serviceTime(seed + place, server.latency, row, 1)
  }))
  let [most, least] = [rows.length, 0]
  while (least < most) {
    const middle = Math.ceil((least + most) / 2)
    const end = Ideal.finishedAt(server.model, rows.slice(0, middle), server.poolSize)
    if (end <= until) least = middle
    else most = middle - 1
  }
  return least
}

const ideals = new Map<string, number>()

/** When the servers have done all rows at the earliest, each as fast as it can, in milliseconds. */
const idealTime = (world: World, seed: number): number => {
  const key = `${world.name} ${seed}`
  const known = ideals.get(key)
  if (known !== undefined) return known
  let [early, late] = [0, 10_000_000]
  while (late - early > 50) {
    const middle = (early + late) / 2
    const done = world.servers.reduce((sum, server, i) => sum + doneBy(world, server, i, seed, middle), 0)
    if (done >= world.rows) late = middle
    else early = middle
  }
  // Rows that come one by one are done when the last has come, and no sooner.
  const found = world.rate === undefined ? late : Math.max(late, arrivals(world).at(-1) ?? 0)
  ideals.set(key, found)
  return found
}
