/** How fast virtual time is: rows simulated, interleavings explored, and `TestClock` beside it. */
import type { Report } from "effect-aimd/testing"
import { Latency, ServerModel, Simulation, VirtualTime, Workload } from "effect-aimd/testing"
import { Effect, Exit, Fiber, TestClock, TestContext } from "effect"
import { collectGarbage, median, rowsOf } from "./measure.js"
import type { Section } from "./report.js"
import { number, table, times } from "./report.js"
import type { Sizes } from "./sizes.js"

const world = (rows: number, poolSize: number): Simulation.World => ({
  api: { model: ServerModel.tokenBucket({ rate: 1000, burst: 100 }), latency: Latency.logNormal(60), hints: "seconds" },
  clients: [{ pool: { poolSize }, workload: Workload.atOnce(rows) }]
})

const millis = async (run: () => Promise<void> | void): Promise<number> => {
  collectGarbage()
  const start = performance.now()
  await run()
  return performance.now() - start
}

const medianOf = async (rounds: number, run: () => Promise<void> | void): Promise<number> => {
  const figures: Array<number> = []
  for (let round = 0; round < rounds; round++) figures.push(await millis(run))
  return median(figures)
}

interface Simulated {
  readonly rows: number
  readonly events: number
  readonly seconds: number
}

const simulate = async (rows: number, rounds: number): Promise<Simulated> => {
  let events = 0
  const took = await medianOf(rounds, () => {
    const run = Simulation.run(world(rows, 64))
    const report: Report.Report = Exit.getOrElse(run.exit, (cause) => {
      throw new Error(String(cause))
    })
    if (report.successes !== rows) throw new Error(`${report.successes} of ${rows} rows`)
    events = run.events
  })
  return { rows, events, seconds: took / 1000 }
}

/** Sixteen fibers that sleep in turn: the same program under both clocks. */
const sleepers = (sleeps: number) =>
  Effect.forEach(rowsOf(16), (n) => Effect.forEach(rowsOf(sleeps / 16), () => Effect.sleep(n + 1), { discard: true }), {
    concurrency: "unbounded",
    discard: true
  })

const underTestClock = (sleeps: number): Promise<void> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(sleepers(sleeps))
      // A test moves the clock from one sleep's end to the next.
      for (let millis = 0; millis < sleeps; millis++) yield* TestClock.adjust(1)
      yield* Fiber.join(fiber)
    }).pipe(Effect.provide(TestContext.TestContext))
  )

export const simulation = async (sizes: Sizes): Promise<Section> => {
  const { rounds } = sizes.simulation
  // Compiles what the timed runs use.
  await simulate(Math.min(...sizes.simulation.rows), 1)
  const simulated: Array<Simulated> = []
  for (const rows of sizes.simulation.rows) simulated.push(await simulate(rows, rows > 100_000 ? 1 : rounds))

  const { seeds, sleeps } = sizes.simulation
  const exploring = await medianOf(rounds, () => {
    const { failure } = VirtualTime.explore(Simulation.program(world(20, 4)), { seeds })
    if (failure !== undefined) throw new Error(failure.message)
  })
  const virtual = await medianOf(rounds, () => void VirtualTime.run(sleepers(sleeps)))
  const testClock = await medianOf(1, () => underTestClock(sleeps))

  const [, middle, last] = simulated
  const growth = middle && last ? last.seconds / last.events / (middle.seconds / middle.events) : NaN
  return {
    title: "Simulation",
    text: [
      "A pool of 64 against a token bucket of 1,000 a second, every checker on:",
      table(
        ["rows", "seconds", "events", "µs an event", "µs a row"],
        simulated.map(({ events, rows, seconds }) => [
          number(rows),
          number(seconds),
          number(events),
          number((seconds * 1e6) / events),
          number((seconds * 1e6) / rows)
        ])
      ),
      "Interleavings, and sleeps under either clock:",
      table(
        ["what", "how many", "ms", "a second"],
        [
          ["interleavings of a batch of 20 rows", seeds, exploring] as const,
          ["sleeps in `VirtualTime`", sleeps, virtual] as const,
          ["sleeps under `TestClock`", sleeps, testClock] as const
        ].map(([what, count, took]) => [what, number(count), number(took), number((count / took) * 1000)])
      ),
      `\`TestClock\` takes ${times(testClock / virtual)} as long.`
    ].join("\n\n"),
    targets: [
      { what: "100,000 rows simulated, pool of 64", figure: middle?.seconds ?? NaN, bound: 5, unit: "s" },
      { what: "simulated, an event of ten times the rows", figure: growth, bound: 1.5, unit: "×" },
      { what: "an interleaving of a batch of 20 rows", figure: exploring / seeds, bound: 5, unit: "ms" }
    ]
  }
}
