/** Whether an API is of any use: so many failures in a row that are not the rows' own say that it is not. */
import { type RowFailure, speaksOfDeath } from "../output/Outcome.js"

export interface Health {
  readonly served: () => void
  /** A row has failed; returns why it is of no use to go on, if it is not. */
  readonly failed: (failure: RowFailure) => string | undefined
  /** An attempt took longer than it may. */
  readonly timedOut: () => string | undefined
}

const describe = (failure: RowFailure): string => failure.message

/** Gives up after so many failures in a row; never for 0. */
export const make = (giveUpAfter: number): Health => {
  let inARow = 0
  let hasServed = false
  const count = (why: string): string | undefined => {
    inARow += 1
    return giveUpAfter > 0 && inARow >= giveUpAfter ? `${inARow} failures in a row, the last: ${why}` : undefined
  }
  return {
    served: () => {
      inARow = 0
      hasServed = true
    },
    failed: (failure) => {
      // No row is served with a wrong key.
      if (failure._tag === "Refused" && failure.status === 401 && !hasServed) {
        return "the API does not take the key (status 401): give the right one with --key or OPENAI_API_KEY"
      }
      if (speaksOfDeath(failure, hasServed)) return count(describe(failure))
      inARow = 0
      return undefined
    },
    timedOut: () => count("no answer within --request-timeout")
  }
}
