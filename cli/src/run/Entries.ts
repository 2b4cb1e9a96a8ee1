/** What comes out of the pool: counted, and written to the results. */
import { Cause, type Chunk, Effect, Exit, Option } from "effect"
import type { PoolError } from "effect-aimd"
import type { JournalError } from "effect-aimd/journal"
import type { InputError, OutputError } from "../Failure.js"
import * as OutputLine from "../output/OutputLine.js"
import type * as Results from "../output/Results.js"
import type * as Summary from "../output/Summary.js"
import type { Common } from "./Attempt.js"
import * as RunJournal from "./Journal.js"

/** What ends a run as a whole. */
export type RunError = InputError | OutputError
/** How the entries fail. */
export type EntriesError = InputError | JournalError.JournalError | PoolError.StopError

/** Takes entries: counts them, and writes the lines of the first rows that have ended. */
export const taker = (results: Results.Results, tally: Summary.Tally, { begun, stopper }: Common) => {
  let hasGap = false
  return (entries: Chunk.Chunk<OutputLine.Entry>): Effect.Effect<void, OutputError> => {
    const lines: Array<string> = []
    let dead: string | undefined
    for (const entry of entries) {
      const ending = OutputLine.endingOf(entry)
      // A row without an attempt has failed with all others, for want of capacity.
      tally.add(entry, ending, begun.delete(entry.stateId) || entry.attempts === 0)
      const line = OutputLine.format(entry.stateId, ending)
      hasGap ||= line === undefined
      if (!hasGap && line !== undefined) lines.push(line)
      if (ending._tag === "failed" && entry.attempts === 0) dead = ending.fault.message
    }
    tally.lines += lines.length
    const ended =
      dead === undefined ? Effect.void : stopper.stop({ reason: "dead", why: `the API is of no use: ${dead}` })
    return Effect.zipRight(results.write(lines), ended)
  }
}

/** How the entries came to their end: what is no failure of the run itself. */
export const endOf = (
  exit: Exit.Exit<void, OutputError | EntriesError>
): Effect.Effect<{ readonly isWhole: boolean }, RunError> =>
  Exit.matchEffect(exit, {
    onSuccess: () => Effect.succeed({ isWhole: true }),
    onFailure: (cause) => {
      const failure = Option.getOrUndefined(Cause.failureOption(cause))
      if (failure === undefined) return Effect.die(Cause.squash(cause))
      switch (failure._tag) {
        case "PoolShutdownError":
        case "BatchTimeoutError":
        case "BudgetExhaustedError":
          return Effect.succeed({ isWhole: false })
        case "JournalError":
          return Effect.fail(RunJournal.explain(failure))
        case "InputError":
        case "OutputError":
          return Effect.fail(failure)
      }
    }
  })
