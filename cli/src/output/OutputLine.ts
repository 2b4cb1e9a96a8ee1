/** A line of the results: OpenAI's batch output format. */
import { Cause, Exit, Option } from "effect"
import type { ReorderBuffer } from "effect-aimd"
import * as Row from "../input/Row.js"
import type { Answer, RowFailure } from "./Outcome.js"

/** What a row can fail with besides by itself. */
interface PoolFailure {
  readonly _tag: string
  readonly message: string
}

/** An entry as the run gets it. */
export type Entry = ReorderBuffer.BufferEntry<Answer, RowFailure | PoolFailure>

/** Why there is no answer. */
export interface Fault {
  readonly code: string
  readonly message: string
}

/**
 * - `served`: 2xx
 * - `refused`: any other answer
 * - `failed`: no answer to the row
 * - `unfinished`: the run ended before the row did
 */
export type Ending =
  | { readonly _tag: "served" | "refused"; readonly answer: Answer }
  | { readonly _tag: "failed"; readonly fault: Fault; readonly answer?: Answer }
  | { readonly _tag: "unfinished" }

const unfinished: ReadonlySet<string> = new Set(["PoolShutdownError", "BatchTimeoutError", "RowCancelledError"])

/** OpenAI has the second of these codes. */
const poolCodes: { readonly [tag: string]: string } = {
  RetryTimeoutError: "rate_limit_exceeded",
  AttemptTimeoutError: "request_timeout"
}

/** How a row ended. */
export const endingOf = ({ exit }: Entry): Ending => {
  if (Exit.isSuccess(exit)) return { _tag: "served", answer: exit.value }
  const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
  if (failure === undefined) {
    if (Cause.isInterrupted(exit.cause)) return { _tag: "unfinished" }
    const defect = Cause.squash(exit.cause)
    return { _tag: "failed", fault: { code: "internal_error", message: String(defect) } }
  }
  if (isRefused(failure)) return { _tag: "refused", answer: failure }
  if (unfinished.has(failure._tag)) return { _tag: "unfinished" }
  const code = "code" in failure ? failure.code : (poolCodes[failure._tag] ?? failure._tag)
  const fault = { code, message: failure.message }
  return "answer" in failure ? { _tag: "failed", fault, answer: failure.answer } : { _tag: "failed", fault }
}

const isRefused = (failure: RowFailure | PoolFailure): failure is Extract<RowFailure, { readonly _tag: "Refused" }> =>
  failure._tag === "Refused"

const responseOf = ({ body, requestId, status, text }: Answer): string =>
  `{"status_code":${status},"request_id":${JSON.stringify(requestId)},"body":${text ?? JSON.stringify(body)}}`

/** The line, without its end; undefined for a row that is unfinished. */
export const format = (id: string, ending: Ending): string | undefined => {
  if (ending._tag === "unfinished") return undefined
  const names = JSON.stringify({ id: Row.requestName(id), custom_id: id }).slice(0, -1)
  const response = ending.answer === undefined ? "null" : responseOf(ending.answer)
  const error = ending._tag === "failed" ? JSON.stringify(ending.fault) : "null"
  return `${names},"response":${response},"error":${error}}`
}
