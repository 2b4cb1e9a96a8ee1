/** How a run is seen: the progress line, and the page about it. */
import { FileSystem } from "@effect/platform"
import { Clock, Effect, Option } from "effect"
import type { PooledExecutor } from "effect-aimd"
import { BatchReport } from "effect-aimd/report"
import { OutputError, reasonOf } from "../Failure.js"
import * as ProgressLine from "../output/ProgressLine.js"
import * as Screen from "../output/Screen.js"
import * as Summary from "../output/Summary.js"
import type { Common } from "./Attempt.js"

/** Shows how far it is, until it is interrupted. */
export const progress = (
  screen: Screen.Screen,
  pool: PooledExecutor.PooledExecutor,
  handle: PooledExecutor.BatchHandle,
  { ledger, own }: Common,
  about: { readonly total: number | undefined; readonly max: number | undefined }
): Effect.Effect<never> =>
  Effect.flatMap(Clock.currentTimeMillis, (startedAt) => {
    let samples: ReadonlyArray<ProgressLine.Sample> = [{ at: startedAt, own: 0 }]
    const draw = Effect.gen(function* () {
      const [snapshot, stats, at] = yield* Effect.all([handle.snapshot, pool.stats, Clock.currentTimeMillis])
      if (snapshot === undefined) return
      samples = ProgressLine.sample(samples, { at, own: own.ended })
      const cost = about.max === undefined ? undefined : { spent: ledger.spent(), max: about.max }
      const standing = { at, total: about.total, snapshot, stats, own: own.ended, cost }
      yield* Screen.draw(screen, ProgressLine.line(standing, ProgressLine.rate(samples)))
    })
    const every = screen.isTerminal ? "500 millis" : "10 seconds"
    return Effect.delay(draw, every).pipe(Effect.forever, Effect.ensuring(Screen.clear(screen)))
  })

/** Records a run for a page about it; `write` is for the end. Fails at once if the page cannot be written. */
export const report = (file: Option.Option<string>, out: string, pool: PooledExecutor.PooledExecutor) =>
  Effect.gen(function* () {
    if (Option.isNone(file)) return { onEntry: () => Effect.void, write: () => Effect.void }
    const fs = yield* FileSystem.FileSystem
    const path = file.value
    const failed = (error: unknown) => new OutputError({ message: `${path} cannot be written: ${reasonOf(error)}` })
    yield* Effect.mapError(Effect.scoped(fs.open(path, { flag: "a" })), failed)
    const recorder = yield* BatchReport.record(pool)
    const write = (summary: Summary.Summary) =>
      Effect.flatMap(recorder.recording, (recording) => {
        const facts = {
          input: summary.input,
          results: out,
          ended: summary.stopped ?? summary.status,
          ...(summary.tokens && { tokens: Summary.formatTokens(summary.tokens) }),
          ...(summary.cost === null ? {} : { cost: ProgressLine.money(summary.cost) })
        }
        return fs.writeFileString(
          path,
          BatchReport.html(recording, { title: `effect-aimd run ${summary.input}`, facts })
        )
      }).pipe(Effect.mapError(failed))
    return { onEntry: recorder.onEntry, write }
  })
