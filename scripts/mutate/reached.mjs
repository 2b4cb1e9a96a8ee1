// A setup file: each test file says which functions of watched sources it reached and how much of the processor it took. Where
// it takes more than it may, or waits for what will never come, its run ends. Other work on the machine is neither.
import { Worker } from "node:worker_threads"
import { afterAll, beforeAll, inject } from "vitest"

/** Milliseconds of processor time. */
const cpu = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000

/** Looks on from a thread of its own, because a test in a loop cannot. It ends the process of the runner, too. */
const watcher = `
  const { workerData } = require("node:worker_threads")
  const cpu = ${String(cpu)}
  let before = { cpu: cpu(), at: performance.now() }
  setInterval(() => {
    const now = { cpu: cpu(), at: performance.now() }
    if (now.cpu - before.cpu > 50) before = now
    if (now.cpu < workerData[0] && now.at - before.at < 15_000) return
    process.kill(process.ppid, "SIGKILL")
    process.kill(process.pid, "SIGKILL")
  }, 500)
`

const limits = inject("limits")
if (globalThis.reached === undefined) {
  globalThis.reached = new Set()
  /** When the time is over. */
  globalThis.deadline = new Float64Array(new SharedArrayBuffer(8))
  new Worker(watcher, { eval: true, workerData: globalThis.deadline }).unref()
}

const since = cpu()
// To load a file takes two seconds at most.
globalThis.deadline[0] = since + (limits === undefined ? Infinity : 10_000)
beforeAll(({ file }) => {
  globalThis.deadline[0] = cpu() + (limits?.[file.filepath] ?? Infinity)
  // A module is loaded once for all files, so what runs then is of any of them.
  file.meta.whileLoading = [...globalThis.reached]
  globalThis.reached.clear()
})
afterAll(({ file }) => {
  file.meta.reached = [...globalThis.reached]
  file.meta.cpu = cpu() - since
  globalThis.reached.clear()
})
