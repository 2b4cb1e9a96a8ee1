// A run as a page to look at. `npx tsx examples/report.ts report.html` keeps it.
import { Effect, Schema } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"
import { BatchReport } from "effect-aimd/report"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

class Refused extends Schema.TaggedError<Refused>()("Refused", { text: Schema.String }) {
  override get message(): string {
    return `the model does not answer ${this.text}`
  }
}

let calls = 0
/** Says "not now" to every tenth call, and refuses a few texts. */
const answer = (text: string) =>
  Effect.suspend((): Effect.Effect<number, Capacity.CapacityError | Refused> => {
    calls += 1
    if (calls % 10 === 0) return Effect.fail(new Capacity.CapacityError({ status: 429 }))
    return text.endsWith("7") ? Effect.fail(new Refused({ text })) : Effect.succeed(text.length)
  }).pipe(Effect.delay("20 millis"))

const folder = mkdtempSync(join(tmpdir(), "effect-aimd-"))
const file = process.argv[2] ?? join(folder, "report.html")
const texts = Array.from({ length: 200 }, (_, i) => `text ${i}`)

// #region program
const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 8, name: "answers" })
  const recorder = yield* BatchReport.record(pool)
  const { stats } = yield* pool.executeBatch(texts, answer, {
    stateId: (text) => text,
    onEntry: recorder.onEntry
  })
  writeFileSync(file, BatchReport.html(yield* recorder.recording, { title: "200 texts", facts: { model: "small" } }))
  return stats
}).pipe(Effect.scoped)
// #endregion program

const { failures, rows } = await Effect.runPromise(program)
console.log(`a page about ${rows} rows, ${failures} of which failed`)
rmSync(folder, { recursive: true })
