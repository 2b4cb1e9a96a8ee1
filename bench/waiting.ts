/** What it costs that many callers wait for few permits. */
import { Deferred, Effect } from "effect"
import { Semaphore } from "effect-aimd"
import type { Run } from "./contenders.js"
import { concurrency, hop, withPool } from "./contenders.js"
import type { Contender } from "./measure.js"
import { median, named, race, ratio } from "./measure.js"
import type { Section } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

type Limit = (work: Effect.Effect<number>) => Effect.Effect<number>

/** A fiber a row, all at once; nothing goes on before the last of them has come, so that all others wait. */
const crowd = (rows: ReadonlyArray<number>, limit: Limit): Effect.Effect<ReadonlyArray<number>> =>
  Effect.flatMap(Deferred.make<void>(), (complete) => {
    let arrived = 0
    const caller = (row: number): Effect.Effect<number> =>
      Effect.suspend(() => {
        arrived += 1
        if (arrived === rows.length) Deferred.unsafeDone(complete, Effect.void)
        return limit(Effect.zipRight(Deferred.await(complete), hop.effect(row)))
      })
    return Effect.forEach(rows, caller, { concurrency: "unbounded" })
  })

const results =
  (run: (rows: ReadonlyArray<number>) => Promise<ReadonlyArray<number>>): Run =>
  async (rows) => {
    const values = await run(rows)
    return () => values
  }

const runs: Record<string, Run> = {
  "`pool.execute`": results((rows) => withPool((pool) => crowd(rows, (work) => Effect.orDie(pool.execute(work))))),
  "`Semaphore` of this library": results((rows) =>
    Effect.runPromise(crowd(rows, Semaphore.withPermit(Semaphore.make(concurrency))))
  ),
  "no limit: a fiber a caller": results((rows) =>
    Effect.runPromise(Effect.forEach(rows, hop.effect, { concurrency: "unbounded" }))
  )
}

const effectSemaphore: Run = results((rows) =>
  Effect.runPromise(
    Effect.flatMap(Effect.makeSemaphore(concurrency), (semaphore) => crowd(rows, semaphore.withPermits(1)))
  )
)

const label = "`Effect.makeSemaphore`"

export const waiting = async (sizes: Sizes): Promise<Section> => {
  const { callers, effectCallers } = sizes
  const contenders: ReadonlyArray<Contender> = [
    ...Object.entries(runs).flatMap(([name, run]) => callers.map((rows) => ({ name, rows, run }))),
    ...effectCallers.map((rows) => ({ name: label, rows, run: effectSemaphore }))
  ]
  const timings = await race(contenders, sizes.long)
  /** How the whole time grows from one number of callers to the next of the same contender. */
  const grows = (index: number): number | undefined => {
    const [timing, before] = [timings[index], timings[index - 1]]
    if (timing === undefined || before === undefined || before.name !== timing.name) return undefined
    return (ratio(timing, before) * timing.rows) / before.rows
  }
  const last = callers.at(-1)
  return {
    title: "Waiting callers of `execute`",
    text: table(
      ["a pool of 8", "callers", "ms in all", "µs a caller", "to the line above"],
      timings.map(({ name, rounds, rows }, index) => {
        const growth = grows(index)
        const micros = median(rounds)
        return [name, number(rows), number((micros * rows) / 1000), number(micros), growth ? times(growth) : ""]
      })
    ),
    targets: [
      {
        what: "`execute`, ten times the waiting callers",
        figure: grows(timings.indexOf(named(timings, "`pool.execute`", last))) ?? NaN,
        bound: 12,
        unit: "×"
      }
    ]
  }
}
