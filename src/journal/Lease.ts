/**
 * How a process that has hold of a journal shows that it lives, and how another finds out that it does not.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Argument from "../structure/Argument.js"
import { JournalError } from "./JournalError.js"

/**
 * Options of every store.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /**
   * How often a process shows that it still uses the journal; default 1 second. After three times as long without a
   * sign, the process counts as dead, and another one may go on.
   */
  readonly heartbeat?: Duration.DurationInput | undefined
}

const patience = 3

/**
 * The checked heartbeat of some options.
 *
 * @since 0.2.0
 * @category options
 */
export const heartbeatOf = ({ heartbeat = "1 second" }: Options): Duration.Duration => {
  const read = Argument.duration(heartbeat)
  if (Option.isSome(read) && Duration.isFinite(read.value) && Duration.toMillis(read.value) > 0) return read.value
  throw Argument.refusal("option heartbeat", 'a duration above 0, such as "1 second"', heartbeat)
}

/**
 * A name for the process that nobody else has.
 *
 * @since 0.2.0
 * @category constructors
 */
export const token: Effect.Effect<string> = Effect.map(
  Effect.all([0, 1, 2, 3].map(() => Random.nextIntBetween(0, 0x1_0000_0000))),
  (parts) => parts.map((part) => part.toString(16).padStart(8, "0")).join("")
)

/**
 * Shows a sign of life at every heartbeat, until the scope closes. A sign that fails is made up for by the next.
 *
 * @since 0.2.0
 * @category heartbeat
 */
export const beat = (
  sign: Effect.Effect<unknown, unknown>,
  heartbeat: Duration.Duration
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.sleep(heartbeat).pipe(
    Effect.zipRight(Effect.ignore(sign)),
    Effect.forever,
    Effect.interruptible,
    Effect.forkScoped,
    Effect.asVoid
  )

/**
 * Looks for a sign of life of whoever has hold of a journal, and returns whether there is none: then `look` has given twice
 * the same, not undefined, several heartbeats apart.
 *
 * @since 0.2.0
 * @category heartbeat
 */
export const isAbandoned = <E>(
  look: Effect.Effect<string | undefined, E>,
  heartbeat: Duration.Duration
): Effect.Effect<boolean, E> =>
  Effect.gen(function* () {
    const before = yield* look
    if (before === undefined) return false
    yield* Effect.sleep(Duration.times(heartbeat, patience))
    return (yield* look) === before
  })

/**
 * Somebody else has hold of the journal.
 *
 * @since 0.2.0
 * @category errors
 */
export const inUse = (journal: string, detail = "another process works with it"): JournalError =>
  new JournalError({ reason: "InUse", journal, detail })
