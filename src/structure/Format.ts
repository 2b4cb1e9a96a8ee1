/**
 * Durations for messages.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

// Effect prints by way of nanoseconds, which a number can be too small to count.
const longest = Number.MAX_VALUE / 1e6

/**
 * A duration as a person reads it, however long.
 *
 * @since 0.1.0
 * @category formatting
 */
export const duration = (self: Duration.Duration): string =>
  Duration.isFinite(self) && Duration.toMillis(self) > longest ? `${Duration.toMillis(self)}ms` : Duration.format(self)
