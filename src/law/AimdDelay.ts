/**
 * The arithmetic of the AIMD delay: it multiplies on a capacity error and shrinks by a step on a success.
 *
 * The law is ELSPETH's: additive increase of speed, multiplicative decrease, after Chiu and Jain, "Analysis of the
 * Increase and Decrease Algorithms for Congestion Avoidance in Computer Networks", 1989.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"

/**
 * The numbers of the law; delays in milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Parameters {
  readonly minDelay: number
  readonly maxDelay: number
  readonly multiplier: number
  readonly recoveryStep: number
}

/**
 * The law's numbers out of a validated configuration.
 *
 * @since 0.1.0
 * @category law
 */
export const parameters = (config: {
  readonly minDispatchDelay: Duration.Duration
  readonly maxDispatchDelay: Duration.Duration
  readonly backoffMultiplier: number
  readonly recoveryStep: Duration.Duration
}): Parameters => ({
  minDelay: Duration.toMillis(config.minDispatchDelay),
  maxDelay: Duration.toMillis(config.maxDispatchDelay),
  multiplier: config.backoffMultiplier,
  recoveryStep: Duration.toMillis(config.recoveryStep)
})

/**
 * The delay after a capacity error: at the floor at least `max(recoveryStep, minDelay)`, above it `delay × multiplier`,
 * never over `maxDelay`. Milliseconds.
 *
 * @since 0.1.0
 * @category law
 */
export const backOff = (parameters: Parameters, delay: number): number => {
  const { maxDelay, minDelay, multiplier, recoveryStep } = parameters
  const multiplied = delay * multiplier
  return Math.min(maxDelay, delay <= minDelay ? Math.max(recoveryStep, minDelay, multiplied) : multiplied)
}

/**
 * The delay after a success: `delay - recoveryStep`, never under `minDelay`. Milliseconds.
 *
 * @since 0.1.0
 * @category law
 */
export const recover = (parameters: Parameters, delay: number): number =>
  Math.max(parameters.minDelay, delay - parameters.recoveryStep)
