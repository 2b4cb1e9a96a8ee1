/**
 * The contract of a control law: policy apart from mechanism. A law is a pure step from what came back to what may go
 * out next; the pool applies what it decides.
 *
 * @since 0.1.0
 */
/**
 * One dimension of a limit as an answer tells it; every part is optional, since few APIs send them all.
 *
 * @since 0.2.0
 * @category models
 */
export interface Quota {
  /** How many the API allows in its period. */
  readonly limit?: number
  /** How many are left of it now. */
  readonly remaining?: number
  /** How long until the quota is full again, in milliseconds from the answer. */
  readonly resetAfter?: number
}

/**
 * What was used, as far as anybody knows: a field that nobody told of is not there.
 *
 * @since 0.2.0
 * @category models
 */
export interface Usage {
  /** All tokens. */
  readonly tokens?: number
  /** Those of the request, and those of the answer. */
  readonly inputTokens?: number
  readonly outputTokens?: number
  /** In the currency of whoever tells it. */
  readonly money?: number
}

/**
 * What an answer says of the API's limits, requests and tokens apart, and of what it used. See `Hints.report`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Hints {
  readonly requests?: Quota
  readonly tokens?: Quota
  readonly usage?: Usage
}

/**
 * What an attempt waited for last before it started: a free permit, the spacing, the {@link StartLimit}, or none of these.
 * A hold does not count.
 *
 * @since 0.2.0
 * @category models
 */
export type Bound = "window" | "spacing" | "period" | "none"

/**
 * What an attempt weighs: what it took, where its answer said so, and what its caller expected otherwise.
 *
 * @since 0.2.0
 * @category models
 */
export interface Cost {
  readonly requests: number
  readonly tokens: number
}

interface SampleFields {
  /** Whose attempt this was: a row or a call has one number in its pool, from 1. */
  readonly row: number
  /** Which attempt of the row this was, from 1. */
  readonly attempt: number
  /** The {@link Decision.epoch} under which the attempt was admitted. */
  readonly epoch: number
  /** Attempts in flight when the outcome came, this one included. */
  readonly inFlight: number
  /** From the attempt's start to its outcome, in milliseconds. */
  readonly latency: number
  /** Which start of the pool this attempt was, from 1. */
  readonly sequence: number
  /** Attempts in flight right after this one had started, this one included. */
  readonly startedWith: number
  readonly bound: Bound
  /** What the answer said about its limits, where the attempt reported it. */
  readonly hints?: Hints | undefined
  /** What the attempt weighs, where anybody says; one request and no tokens otherwise. */
  readonly cost?: Cost | undefined
}

/**
 * What one attempt tells the law.
 *
 * - `success`: the API served it
 * - `capacity`: the API said "not now", with the `retryAfter` it asked for, in milliseconds and capped by the pool
 * - `neutral`: the caller's own error, an interruption, a defect, a timeout: says nothing about the API's capacity. With
 *   `ownRejection` the API said "not now", as it does to this row again and again while it serves others.
 *
 * @since 0.1.0
 * @category models
 */
export type Sample =
  | (SampleFields & { readonly _tag: "success" })
  | (SampleFields & { readonly _tag: "capacity"; readonly status: number; readonly retryAfter: number | undefined })
  | (SampleFields & { readonly _tag: "neutral"; readonly ownRejection: boolean })

/**
 * The latest starts of the pool, oldest first, by their {@link Sample} `sequence`: what happened, for a law that weighs
 * explanations of it. Instants in epoch milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Starts {
  /** The sequence of the oldest that is remembered, and of the latest. */
  readonly first: number
  readonly last: number
  /** When it was started. */
  readonly at: (sequence: number) => number
  /** Attempts in flight besides it then. */
  readonly besides: (sequence: number) => number
  /** What is known of it: nothing yet, or how its attempt ended. */
  readonly fate: (sequence: number) => "open" | Sample["_tag"]
  /** The status that it was rejected with; 0 where it was not. */
  readonly status: (sequence: number) => number
  /** What it weighs in tokens, as {@link Cost} says; 0 where nobody says. */
  readonly tokens: (sequence: number) => number
}

/**
 * At most so many starts in any span of time.
 *
 * @since 0.2.0
 * @category models
 */
export interface StartLimit {
  readonly limit: number
  /** Milliseconds. */
  readonly period: number
  /** Whether `limit` is of tokens: there is a start while fewer have been started, as {@link Starts} counts them. Default false. */
  readonly areTokens?: boolean | undefined
  /**
   * Binds only as far as the starts it counts from came before this instant of the law's clock: a limit that is not
   * proven. Those beyond go one at a time, {@link Decision.alone} apart.
   */
  readonly provenUntil: number
}

/**
 * One permit more at an instant, and another after every span of time.
 *
 * @since 0.2.0
 * @category models
 */
export interface Ramp {
  /** An instant of the law's clock, in milliseconds. */
  readonly from: number
  /** Milliseconds. */
  readonly every: number
  /** The window does not grow beyond this. */
  readonly most: number
}

/**
 * What the pool may do from now on. The pool keeps to its own limits whatever a law decides: 1 ≤ window ≤ poolSize, a
 * spacing of at least `minDispatchDelay`, no hold longer than `maxRetryAfter`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Decision {
  /** How many attempts may be in flight. */
  readonly window: number
  /** Least time between the starts of two attempts, in milliseconds. */
  readonly spacing: number
  /**
   * The `spacing` is what follows a start of so many tokens; that after a start of more is longer in proportion, and after one
   * of fewer shorter. Default every start counts alike.
   */
  readonly spacedTokens?: number | undefined
  /** No start before this instant, in milliseconds of the law's clock; 0 for none. */
  readonly holdUntil: number
  /** How long a row that is rejected now waits before it asks for a permit again, in milliseconds. */
  readonly delay: number
  /** At most so many starts in a span of time. Default no limit; see {@link ControlLaw.remembers}. */
  readonly starts?: StartLimit | undefined
  /**
   * The first start after the pool was held goes alone, and the next follows so many milliseconds later: if the first is
   * rejected, the others have not gone yet. Default 0.
   */
  readonly alone?: number | undefined
  /** Lets the window grow by itself until the next decision. Default no growth. */
  readonly ramp?: Ramp | undefined
  /** How large a share of all calls is rejected by chance, whatever the load, as far as the law believes: 0 to 1. Default 0. */
  readonly chance?: number | undefined
  /** Since when the API has let nothing through, on the law's clock; undefined while it does. */
  readonly saturatedSince?: number | undefined
  /** Counts the decreases. An attempt carries the count that it started under, so that a law knows which rejections are old. */
  readonly epoch: number
  /** Why, in a few words for a person who asks why the pool is slow right now. */
  readonly reason: string
}

/**
 * A state with the decision that follows from it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Step<State> {
  readonly state: State
  readonly decision: Decision
}

/**
 * A control law: pure, so that it can be tested as a table and simulated a million steps a second. `now`, like every instant
 * of a law, is in milliseconds of the monotonic clock: they begin at the epoch, and nobody sets them forward or back later.
 *
 * Pass one of your own as the pool's `control` option.
 *
 * @since 0.1.0
 * @category models
 */
export interface ControlLaw<State = unknown> {
  readonly name: string
  /** How many of its latest starts the pool remembers, for {@link Decision.starts} and {@link Starts}. Default 0. */
  readonly remembers?: number
  // Methods, not properties: a pool gives a law only states of its own, so a law of any state is a `ControlLaw`.
  /**
   * `learned` is what a law of this name has told of itself in an earlier process, see {@link ControlLaw.learned}: it comes
   * out of a file or a database, so it may be anything.
   */
  initial(poolSize: number, now: number, learned?: unknown): Step<State>
  /** `starts` is as of now, and changes after the step. A law that wraps another hands it on. */
  step(state: State, sample: Sample, now: number, starts?: Starts): Step<State>
  /** What a later process may begin with, as JSON. Default nothing. A law that wraps another hands it on. */
  learned?(state: State): unknown
  /** The pool has another size from now on. A law without this goes on as before; no decision of it goes beyond the size. */
  resize?(state: State, poolSize: number, now: number): Step<State>
}
