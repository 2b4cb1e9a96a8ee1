/**
 * What happens in a simulation, event by event.
 *
 * @since 0.2.0
 */
import type * as ControlLaw from "../law/ControlLaw.js"
import type { Cost } from "../limit/Cost.js"
import type * as PoolConfig from "../PoolConfig.js"
import type * as PoolStats from "../PoolStats.js"
import type { TurnOptions } from "../PooledExecutor.js"

/**
 * How an attempt or a row ended: with its result, with a capacity error, with another error, by interruption, or by a
 * defect. A row can also end with one of the pool's own errors, then this is the error's tag, or it can be evicted.
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
  /** The index of the client, which is also the index of its pool. */
  readonly client: number
}

/**
 * An event. Rows are numbered through the whole simulation.
 *
 * - `joined`: a client has made its pool; each pool of a group is a client too, and all events of its attempts have its
 *   index
 * - `submitted`: rows `row` to `row + count - 1` were given to the pool; each batch and each stream is a `line` of its
 *   own, and all single calls are line 0; `turns` has the turn of each row, if any row has one, `costs` what each row
 *   takes, and `isKept` whether they have a journal
 * - `opened`: a stream begins; each of its rows is `submitted` when it is read; its reader takes `reader` milliseconds
 *   for an entry
 * - `started`, `ended`: an attempt of the pool; `retryAfter` is what the API asked for, in milliseconds; each success
 *   has its own number as `answer`; `cost` is what the pool was told that it takes, and `took` what the answer says
 *   that it used
 * - `decided`: the law has made its first decision, or one after a sample
 * - `finished`: the caller has a row's outcome, which came at `completedAt`; `order` is its place among the entries of
 *   its submission; if the client has journals, `answer` is the answer that it has. In a stream, `onEntry` got it, or
 *   `onUnfinished`: then the outcome is `interrupted` after 0 attempts
 * - `released`: the reader of a stream takes a row's entry
 * - `withdrawn`: a row will be cancelled or evicted; if it has ended already, nothing happens
 * - `paused`: the pool is paused now; `resumed`, `resized`: it will be resumed, or get another size, next
 * - `shutdown`, `shut`: a shutdown, or the closing of the pool's scope, begins, and has ended
 * - `crashed`: the client's process has died, in the middle of its work; it joins again
 * - `left`: the client is done; with what the pool reports as in flight and pending, and about the limits that it was
 *   told
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
 * Wraps a law, so that a listener gets all that the law is told and decides, also its first decision, with instants in
 * epoch milliseconds.
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
