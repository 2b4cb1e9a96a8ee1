/** Processes that say one line of JSON for each line that they are told. */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

export interface Process {
  readonly tell: () => void
  readonly hear: () => Promise<unknown>
  readonly end: () => void
}

const alive = new Set<ChildProcess>()
process.once("exit", () => alive.forEach((child) => child.kill("SIGKILL")))

/** Starts a program of this folder with its orders. */
export const start = (program: string, orders: object): Process => {
  const file = fileURLToPath(new URL(program, import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(orders)], { stdio: ["pipe", "pipe", "inherit"] })
  alive.add(child)
  child.once("exit", () => alive.delete(child))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    tell: () => void child.stdin.write("\n"),
    hear: async () => {
      const line = await lines.next()
      if (line.done === true) throw new Error(`${program} has ended without a word`)
      return JSON.parse(line.value) as unknown
    },
    end: () => void child.kill("SIGKILL")
  }
}
