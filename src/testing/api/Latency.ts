/**
 * How long a server works on a request, in milliseconds.
 *
 * @since 0.2.0
 */
import type { PCGRandom } from "effect/Utils"

/**
 * Draws a time for a request, by its number of tokens.
 *
 * @since 0.2.0
 * @category models
 */
export type Latency = (chance: PCGRandom, tokens: number) => number

/**
 * Always the same.
 *
 * @since 0.2.0
 * @category constructors
 */
export const constant =
  (millis: number): Latency =>
  () =>
    millis

/**
 * Any time between two bounds, all equally likely.
 *
 * @since 0.2.0
 * @category constructors
 */
export const uniform =
  (min: number, max: number): Latency =>
  (chance) =>
    min + (max - min) * chance.number()

/**
 * Log-normal, as the latencies of most services are: half of them are over the median; `sigma` (default 0.5) is the
 * standard deviation of the logarithm. It uses the method of Box and Muller, 1958, and rounds to whole microseconds, so
 * that a run does not depend on the last bit of a logarithm.
 *
 * @since 0.2.0
 * @category constructors
 */
export const logNormal =
  (median: number, sigma = 0.5): Latency =>
  (chance) => {
    const radius = Math.sqrt(-2 * Math.log(1 - chance.number()))
    const normal = radius * Math.cos(2 * Math.PI * chance.number())
    return Math.round(median * Math.exp(sigma * normal) * 1000) / 1000
  }

/**
 * A base and a time for each token, as LLMs take, multiplied by the factor `noise` if there is one.
 *
 * @since 0.2.0
 * @category constructors
 */
export const bySize =
  (options: { readonly base: number; readonly perToken: number; readonly noise?: Latency }): Latency =>
  (chance, tokens) =>
    (options.base + options.perToken * tokens) * (options.noise?.(chance, tokens) ?? 1)
