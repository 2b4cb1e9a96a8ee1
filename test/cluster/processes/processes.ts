/** Three real processes, one database, one API; one process is killed, another one stopped, until all rows are done. */
import { type ChildProcess, spawn } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { bundle } from "../../support/bundle.js"
import type { Orders } from "./child.js"

export interface Plan {
  /** The address of the database, and of the first process. */
  readonly postgres: string
  readonly port: number
  readonly rows: number
  readonly perSecond: number
  /** After so many answers a process is killed, or stopped for so many milliseconds. */
  readonly faults: ReadonlyArray<{ readonly after: number; readonly process: number; readonly stops?: number }>
}

export interface Outcome {
  readonly done: number
  /** Calls that the API has seen. */
  readonly calls: number
  readonly faults: number
  readonly seconds: number
  /** The most that any second had. */
  readonly mostInSecond: number
  /** The longest time in which nothing was answered, in milliseconds. */
  readonly longestSilence: number
}

const mostInSecond = (instants: ReadonlyArray<number>): number => {
  let first = 0
  return instants.reduce((most, at, last) => {
    while ((instants[first] ?? at) <= at - 1000) first += 1
    return Math.max(most, last - first + 1)
  }, 0)
}

const administer = (postgres: string, statement: string) =>
  Effect.gen(function* () {
    const sql = yield* PgClient.PgClient
    yield* sql.unsafe(statement)
  }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(postgres) })), Effect.runPromise)

const processes = 3

/** Runs the plan in a database of its own. */
export const run = async (plan: Plan): Promise<Outcome> => {
  const file = await bundle(join(import.meta.dirname, "child.ts"), "cluster-child")
  const name = `cluster_${process.pid}_${plan.port}`
  await administer(plan.postgres, `create database ${name}`)
  const database = new URL(plan.postgres)
  database.pathname = name

  const instants: Array<number> = []
  let onCall = (): void => undefined
  const server = createServer((_, response) => {
    instants.push(performance.now())
    response.writeHead(200).end()
    onCall()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // The server listens on a port.
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const done = new Set<number>()
  const children = new Map<number, ChildProcess>()
  let port = plan.port
  let isOver = false
  const over = new Promise<void>((resolve) => {
    const start = (share: number): void => {
      const rows = Array.from({ length: plan.rows }, (_, row) => row).filter(
        (row) => row % processes === share && !done.has(row)
      )
      const orders: Orders = { database: database.href, api, port: port++, rows, perSecond: plan.perSecond }
      const child = spawn(process.execPath, [file, JSON.stringify(orders)], { stdio: ["ignore", "pipe", "inherit"] })
      children.set(share, child)
      let rest = ""
      child.stdout.on("data", (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split("\n")
        rest = lines.pop() ?? ""
        for (const line of lines) done.add(Number(line))
        if (done.size === plan.rows) resolve()
      })
      // One that ends before its rows are done was killed; another one goes on.
      child.once("exit", () => {
        if (!isOver && rows.some((row) => !done.has(row))) start(share)
      })
    }
    for (let share = 0; share < processes; share++) start(share)
  })

  const left = [...plan.faults]
  onCall = () => {
    const [next] = left
    if (next === undefined || instants.length < next.after) return
    left.shift()
    const child = children.get(next.process)
    if (next.stops === undefined) return void child?.kill("SIGKILL")
    child?.kill("SIGSTOP")
    void delay(next.stops).then(() => child?.kill("SIGCONT"))
  }

  await over
  isOver = true
  await Promise.all(
    [...children.values()].map((child) => {
      const ended = new Promise((resolve) => child.once("exit", resolve))
      return child.exitCode === null && child.signalCode === null && child.kill("SIGKILL") ? ended : Promise.resolve()
    })
  )
  server.close()
  await administer(plan.postgres, `drop database ${name} with (force)`)
  const [first = 0] = instants
  return {
    done: done.size,
    calls: instants.length,
    faults: plan.faults.length - left.length,
    seconds: ((instants.at(-1) ?? 0) - first) / 1000,
    mostInSecond: mostInSecond(instants),
    longestSilence: instants.reduce((most, at, i) => Math.max(most, at - (instants[i - 1] ?? at)), 0)
  }
}
