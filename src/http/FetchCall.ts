/**
 * One call of a pooled `fetch`, as its caller's abort signal sees it: in line, in flight, or with its body still coming in.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Predicate from "effect/Predicate"
import * as Abort from "./Abort.js"

/**
 * What a call does to its surroundings.
 *
 * @since 0.2.0
 * @category models
 */
export interface Surroundings {
  readonly clock: Clock.Clock
  /** Runs something beside the call. */
  readonly fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<unknown, unknown>
  /** The call was aborted, for a reason that is no time limit, while it waited in line. */
  readonly onAbortInLine: () => void
  /** The call ends now, for the signal's reason. */
  readonly cancel: () => void
}

/** So much sooner may a time limit be over, as it began before the call, and so much later; milliseconds. */
const [early, late] = [50, 1000]

/**
 * Whether an abort after so many milliseconds is a time limit: by its reason, or because one of so many was told of, to the
 * second.
 */
const isTimeLimit = (reason: unknown, told: number, after: number): boolean =>
  (Predicate.hasProperty(reason, "name") && reason.name === "TimeoutError") ||
  (after >= told - early && after < told + late)

/**
 * A call. A time limit counts from the start of an attempt: one that is over while the call waits in line starts anew with
 * the permit.
 *
 * @since 0.2.0
 * @category models
 */
export class FetchCall {
  /** Breaks off the request that is in flight, or its body. */
  readonly controller = new AbortController()
  private readonly signal: AbortSignal
  /** The time limit that was told of, in milliseconds. */
  private readonly told: number
  private readonly around: Surroundings
  private readonly calledAt: number
  private readonly stopListening: () => void
  /** When the attempt in flight was started; undefined while the call waits in line. */
  private startedAt: number | undefined = undefined
  /** The time limit in milliseconds, once it is known. */
  private limit: number | undefined = undefined
  private timer: Fiber.RuntimeFiber<unknown, unknown> | undefined = undefined
  /** The caller has its answer, of which the body is still to come. */
  isOpen = false

  constructor(
    signal: AbortSignal,
    headers: { readonly [name: string]: string | undefined },
    around: Surroundings,
    /** The time limit of calls that do not tell of theirs, in milliseconds. */
    byDefault = NaN
  ) {
    this.signal = signal
    // SDKs of OpenAI's and Anthropic's make say it in whole seconds.
    this.told = Number(headers["x-stainless-timeout"] ?? NaN) * 1000 || byDefault
    this.around = around
    this.calledAt = around.clock.unsafeCurrentTimeMillis()
    this.stopListening = Abort.listen(signal, () => this.onAbort())
  }

  /** An attempt of this call. */
  attempt<A, E, R>(attempt: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.startedAt = this.around.clock.unsafeCurrentTimeMillis()
      if (this.limit !== undefined) this.endIn(this.limit)
      return Effect.ensuring(
        attempt,
        Effect.sync(() => {
          this.startedAt = undefined
          this.stopTimer()
        })
      )
    })
  }

  /** Nothing is left to abort. */
  end(): void {
    this.isOpen = false
    this.stopListening()
    this.stopTimer()
  }

  private onAbort(): void {
    const { around, calledAt, signal, startedAt } = this
    if (this.isOpen) return this.controller.abort(signal.reason)
    const now = around.clock.unsafeCurrentTimeMillis()
    const after = now - calledAt
    if (!isTimeLimit(signal.reason, this.told, after)) {
      if (startedAt === undefined) around.onAbortInLine()
      return around.cancel()
    }
    this.limit = after
    if (startedAt !== undefined) this.endIn(startedAt + after - now)
  }

  private endIn(millis: number): void {
    this.timer = this.around.fork(Effect.zipRight(Effect.sleep(millis), Effect.sync(this.around.cancel)))
  }

  private stopTimer(): void {
    this.timer?.unsafeInterruptAsFork(FiberId.none)
    this.timer = undefined
  }
}
