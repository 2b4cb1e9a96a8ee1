/** Runs to make pages of, in virtual time. */
import { Clock, Effect, Exit, Schema, Stream } from "effect"
import { PooledExecutor } from "effect-aimd"
import { BatchReport } from "effect-aimd/report"
import { Fault, Latency, ServerModel, SimulatedApi, VirtualTime } from "effect-aimd/testing"

export class TooLong extends Schema.TaggedError<TooLong>()("TooLong", { letters: Schema.Number }) {
  override get message(): string {
    return `a text of ${this.letters} letters is <b>too long</b> for "this" model & any other`
  }
}

/** The value of a program that must succeed. */
export const value = <A, E>({ exit }: { readonly exit: Exit.Exit<A, E> }): A =>
  Exit.getOrElse(exit, (cause) => {
    throw new Error(String(cause))
  })

/** Rows behind a bucket with an outage; some fail by themselves, each in its way, and names are as nasty as they get. */
export const sample = (rows: number): BatchReport.Recording =>
  value(
    VirtualTime.run(
      Effect.gen(function* () {
        const bucket = ServerModel.tokenBucket({ rate: 20, burst: 40 })
        const now = yield* Clock.currentTimeMillis
        const api = yield* SimulatedApi.make({
          model: Fault.outages([{ from: now + 30_000, until: now + 45_000 }])(bucket),
          latency: Latency.logNormal(400),
          hints: "seconds"
        })
        const pool = yield* PooledExecutor.make({ poolSize: 16, name: "embeddings" })
        const recorder = yield* BatchReport.record(pool)
        yield* pool
          .stream(
            Array.from({ length: rows }, (_, row) => row),
            (row, { rowIndex }) =>
              Effect.zipRight(
                api.call({ row: rowIndex }),
                row % 40 === 7
                  ? Effect.fail(new TooLong({ letters: 9000 + row }))
                  : row % 150 === 11
                    ? Effect.die(new TypeError("text is not iterable"))
                    : Effect.void
              ),
            {
              stateId: (row) => (row === 7 ? `</script><img src=x onerror="alert(1)">` : `row-${row}`),
              onEntry: recorder.onEntry
            }
          )
          .pipe(Stream.runDrain)
        return yield* recorder.recording
      }),
      { startAt: Date.UTC(2026, 0, 15, 9) }
    )
  )
