/** Which rows that failed in an earlier run are done again. */
import { Cause, Option } from "effect"
import type { PoolError } from "effect-aimd"
import { isNoAnswer, type RowFailure } from "../output/Outcome.js"

/** What the user says of them. */
export type Retry = "unanswered" | "failed" | "never"

type Failure = RowFailure | PoolError.RowError<never>

const unfinished: ReadonlySet<string> = new Set(["PoolShutdownError", "BatchTimeoutError", "RowCancelledError"])

/** Whether a row that failed in an earlier run is done again. */
export const isDoneAgain =
  (retry: Retry) =>
  (cause: Cause.Cause<Failure>): boolean => {
    const failure = Option.getOrUndefined(Cause.failureOption(cause))
    if (failure === undefined || unfinished.has(failure._tag)) return true
    if (retry !== "unanswered") return retry === "failed"
    if (failure._tag === "Refused") return isNoAnswer(failure.status)
    return failure._tag !== "Unanswered" || failure.code === "connection_error" || failure.code === "quota_exhausted"
  }
