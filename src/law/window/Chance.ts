/**
 * Rejections that say nothing about a limit: their share of all calls is the same at any load.
 *
 * @since 0.2.0
 */

/** Evidence for a limit, in nats, for each share of rejections that it may bring; CUSUM. */
export type Alarms = ReadonlyArray<number>

/** Shares of rejections that a limit may bring. */
const shares = [0.9, 0.5, 0.2]

export const silent: Alarms = shares.map(() => 0)

/** So many starts were let through, so many of them would have been rejected by chance. */
export const passed = (alarms: Alarms, chance: number, starts: number): Alarms =>
  starts === 0
    ? alarms
    : alarms.map((alarm, i) => Math.max(0, alarm + starts * Math.log((1 - (shares[i] ?? 0)) / (1 - chance))))

/** A start was rejected. */
export const hit = (alarms: Alarms, chance: number): Alarms =>
  alarms.map((alarm, i) => alarm + Math.log((shares[i] ?? 1) / chance))

/** How much likelier what was seen is with a limit; in nats. */
export const evidence = (alarms: Alarms): number => Math.max(...alarms)
