/** One attempt of a row within a run: paid for, and watched for signs that the API is of no use. */
import { Cause, Effect, Exit, Option } from "effect"
import { Hints } from "effect-aimd"
import type * as Row from "../input/Row.js"
import type * as Call from "./Call.js"
import type * as Health from "./Health.js"
import type * as Money from "./Money.js"
import type { Stopper } from "./Stopper.js"

/** What rows of a run have in common. */
export interface Common {
  readonly ledger: Money.Ledger
  readonly health: Health.Health
  /** Rows that this process has begun, and whose entries have not come yet. */
  readonly begun: Set<string>
  readonly own: { ended: number }
  readonly stopper: Stopper
}

/** Makes what runs the attempts. */
export const make = (send: Call.Send, common: Common) => {
  const { begun, health, ledger, own, stopper } = common
  const { stop } = stopper
  const giveUp = (why: string | undefined) =>
    why === undefined ? Effect.void : stop({ reason: "dead", why: `the API is of no use: ${why}` })
  return (row: Row.Row) => {
    const sent = Effect.flatMap(ledger.reserve(row), (mayStart) => {
      if (mayStart) return send(row)
      // Nothing was sent: the row stays as it is.
      return Effect.zipRight(
        stop({ reason: "budget", why: "--max-cost may be passed by the next row" }),
        Effect.interrupt
      )
    })
    begun.add(row.id)
    return Effect.onExit(sent, (exit) =>
      Effect.flatMap(Hints.reported, ({ usage }) => {
        ledger.settle(row, Exit.isSuccess(exit), usage)
        if (Exit.isSuccess(exit)) {
          own.ended += 1
          return Effect.sync(health.served)
        }
        const failure = Option.getOrUndefined(Cause.failureOption(exit.cause))
        if (failure === undefined) {
          return stopper.stopped() !== undefined || !Cause.isInterruptedOnly(exit.cause)
            ? Effect.void
            : giveUp(health.timedOut())
        }
        if (failure._tag === "CapacityError") return Effect.void
        own.ended += 1
        return giveUp(health.failed(failure))
      })
    )
  }
}
