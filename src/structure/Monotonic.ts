/**
 * The clock that nobody sets: what waits must not depend on the wall clock, which is put right now and then.
 *
 * @since 0.2.0
 */
import type * as Clock from "effect/Clock"

/**
 * Milliseconds of a clock's monotonic time. Effect's own clock starts it at the epoch, by the wall clock of the process's
 * start: there a number of milliseconds is exact to a quarter of a microsecond.
 *
 * @since 0.2.0
 * @category reading
 */
export const now = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6
