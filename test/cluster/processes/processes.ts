/** Real processes, one database, one API with a limit: processes are killed and stopped, and cut off, until all rows are done. */
import { type ChildProcess, spawn } from "node:child_process"
import { monitorEventLoopDelay } from "node:perf_hooks"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import { bundle } from "../../support/bundle.js"
import { databaseOf, killAll, killAtExit, listen } from "../../support/processes.js"
import type { Orders } from "./child.js"
import * as Proxy from "./proxy.js"

/** After so many calls something happens to a process for so many milliseconds; one that was killed is away so long. */
export interface Fault {
  readonly after: number
  readonly process: number
  readonly what: "kill" | "stop" | "cut from database" | "cut from others"
  readonly millis: number
}

export interface Plan {
  /** The address of the database, and the first of the ports: below those that a system gives away by itself. */
  readonly postgres: string
  readonly port: number
  /** One without a cluster where it is 0. */
  readonly processes: number
  readonly rows: number
  readonly perSecond: number
  readonly faults: ReadonlyArray<Fault>
}

export interface Outcome {
  readonly done: number
  /** Rows that a process said in another order than it had them in, or that were said twice. */
  readonly outOfOrder: number
  readonly twice: number
  /** Calls that the API has seen, and the instants of those, from the first on, in milliseconds. */
  readonly calls: number
  readonly instants: ReadonlyArray<number>
  readonly faults: ReadonlyArray<Fault & { readonly at: number; readonly wasHome: boolean }>
  /** Processes that ended by themselves before their rows were done. */
  readonly fell: number
  readonly seconds: number
  /** The longest that the API itself was held up, in milliseconds: calls that came meanwhile count as if they came at once. */
  readonly heldUp: number
}

/** The rows of all processes, and what they say of them. */
const ledgerOf = (plan: Plan) => {
  const done = new Set<number>()
  const shares = Math.max(1, plan.processes)
  let [outOfOrder, twice] = [0, 0]
  return {
    done,
    get outOfOrder() {
      return outOfOrder
    },
    get twice() {
      return twice
    },
    leftOf: (share: number): ReadonlyArray<number> =>
      Array.from({ length: plan.rows }, (_, row) => row).filter((row) => row % shares === share && !done.has(row)),
    /** What hears one process. */
    listener: () => {
      let last = -1
      return (row: number): void => {
        if (row <= last) outOfOrder += 1
        if (done.has(row)) twice += 1
        last = row
        done.add(row)
      }
    }
  }
}

/** The processes, each behind ways that can be cut, and started again when it ends before its rows are done. */
const crew = (plan: Plan, file: string, database: URL, api: string) => {
  const ledger = ledgerOf(plan)
  const ways: Array<{ readonly database: Proxy.Proxy; readonly others: Proxy.Proxy }> = []
  const children = new Map<number, ChildProcess>()
  const away = new Map<number, number>()
  let [fell, home, port] = [0, 0, plan.port]
  let isOver = false
  let onDone = (): void => undefined
  let onHome = (): void => undefined
  killAtExit(() => children.values())

  const hear = (share: number, child: ChildProcess): void => {
    const listener = ledger.listener()
    let rest = ""
    child.stdout?.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) {
        if (line === "home") {
          home = share
          onHome()
        } else if (/^\d+$/.test(line)) listener(Number(line))
      }
      if (ledger.done.size === plan.rows) onDone()
    })
  }

  const start = async (share: number): Promise<void> => {
    const url = new URL(database)
    let foundAt = 0
    const isAlone = plan.processes === 0
    const listensAt = isAlone ? 0 : port++
    if (!isAlone) {
      ways[share]?.others.close()
      const way = ways[share]?.database ?? (await Proxy.make(0, Number(database.port || "5432")))
      const others = await Proxy.make(0, listensAt)
      ways[share] = { database: way, others }
      url.hostname = "127.0.0.1"
      url.port = String(way.port)
      foundAt = others.port
    }
    const rows = ledger.leftOf(share)
    const orders: Orders = { database: url.href, api, port: listensAt, foundAt, rows, perSecond: plan.perSecond }
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, ORDERS: JSON.stringify(orders) },
      stdio: ["ignore", "pipe", "ignore"]
    })
    children.set(share, child)
    hear(share, child)
    child.once("close", () => {
      if (isOver || ledger.leftOf(share).length === 0) return
      const rest = away.get(share)
      if (rest === undefined) fell += 1
      away.delete(share)
      void delay(rest ?? 1000).then(() => (isOver ? undefined : start(share)))
    })
  }

  return {
    ledger,
    start,
    get fell() {
      return fell
    },
    get home() {
      return home
    },
    /** An entity is in power. */
    whenHome: new Promise<void>((resolve) => {
      onHome = resolve
    }),
    whenDone: new Promise<void>((resolve) => {
      onDone = resolve
    }),
    strike: ({ millis, process: share, what }: Fault): void => {
      const child = children.get(share)
      if (what === "cut from database") return ways[share]?.database.cut(millis)
      if (what === "cut from others") return ways[share]?.others.cut(millis)
      if (what === "kill") {
        if (child?.exitCode === null && child.signalCode === null) away.set(share, millis)
        return void child?.kill("SIGKILL")
      }
      child?.kill("SIGSTOP")
      void delay(millis).then(() => child?.kill("SIGCONT"))
    },
    close: async (): Promise<void> => {
      isOver = true
      await killAll(children.values())
      for (const way of ways) {
        way.database.close()
        way.others.close()
      }
    }
  }
}

/** Runs the plan in a database of its own. */
export const run = async (plan: Plan): Promise<Outcome> => {
  const file = await bundle(join(import.meta.dirname, "child.ts"), "cluster-child")
  const database = await databaseOf(plan.postgres, `cluster_${process.pid}_${plan.port}`)

  const delays = monitorEventLoopDelay({ resolution: 10 })
  delays.enable()
  const left = [...plan.faults]
  const faults: Array<Outcome["faults"][number]> = []
  const api = await listen((calls) => {
    const [next] = left
    if (next === undefined || calls < next.after) return
    left.shift()
    faults.push({ ...next, at: performance.now(), wasHome: all.home === next.process })
    all.strike(next)
  })
  const all = crew(plan, file, database.url, api.url)
  await all.start(0)
  // Of several that make the cluster's tables at once, all but one fail.
  if (plan.processes > 1) await all.whenHome
  for (let share = 1; share < plan.processes; share++) await all.start(share)
  await all.whenDone
  await all.close()
  api.close()
  await database.drop()

  const { instants } = api
  const [first = 0] = instants
  return {
    done: all.ledger.done.size,
    outOfOrder: all.ledger.outOfOrder,
    twice: all.ledger.twice,
    calls: instants.length,
    instants: instants.map((at) => at - first),
    faults: faults.map((fault) => ({ ...fault, at: fault.at - first })),
    fell: all.fell,
    heldUp: delays.max / 1e6,
    seconds: ((instants.at(-1) ?? 0) - first) / 1000
  }
}

/** The most calls that any second had, and when that ended. */
export const busiestSecond = (instants: ReadonlyArray<number>): { readonly calls: number; readonly at: number } => {
  let first = 0
  return instants.reduce(
    (most, at, last) => {
      while ((instants[first] ?? at) <= at - 1000) first += 1
      const calls = last - first + 1
      return calls > most.calls ? { calls, at } : most
    },
    { calls: 0, at: 0 }
  )
}

/** How long after an instant a second begins that has so many calls, in milliseconds; Infinity where none does. */
export const busyAfter = (instants: ReadonlyArray<number>, since: number, enough: number): number => {
  const index = instants.findIndex((at, i) => at >= since && (instants[i + enough - 1] ?? Infinity) < at + 1000)
  return (instants[index] ?? Infinity) - since
}
