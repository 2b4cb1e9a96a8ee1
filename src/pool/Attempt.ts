/**
 * One run of a row's effect: its time limit and its span.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Tracer from "effect/Tracer"
import type { Admission } from "./Admission.js"
import * as Again from "./Again.js"
import * as Insider from "./Insider.js"
import type { Job } from "./Job.js"
import * as PoolError from "../PoolError.js"

/**
 * The right to run inside a region that is otherwise uninterruptible.
 *
 * @since 0.1.0
 * @category models
 */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * An attempt of a job, as the fibers know it that run in it; it begins now. `outer` is the one of another pool around it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const begin = (admission: Admission, job: Job, outer: Insider.Insider | undefined): Insider.Insider => {
  admission.began(job.ticket)
  const { tally } = admission
  return { inFlight: true, tally, outer, member: job.member, again: Again.make(admission, job) }
}

const builtInTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/**
 * Whether spans of a fiber reach anybody. Effect's built-in tracer shows them to nobody, so nothing is spent on it.
 *
 * @since 0.1.0
 * @category tracing
 */
export const isTraced = (fiber: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  fiber.currentTracer !== builtInTracer && fiber.getFiberRef(FiberRef.currentTracerEnabled)

/**
 * The attempt as it is run: interrupted after `attemptTimeout`, where there is one, and in a span of its own under the
 * row's, where there is one.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E, R>(
  admission: Admission,
  call: Effect.Effect<A, E, R>,
  attempt: number,
  row: Tracer.Span | undefined
): Effect.Effect<A, E | PoolError.AttemptTimeoutError, R> => {
  const timeout = admission.config.attemptTimeout
  const limited = timeout === undefined ? call : withLimit(call, timeout, attempt)
  return row === undefined
    ? limited
    : Effect.withSpan(limited, "effect-aimd.attempt", {
        parent: row,
        attributes: { attempt },
        captureStackTrace: false
      })
}

/** The call with its time limit; where an answer that is late may be asked for again, it is, in the same attempt. */
const withLimit = <A, E, R>(
  call: Effect.Effect<A, E, R>,
  timeout: Duration.Duration,
  attempt: number
): Effect.Effect<A, E | PoolError.AttemptTimeoutError, R> => {
  const once = Effect.timeoutTo(call, {
    duration: timeout,
    onTimeout: () => undefined,
    onSuccess: (value) => ({ value })
  })
  const run: Effect.Effect<A, E | PoolError.AttemptTimeoutError, R> = Effect.flatMap(once, (done) => {
    if (done !== undefined) return Effect.succeed(done.value)
    return Effect.flatMap(FiberRef.get(Insider.current), (self) => {
      const rerun = Insider.occupantOf(self)?.rerun
      if (rerun?.isAllowed !== true || rerun.left <= 0) {
        return Effect.fail(new PoolError.AttemptTimeoutError({ timeout, attempt }))
      }
      rerun.left -= 1
      return Effect.zipRight(Insider.resent, run)
    })
  })
  return run
}

/**
 * Opens the span of a row, from its first start to its outcome, under the current span.
 *
 * @since 0.1.0
 * @category tracing
 */
export const openRowSpan = (admission: Admission, attributes: Record<string, unknown>): Effect.Effect<Tracer.Span> =>
  Effect.makeSpan("effect-aimd.row", {
    attributes: { pool: admission.config.name, ...attributes },
    captureStackTrace: false
  })

/**
 * Says what a user should hear of, if there is anything.
 *
 * @since 0.1.0
 * @category logging
 */
export const logNotice = (admission: Admission): Effect.Effect<void> | undefined => {
  const notice = admission.takeNotice()
  return notice === undefined ? undefined : Effect.logWarning(notice)
}

/**
 * The end of whoever calls a pool from inside one of its own attempts: it would wait for a permit with one in its hand.
 *
 * @since 0.2.0
 * @category errors
 */
export const insideOut = (admission: Admission): Effect.Effect<never> =>
  Effect.dieMessage(
    `effect-aimd: the pool "${admission.config.name}" was called from inside one of its own attempts, which would hold a ` +
      `permit and wait for another. Make the inner call without the pool: the pool retries the attempt as a whole. For HTTP ` +
      `that is PooledHttpClient.attempts`
  )
