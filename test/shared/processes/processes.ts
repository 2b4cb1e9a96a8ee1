/** Real processes, one Redis, one API: processes and Redis are killed and stopped, until all rows are done. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import type { SharedLimit } from "effect-aimd/shared"
import { bundle } from "../../support/bundle.js"
import { killAll, killAtExit, listen } from "../../support/processes.js"
import type { Orders } from "./child.js"

/** After so many calls of the API this happens to a process, or to Redis, for so many milliseconds. */
export interface Fault {
  readonly after: number
  readonly who: number | "redis"
  readonly what: "kill" | "stop"
  readonly millis: number
}

export interface Plan {
  readonly port: number
  readonly processes: number
  readonly rows: number
  readonly options: SharedLimit.Options
  readonly faults: ReadonlyArray<Fault>
  /** Once the API has seen so many calls, and nothing more comes for so long, it is over. Default: when all rows are done. */
  readonly enough?: { readonly calls: number; readonly quietFor: number }
}

export interface Outcome {
  readonly done: number
  /** When the API saw each call, in milliseconds. */
  readonly instants: ReadonlyArray<number>
  /** Faults that did not come about. */
  readonly left: number
  /** What the processes said of the store. */
  readonly said: ReadonlyArray<string>
}

/** A Redis that keeps nothing on disk. */
export const redisOf = (port: number) => {
  const open = (): ChildProcess =>
    spawn("redis-server", ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"], {
      stdio: "ignore"
    })
  let server = open()
  killAtExit(() => [server])

  const isThere = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1")
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false))
      socket.once("connect", () => socket.destroy())
    })

  return {
    /** Listens. */
    ready: async (): Promise<void> => {
      while (!(await isThere())) await delay(20)
    },
    strike: (what: Fault["what"], millis: number): void => {
      server.kill(what === "kill" ? "SIGKILL" : "SIGSTOP")
      void delay(millis).then(() => {
        if (what === "stop") server.kill("SIGCONT")
        else server = open()
      })
    },
    close: () => killAll([server])
  }
}

/** The processes, each started again at once when it was killed. */
const crew = (plan: Plan, file: string, api: string, onDone: () => void) => {
  const done = new Set<number>()
  const said: Array<string> = []
  const children: Array<ChildProcess> = []
  let isOver = false
  killAtExit(() => children)

  const start = (share: number): void => {
    const rows = Array.from({ length: plan.rows }, (_, row) => row).filter(
      (row) => row % plan.processes === share && !done.has(row)
    )
    const orders: Orders = { redis: plan.port, api, rows, options: plan.options }
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, ORDERS: JSON.stringify(orders) },
      stdio: ["ignore", "pipe", "ignore"]
    })
    children[share] = child
    let rest = ""
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) {
        if (/^\d+$/.test(line)) done.add(Number(line))
        else if (line.includes("shared limit")) said.push(line.slice(line.indexOf("pool")))
      }
      if (done.size === plan.rows) onDone()
    })
    void once(child, "close").then(() => (isOver || child.signalCode === null ? undefined : start(share)))
  }

  for (let share = 0; share < plan.processes; share++) start(share)
  return {
    done,
    said,
    strike: (share: number, what: Fault["what"], millis: number): void => {
      const child = children[share]
      child?.kill(what === "kill" ? "SIGKILL" : "SIGSTOP")
      if (what === "stop") void delay(millis).then(() => child?.kill("SIGCONT"))
    },
    close: async (): Promise<void> => {
      isOver = true
      await killAll(children)
    }
  }
}

export const run = async (plan: Plan): Promise<Outcome> => {
  const file = await bundle(join(import.meta.dirname, "child.ts"), "shared-child")
  const redis = redisOf(plan.port)
  await redis.ready()
  const left = [...plan.faults]
  let finish = (): void => undefined
  const isFinished = new Promise<void>((resolve) => {
    finish = resolve
  })
  let last = 0
  const api = await listen((calls) => {
    last = performance.now()
    const [next] = left
    if (next === undefined || calls < next.after) return
    left.shift()
    if (next.who === "redis") redis.strike(next.what, next.millis)
    else all.strike(next.who, next.what, next.millis)
  })
  const all = crew(plan, file, api.url, () => finish())
  const { enough } = plan
  if (enough === undefined) await isFinished
  else while (api.instants.length < enough.calls || performance.now() - last < enough.quietFor) await delay(100)
  await all.close()
  api.close()
  await redis.close()
  return { done: all.done.size, instants: api.instants, left: left.length, said: all.said }
}

/** The most calls that any span has seen. */
export const mostIn = (instants: ReadonlyArray<number>, per: number): number =>
  instants.reduce((most, at, i) => Math.max(most, i + 1 - instants.findIndex((other) => other > at - per)), 0)
