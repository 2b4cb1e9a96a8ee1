/** Threads that share the jobs. Which of them does which changes nothing: a job is a function of itself. */
import { once } from "node:events"
import { performance } from "node:perf_hooks"
import { Worker } from "node:worker_threads"
import { name, type Job, type Result } from "./work.js"

/** A thread does not inherit the loader of TypeScript: it starts as JavaScript and gets one of its own. */
const entry = `import("tsx/esm/api").then(({ tsImport }) => tsImport("./worker.ts", ${JSON.stringify(import.meta.url)}))`

export type Tell<J extends Job> = (result: Result<J>, place: number, seconds: number) => void

export interface Crew {
  /** The results in the order of the jobs; each is also told as it comes, with the seconds that it took. */
  readonly run: <J extends Job>(jobs: ReadonlyArray<J>, tell?: Tell<J>) => Promise<ReadonlyArray<Result<J>>>
  readonly close: () => Promise<void>
}

export const make = (threads: number): Crew => {
  const workers = Array.from({ length: threads }, () => new Worker(entry, { eval: true }))
  return {
    run: async <J extends Job>(jobs: ReadonlyArray<J>, tell?: Tell<J>) => {
      const results = new Array<Result<J>>(jobs.length)
      const left = jobs.entries()
      const work = async (worker: Worker): Promise<void> => {
        for (const [place, job] of left) {
          const from = performance.now()
          const answer = once(worker, "message")
          worker.postMessage(job)
          // What comes back is what `perform` gave for this job.
          const result = (await answer)[0] as Result<J>
          results[place] = result
          const seconds = (performance.now() - from) / 1000
          if (tell === undefined) console.error(`${place + 1} of ${jobs.length}: ${name(job)}, ${seconds.toFixed(1)} s`)
          else tell(result, place, seconds)
        }
      }
      await Promise.all(workers.map(work))
      return results
    },
    close: async () => {
      await Promise.all(workers.map((worker) => worker.terminate()))
    }
  }
}
