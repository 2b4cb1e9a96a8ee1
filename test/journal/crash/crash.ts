/** Kills a process again and again, at random instants, until its batch is done; and looks at what became of its rows. */
import { spawn } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Chunk, Effect, Random } from "effect"
import { bundle } from "../../support/bundle.js"
import type { Orders } from "./child.js"

export interface Plan {
  readonly store: Orders["store"]
  /** For a database elsewhere; default a file of its own. */
  readonly at?: string
  /** The name of the batch there; default "crash". */
  readonly batch?: string
  readonly rows: number
  readonly poolSize: number
  /** After how many more answers each process is killed; there is one more, which is not. */
  readonly kills: ReadonlyArray<number>
  /** Starts another process on the same journal, while the first works. */
  readonly intruder?: boolean
}

export interface Outcome {
  /** What the last process says: index, name and result of each row. */
  readonly results: ReadonlyArray<readonly [number, string, unknown]>
  /** For each row the answers that were given, by run. */
  readonly answers: ReadonlyArray<ReadonlyArray<{ readonly run: number; readonly answer: number | "failed" }>>
  /** For each kill the rows that were answered before it, or were about to be, and were asked again after it. */
  readonly repeated: ReadonlyArray<number>
  readonly kills: number
  /** What became of the intruder. */
  readonly intruder: string | undefined
}

const child = (): Promise<string> => bundle(join(import.meta.dirname, "child.ts"), "crash-child")

/** Numbers its answers; now and then it says "not now", and of some rows always "no". */
const serve = (rows: number) => {
  const answers = Array.from({ length: rows }, () => new Array<{ run: number; answer: number | "failed" }>())
  const asked = Array.from({ length: rows }, () => new Set<number>())
  let given = 0
  /** Nothing is answered before. */
  let held: Promise<unknown> = Promise.resolve()
  let onAnswer: (given: number) => void = () => undefined
  const server = createServer((request, response) => {
    const row = Number(request.url?.slice(1))
    const run = Number(request.headers["run"])
    const reply = (): void => {
      given += 1
      if (given % 17 === 0) return void response.writeHead(429).end()
      const answer = row % 50 === 7 ? ("failed" as const) : given
      answers[row]?.push({ run, answer })
      asked[row]?.add(run)
      response.writeHead(answer === "failed" ? 400 : 200).end(String(answer))
      onAnswer(given)
    }
    if (request.headers["idempotency-key"] === `row-${row}`) void held.then(reply)
    else response.writeHead(500).end()
  })
  return {
    server,
    answers,
    asked,
    hold: (until: Promise<unknown>) => void (held = until),
    /** Calls back after so many more answers. */
    after: (count: number, then: () => void) => {
      const at = given + count
      onAnswer = (now) => {
        if (now < at) return
        onAnswer = () => undefined
        then()
      }
    }
  }
}

const runChild = (file: string, orders: Orders, onStart: (kill: () => void) => void): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, ORDERS: JSON.stringify(orders) },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let complaint = ""
    child.stderr.on("data", (text) => (complaint += String(text)))
    child.on("error", reject)
    child.on("close", (code, signal) => {
      if (code === 0 || signal === "SIGKILL") resolve(signal ?? "done")
      else reject(new Error(`the process ended with ${code}: ${complaint}`))
    })
    onStart(() => void child.kill("SIGKILL"))
  })

/** In memory where there is such a folder: a process that is killed leaves there what it leaves on a disk, and is not slowed. */
const folders = existsSync("/dev/shm") ? "/dev/shm" : tmpdir()

/** Does a batch to its end. */
export const crash = async ({
  at,
  batch = "crash",
  intruder,
  kills,
  poolSize,
  rows,
  store
}: Plan): Promise<Outcome> => {
  const folder = mkdtempSync(join(folders, "effect-aimd-crash-"))
  const file = await child()
  const { after, answers, asked, hold, server } = serve(rows)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  // A server that listens on a port has such an address.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const results = join(folder, "results.json")
  let run = 0
  let intrusion: Promise<string> | undefined
  try {
    for (let ended = ""; ended !== "done"; run++) {
      const next = kills[run]
      const orders = { store, batch, at: at ?? join(folder, "journal"), url, run, rows, poolSize, results }
      ended = await runChild(file, orders, (kill) => {
        if (next !== undefined) after(next, kill)
        else if (intruder === true) {
          after(1, () => {
            intrusion = runChild(file, orders, () => undefined).catch(String)
            hold(intrusion)
          })
        }
      })
    }
    return {
      results: JSON.parse(readFileSync(results, "utf8")) as Outcome["results"],
      answers,
      repeated: Array.from(
        { length: run - 1 },
        (_, killed) => asked.filter((runs) => runs.has(killed) && Math.max(...runs) > killed).length
      ),
      kills: run - 1,
      intruder: await intrusion
    }
  } finally {
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true })
  }
}

/** So many random instants, from right at the beginning to this many answers after the last. */
export const instants = (count: number, most: number, seed: number): ReadonlyArray<number> =>
  Random.nextIntBetween(1, most + 1).pipe(
    Effect.replicateEffect(count),
    Effect.withRandom(Random.make(seed)),
    Effect.map((all) => Chunk.toReadonlyArray(Chunk.fromIterable(all))),
    Effect.runSync
  )

/** What is wrong with an outcome: a line for each. */
export const wrongs = ({ answers, kills, repeated, results }: Outcome, plan: Plan): ReadonlyArray<string> => {
  const { poolSize, rows } = plan
  const lines = new Array<string>()
  if (results.length !== rows) lines.push(`${results.length} results for ${rows} rows`)
  results.forEach(([index, name, result], i) => {
    if (index !== i || name !== `row-${i}`) lines.push(`result ${i} is of row ${index}, ${name}`)
    // An answer that was recorded is not asked for again: the last one counts.
    const last = answers[i]?.at(-1)?.answer
    if (result !== last) lines.push(`row ${i} has the result ${String(result)}, its last answer was ${last}`)
  })
  const used = new Set(results.map(([, , result]) => result).filter((result) => result !== "failed"))
  const successes = results.filter(([, , result]) => result !== "failed").length
  if (used.size !== successes) lines.push("two rows have one result")
  repeated.forEach((count, kill) => {
    if (count > poolSize) lines.push(`${count} answers were lost in kill ${kill} of ${kills}, more than ${poolSize}`)
  })
  return lines
}
