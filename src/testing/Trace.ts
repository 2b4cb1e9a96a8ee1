/**
 * What happens in a simulation, event by event, and how to look on.
 *
 * @since 0.2.0
 */
import type * as ControlLaw from "../law/ControlLaw.js"
import type { Cost } from "../limit/Cost.js"
import type * as PoolConfig from "../PoolConfig.js"
import type * as PoolStats from "../PoolStats.js"
import type { TurnOptions } from "../PooledExecutor.js"

/**
 * How an attempt, or a row, ended: with its result, with a capacity error, with another error, interrupted, or dead. A row
 * can also end by the pool's own errors, whose tag it then has, or be evicted.
 *
 * @since 0.2.0
 * @category models
 */
export type Outcome =
  | "success"
  | "capacity"
  | "failed"
  | "interrupted"
  | "died"
  | "RetryTimeoutError"
  | "AttemptTimeoutError"
  | "BatchTimeoutError"
  | "PoolShutdownError"
  | "RowCancelledError"
  | "CallTooLargeError"
  | "BudgetExhaustedError"
  | "TooLateError"
  | "evicted"

interface At {
  /** Epoch milliseconds of virtual time. */
  readonly at: number
  /** Index of the client, which is also that of its pool. */
  readonly client: number
}

/**
 * An event. Rows are numbered through the whole simulation.
 *
 * - `joined`: a client has made its pool; of a group of pools each is a client, too, to whom all belongs that comes of attempts
 * - `submitted`: rows `row` to `row + count - 1` were handed to the pool; each batch and each stream is a `line` of its own,
 *   and all single calls are line 0; `turns` has what each row says of its own, where one does, `costs` what each takes, and `isKept` whether they have a journal
 * - `opened`: a stream begins, of which each row is `submitted` as it is read; `reader` milliseconds are taken for an entry
 * - `started`, `ended`: an attempt, as the pool ran it; `retryAfter` is what the API asked for, in milliseconds, and `answer` is
 *   a number of its own for each success; `cost` is what the pool was told that it takes, and `took` what the answer says that
 *   it did
 * - `decided`: the law has decided, on a sample or at first
 * - `finished`: the caller has a row's outcome, which came at `completedAt`; `order` is its place among the entries of its
 *   submission, and `answer`, of a client with journals, the one that it has. Of a stream, `onEntry` has it, or `onUnfinished`: that is `interrupted` after 0 attempts
 * - `released`: the reader of a stream takes a row's entry
 * - `withdrawn`: a row is about to be cancelled or evicted; where it is gone already, nothing comes of it
 * - `paused`, `resumed`, `resized`: the pool is paused now, and is about to be resumed or to get another size
 * - `shutdown`, `shut`: a shutdown, or the closing of the pool's scope, was asked for, and has returned
 * - `crashed`: the client's process is gone, in the middle of whatever it did; it joins again
 * - `left`: the client is done; what the pool says is still in flight and pending, and of the limits that it was told
 *
 * @since 0.2.0
 * @category models
 */
export type Event =
  | (At & { readonly _tag: "joined"; readonly config: PoolConfig.PoolConfig })
  | (At & {
      readonly _tag: "submitted"
      readonly row: number
      readonly count: number
      readonly line: number
      readonly turns?: ReadonlyArray<TurnOptions | undefined>
      readonly costs?: ReadonlyArray<Cost>
      readonly isKept?: boolean
    })
  | (At & { readonly _tag: "started"; readonly row: number; readonly attempt: number; readonly cost?: Cost })
  | (At & {
      readonly _tag: "ended"
      readonly row: number
      readonly attempt: number
      readonly outcome: Outcome
      readonly retryAfter: number | undefined
      readonly answer?: number
      readonly took?: Cost
    })
  | (At & {
      readonly _tag: "decided"
      readonly decision: ControlLaw.Decision
      readonly sample: ControlLaw.Sample | undefined
    })
  | (At & {
      readonly _tag: "finished"
      readonly row: number
      readonly order: number
      readonly completedAt: number
      readonly outcome: Outcome
      readonly attempts: number
      readonly answer?: number
    })
  | (At & {
      readonly _tag: "opened"
      readonly line: number
      readonly ordered: boolean
      readonly maxPending: number
      readonly reader: number
    })
  | (At & { readonly _tag: "released"; readonly row: number })
  | (At & { readonly _tag: "withdrawn"; readonly row: number; readonly how: "cancel" | "evict" })
  | (At & { readonly _tag: "resized"; readonly poolSize: number })
  | (At & { readonly _tag: "shutdown" | "shut" | "paused" | "resumed" | "crashed" })
  | (At & {
      readonly _tag: "left"
      readonly inFlight: number
      readonly pending: number
      readonly limits?: ReadonlyArray<PoolStats.LimitStats>
      readonly money?: PoolStats.PoolStats["money"]
    })

/**
 * Looks at every event as it happens. It is synchronous, and must not throw.
 *
 * @since 0.2.0
 * @category models
 */
export type Observer = (event: Event) => void

const round = (n: number): number => Math.round(n * 1000) / 1000

/**
 * A law that tells a listener what it is told and what it decides, its first decision included, in epoch milliseconds.
 *
 * @since 0.2.0
 * @category tracing
 */
export const listen = (
  law: ControlLaw.ControlLaw,
  onDecision: (now: number, decision: ControlLaw.Decision, sample: ControlLaw.Sample | undefined) => void
): ControlLaw.ControlLaw => {
  const resize = law.resize?.bind(law)
  return {
    ...law,
    initial: (poolSize, now, learned) => {
      const first = law.initial(poolSize, now, learned)
      onDecision(now, first.decision, undefined)
      return first
    },
    step: (state, sample, now, starts) => {
      const next = law.step(state, sample, now, starts)
      onDecision(now, next.decision, sample)
      return next
    },
    ...(resize && {
      resize: (state: unknown, poolSize: number, now: number) => {
        const next = resize(state, poolSize, now)
        onDecision(now, next.decision, undefined)
        return next
      }
    })
  }
}

/**
 * An event as a line of text: equal traces are equal texts.
 *
 * @since 0.2.0
 * @category formatting
 */
export const line = (event: Event): string => {
  const head = `${round(event.at).toFixed(3)} client ${event.client} ${event._tag}`
  switch (event._tag) {
    case "joined":
      return `${head} with a pool of ${event.config.poolSize}`
    case "submitted":
      return `${head} rows ${event.row} to ${event.row + event.count - 1}`
    case "started":
      return `${head} row ${event.row} attempt ${event.attempt}`
    case "ended": {
      const asked = event.retryAfter === undefined ? "" : ` retry after ${round(event.retryAfter)}`
      return `${head} row ${event.row} attempt ${event.attempt} ${event.outcome}${asked}`
    }
    case "decided": {
      const { delay, epoch, holdUntil, reason, spacing, window } = event.decision
      const numbers = { window, spacing, holdUntil, delay, epoch }
      const values = Object.entries(numbers).map(([name, value]) => `${name} ${round(value)}`)
      return `${head} ${values.join(" ")}: ${reason}`
    }
    case "finished":
      return `${head} row ${event.row} as entry ${event.order}: ${event.outcome} after ${event.attempts} attempts`
    case "left":
      return `${head} with ${event.inFlight} in flight, ${event.pending} pending`
    case "opened": {
      const order = event.ordered ? "in order" : "in any order"
      return `${head} a stream as line ${event.line}, ${order}, at most ${event.maxPending} pending`
    }
    case "released":
      return `${head} row ${event.row}`
    case "withdrawn":
      return `${head} row ${event.row} to ${event.how} it`
    case "resized":
      return `${head} to ${event.poolSize}`
    case "shutdown":
    case "shut":
    case "paused":
    case "resumed":
    case "crashed":
      return head
  }
}
