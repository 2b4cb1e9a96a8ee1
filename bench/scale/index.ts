/** What a cluster costs, a start, a lease, a row in the tables, and which part gives way first. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { number, type Section, table } from "../report.js"
import type { Sizes } from "../sizes.js"
import { start } from "./processes.js"
import { type Costs, type Plan, simulate } from "./simulated.js"

const postgres = process.env["JOURNAL_POSTGRES"]
const name = `scale_${process.pid}`
const database = (): string => {
  const url = new URL(postgres ?? "")
  url.pathname = name
  return url.href
}

const administer = <A extends object>(url: string, statement: string): Promise<ReadonlyArray<A>> =>
  Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe<A>(statement)).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(url) })),
    Effect.runPromise
  )

const inDatabase = async <A>(use: () => Promise<A>): Promise<A> => {
  await administer(postgres ?? "", `create database ${name}`)
  try {
    return await use()
  } finally {
    await administer(postgres ?? "", `drop database ${name} with (force)`)
  }
}

let nextPort = 26_000

interface Took {
  readonly millis: number
  /** Milliseconds of processor time. */
  readonly busy: number
  readonly lasted: number
}

interface Work {
  readonly what: string
  readonly perSecond: number
  readonly rows: number
  /** Processes that work rows beside the entity's home, which works none then. */
  readonly guests: number
  readonly isAlone?: boolean
}

interface Figures extends Work {
  /** Calls a second. */
  readonly rate: number
  /** Milliseconds of processor time a start. */
  readonly home: number
  readonly guest: number
  /** Of a core. */
  readonly homeBusy: number
}

const measure = (work: Work): Promise<Figures> =>
  inDatabase(async () => {
    const { guests, isAlone = false, perSecond, rows } = work
    const orders = { database: database(), perSecond }
    const home = start("pool.mjs", {
      ...orders,
      port: nextPort++,
      role: isAlone ? "alone" : "home",
      rows: guests === 0 ? rows : 0
    })
    await home.hear()
    const share = Math.ceil(rows / Math.max(1, guests))
    const others = Array.from({ length: guests }, () => start("pool.mjs", { ...orders, role: "guest", rows: share }))
    for (const other of others) await other.hear()
    for (const one of [home, ...others]) one.tell()
    // The children are this folder's own.
    const took = (await Promise.all(others.map((other) => other.hear()))) as ReadonlyArray<Took>
    if (guests > 0) home.tell()
    const atHome = (await home.hear()) as Took
    for (const one of [home, ...others]) one.end()
    const seconds = Math.max(...[...took, ...(guests === 0 ? [atHome] : [])].map(({ millis }) => millis)) / 1000
    return {
      ...work,
      // What a limit allows in a second goes at once, in the beginning.
      rate: (rows - perSecond) / seconds,
      home: atHome.busy / rows,
      guest: guests === 0 ? 0 : took.reduce((sum, { busy }) => sum + busy, 0) / rows,
      homeBusy: atHome.busy / atHome.lasted
    }
  })

/** Milliseconds of processor time that all processes of PostgreSQL on this machine have had, and still live. */
const databaseBusy = (): number =>
  readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .reduce((sum, pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
        if (!stat.includes("(postgres)")) return sum
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
        // A tick is ten milliseconds.
        return sum + 10 * (Number(fields[11]) + Number(fields[12]))
      } catch {
        return sum
      }
    }, 0)

interface Batch {
  readonly chunk: number
  readonly millis: number
  readonly busy: number
  readonly written: number
  readonly bytes: number
}

/** Rows of a batch of a cluster in one process: figures a row. */
const batch = (rows: number, chunk: number): Promise<Batch> =>
  inDatabase(async () => {
    const runner = start("batch.mjs", { database: database(), port: nextPort++, rows, chunk })
    const before = databaseBusy()
    const { busy, done, millis } = (await runner.hear()) as { done: number; millis: number; busy: number }
    const written = databaseBusy() - before
    if (done !== rows) throw new Error(`${done} rows of ${rows} are done`)
    const [size] = await administer<{ bytes: string }>(
      database(),
      "select sum(pg_total_relation_size(oid)) as bytes from pg_class where relname like 'effect_aimd_batch%' and relkind = 'r'"
    )
    runner.end()
    return {
      chunk,
      millis: millis / rows,
      busy: busy / rows,
      written: written / rows,
      bytes: Number(size?.bytes ?? 0) / rows
    }
  })

const micros = (millis: number): string => number(1000 * millis)

const title = "Scale of a cluster"

export const scale = async (sizes: Sizes): Promise<Section> => {
  if (postgres === undefined) {
    if (sizes.cluster > 1000) throw new Error("JOURNAL_POSTGRES names no database, which `--only scale` needs")
    return { title, text: "Not measured: there is no database.", targets: [] }
  }
  const rows = sizes.cluster
  const works: ReadonlyArray<Work> = [
    { what: "no cluster", perSecond: 0, rows, guests: 0, isAlone: true },
    { what: "the home of the entity works all", perSecond: 0, rows, guests: 0 },
    { what: "another process works all", perSecond: 0, rows, guests: 1 },
    { what: "the same, at 500 a second", perSecond: 500, rows: rows / 2, guests: 1 },
    { what: "the same, at 50 a second", perSecond: 50, rows: rows / 20, guests: 1 }
  ]
  const starts: Array<Figures> = []
  for (const work of works) starts.push(await measure(work))
  const runners: Array<Figures> = []
  const isFull = rows > 1000
  for (const guests of isFull ? [1, 2, 4, 8] : [1, 2]) {
    runners.push(await measure({ what: number(guests), perSecond: 100, rows: rows / 10, guests }))
  }
  const batches: Array<Batch> = []
  for (const chunk of [100, 1000]) batches.push(await batch(2 * rows, chunk))

  const [plain, , remote] = starts
  const [small, large] = batches
  if (plain === undefined || remote === undefined || small === undefined || large === undefined) {
    throw new Error("nothing was measured")
  }
  const chunk = Math.max(0, (small.millis - large.millis) / (1 / small.chunk - 1 / large.chunk))
  const costs: Costs = {
    row: large.busy + Math.max(0, remote.guest - plain.home),
    start: remote.home,
    written: large.written,
    chunk
  }
  const courses = [200, 1000, 5000].flatMap((perSecond) => coursesOf(costs, sizes.simulatedCluster, perSecond))
  return { title, text: tablesOf(sizes, starts, runners, batches, courses), targets: [] }
}

/** With ever more processes, until only the API holds the batch up: more of them change nothing. */
const coursesOf = (costs: Costs, rows: number, perSecond: number): ReadonlyArray<Way> => {
  const ways: Array<Way> = []
  for (const runners of [1, 2, 4, 8]) {
    const plan = { rows, runners, perSecond }
    const { busy, hours } = simulate(costs, plan)
    const [[part, share] = ["", 0]] = Object.entries(busy).sort(([, a], [, b]) => b - a)
    ways.push({ plan, hours, part, share })
    if (part === "the API") break
  }
  return ways
}

/** What holds a batch up, and how much of the time. */
interface Way {
  readonly plan: Plan
  readonly hours: number
  readonly part: string
  readonly share: number
}

const tablesOf = (
  { cluster: rows, simulatedCluster }: Sizes,
  starts: ReadonlyArray<Figures>,
  runners: ReadonlyArray<Figures>,
  batches: ReadonlyArray<Batch>,
  courses: ReadonlyArray<Way>
): string =>
  [
    `Starts of calls that take 5 ms, 256 at once, in ${number(rows)} rows; processor time a start, in microseconds, where the entity lives and where the rows are worked:`,
    table(
      ["", "calls a second", "the entity's home", "another process"],
      starts.map(({ guest, home, rate, what }) => [what, number(rate), micros(home), guest === 0 ? "" : micros(guest)])
    ),
    `Processes that work ${number(rows / 10)} rows, a home of the entity that works none, and a limit of 100 a second for all; the beginning, in which the law looks for its limit, is in it:`,
    table(
      ["processes", "calls a second", "of a core, at the home"],
      runners.map(({ homeBusy, rate, what }) => [what, number(rate), `${number(100 * homeBusy)} %`])
    ),
    `A \`ClusterBatch\` of ${number(2 * rows)} rows in one process with PostgreSQL, 64 at once, rows of 5 ms:`,
    table(
      ["rows of a chunk", "rows a second", "µs a row, the process", "µs a row, PostgreSQL", "bytes a row"],
      batches.map(({ busy, bytes, chunk: size, millis, written }) => [
        number(size),
        number(1000 / millis),
        micros(busy),
        micros(written),
        number(bytes)
      ])
    ),
    `A batch of ${number(simulatedCluster)} rows, simulated at these costs, with a core for each process, one for the entity and one for the database. With more processes nothing changes:`,
    table(
      ["the API allows a second", "processes", "hours", "what is busiest", "of the time"],
      courses.map(({ hours, part, plan: { perSecond, runners: count }, share }) => [
        number(perSecond),
        number(count),
        number(hours),
        part,
        `${number(100 * share)} %`
      ])
    )
  ].join("\n\n")
