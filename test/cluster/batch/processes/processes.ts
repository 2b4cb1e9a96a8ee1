/** Real runners, one database, one API; runners are killed, end in order, and join, while their parent reads the results. */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { PgClient } from "@effect/sql-pg"
import { Effect, Exit, Redacted, Schedule, Stream } from "effect"
import { bundle } from "../../../support/bundle.js"
import { databaseOf, killAll, killAtExit, listen } from "../../../support/processes.js"
import { type Orders, Squares } from "./squares.js"

/**
 * After so many calls of the API: these runners are killed, this one is stopped for so many milliseconds, this one ends in
 * order, so many join.
 */
export interface Event {
  readonly after: number
  readonly kills?: ReadonlyArray<number>
  readonly stops?: readonly [runner: number, millis: number]
  readonly leaves?: number
  readonly joins?: number
}

export interface Plan {
  readonly postgres: string
  readonly port: number
  readonly rows: number
  readonly perSecond: number
  readonly events: ReadonlyArray<Event>
}

export interface Outcome {
  readonly results: ReadonlyArray<readonly [number, number]>
  readonly calls: number
  /** Events that did not come about. */
  readonly left: number
  readonly seconds: number
}

const sqlOf = (url: string) => PgClient.layer({ url: Redacted.make(url) })

/** The batch, as somebody sees it who is no runner; it may not be there yet. */
const attached = Effect.retry(Squares.attach("all"), Schedule.spaced("200 millis"))

/** Runs the plan in a database of its own, with two runners at the beginning. */
export const run = async (plan: Plan): Promise<Outcome> => {
  const file = await bundle(join(import.meta.dirname, "child.ts"), "cluster-batch-child")
  const database = await databaseOf(plan.postgres, `cluster_batch_${process.pid}_${plan.port}`)
  const sql = sqlOf(database.url.href)

  const children: Array<ChildProcess> = []
  killAtExit(() => children)
  const startOne = (): void => {
    const orders: Orders = {
      database: database.url.href,
      api: api.url,
      port: plan.port + children.length,
      rows: plan.rows,
      perSecond: plan.perSecond
    }
    children.push(spawn(process.execPath, [file, JSON.stringify(orders)], { stdio: ["ignore", "ignore", "inherit"] }))
  }

  const stop = (runner: number, millis: number): void => {
    children[runner]?.kill("SIGSTOP")
    void delay(millis).then(() => children[runner]?.kill("SIGCONT"))
  }

  const left = [...plan.events]
  const api = await listen((calls) => {
    if (children.length < 2) return
    for (let next = left[0]; next !== undefined && calls >= next.after; next = left[0]) {
      left.shift()
      for (const index of next.kills ?? []) children[index]?.kill("SIGKILL")
      if (next.stops !== undefined) stop(...next.stops)
      if (next.leaves !== undefined) children[next.leaves]?.kill("SIGTERM")
      for (let i = 0; i < (next.joins ?? 0); i++) startOne()
    }
  })

  startOne()
  // Two that make the tables of a cluster at once may find each other in the way.
  await Effect.runPromise(Effect.provide(attached, sql))
  startOne()

  const since = performance.now()
  const results = await Effect.flatMap(attached, (batch) => Stream.runCollect(batch.results())).pipe(
    Effect.provide(sql),
    Effect.runPromise
  )
  const seconds = (performance.now() - since) / 1000
  await killAll(children)
  api.close()
  await database.drop()
  return {
    results: Array.from(results, ({ exit, submitIndex }) => [submitIndex, Exit.getOrElse(exit, () => NaN)] as const),
    calls: api.instants.length,
    left: left.length,
    seconds
  }
}
