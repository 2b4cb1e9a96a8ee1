/** Exit codes: what a script needs to know. */

/** Every code with its name, in the order of the help. */
export const codes = {
  done: 0,
  failedRows: 1,
  input: 2,
  budget: 3,
  timeout: 4,
  dead: 5,
  output: 6,
  defect: 70,
  interrupted: 130,
  terminated: 143
} as const

/** The names of the codes. */
export type Status = keyof typeof codes

/** What each code means, as the help and the page have it. */
export const meanings: { readonly [status in Status]: string } = {
  done: "every row has a result, and each was served (2xx)",
  failedRows: "every row has its line, and some rows failed",
  input: "wrong options or input: nothing more was sent",
  budget: "--max-cost is reached, and rows are left",
  timeout: "--timeout has passed, and rows are left",
  dead: "the API does not answer any more: unreachable, wrong key, quota used up",
  output: "results or journal cannot be written",
  defect: "a defect of this program",
  interrupted: "Ctrl-C, and rows are left",
  terminated: "SIGTERM, and rows are left"
}

/** Why a run stops before its rows have ended. */
export type Stop = "budget" | "timeout" | "dead" | "interrupted" | "terminated"

/** How a run ended: `answered` counts answers of any status, `unanswered` the rows that failed without one. */
export interface End {
  readonly stopped: Stop | undefined
  readonly failed: number
  readonly unfinished: number
  readonly answered: number
  readonly unanswered: number
}

/** The status of a run that came to its end. A stop that left no row behind did not matter. */
export const statusOf = ({ answered, failed, stopped, unanswered, unfinished }: End): Status => {
  if (stopped !== undefined && unfinished > 0) return stopped
  if (failed === 0) return "done"
  return answered === 0 && unanswered > 0 ? "dead" : "failedRows"
}
