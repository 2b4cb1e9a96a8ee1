/**
 * The clock that nobody sets: what waits must not depend on the wall clock, which is put right now and then.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"

const nanosInMilli = 1_000_000n

/**
 * Milliseconds of a clock's monotonic time. Effect's own clock starts it at the epoch, by the wall clock of the process's
 * start.
 *
 * @since 0.2.0
 * @category reading
 */
export const now = (clock: Clock.Clock): number => {
  const nanos = clock.unsafeCurrentTimeNanos()
  const millis = nanos / nanosInMilli
  // Whole milliseconds apart from the rest: nanoseconds since the epoch are more than a number holds exactly.
  return Number(millis) + Number(nanos - millis * nanosInMilli) / 1e6
}
