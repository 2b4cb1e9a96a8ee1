/**
 * Rejections that say nothing about a limit: their share of all calls is the same at any load.
 *
 * @since 0.2.0
 */
import { certain, cut, few, half, tenth } from "./Numbers.js"

/**
 * Evidence for a limit, in nats, for each share of rejections that it may bring. It is never less than nothing, so that what
 * was seen long ago does not hide what is seen now: the cumulative sum of Page, "Continuous Inspection Schemes", 1954.
 *
 * @since 0.2.0
 * @category models
 */
export type Alarms = ReadonlyArray<number>

/** Shares of rejections that a limit may bring. */
const shares = [1 - tenth, half, 1 - cut]
const leastShare = Math.min(...shares)

/**
 * The greatest share of rejections that is chance. More, and something is wrong.
 *
 * @since 0.2.0
 * @category constants
 */
export const most = 1 / few

/** Rejections in a row that chance brings less often than this are a closed API. */
const doubt = Math.exp(-certain / 2)

/**
 * Whether so many rejections in a row are an API that has closed, where chance rejects such a share of all calls.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isClosed = (chance: number, row: number): boolean => chance ** row < doubt

/**
 * No evidence.
 *
 * @since 0.2.0
 * @category constants
 */
export const silent: Alarms = shares.map(() => 0)

/**
 * So many starts were let through: that speaks for chance. `chance` is the share of the starts that it rejects.
 *
 * @since 0.2.0
 * @category learning
 */
export const passed = (alarms: Alarms, chance: number, starts: number): Alarms =>
  // Most of the time nothing was rejected, and nothing can fall below silence.
  starts === 0 || (alarms === silent && chance <= leastShare)
    ? alarms
    : alarms.map((alarm, i) => Math.max(0, alarm + starts * Math.log((1 - (shares[i] ?? 0)) / (1 - chance))))

/**
 * A start was rejected: that speaks for a limit, the more the rarer chance is.
 *
 * @since 0.2.0
 * @category learning
 */
export const hit = (alarms: Alarms, chance: number): Alarms =>
  alarms.map((alarm, i) => alarm + Math.log((shares[i] ?? 1) / chance))

/**
 * How much likelier what was seen is with a limit; in nats.
 *
 * @since 0.2.0
 * @category values
 */
export const evidence = (alarms: Alarms): number => Math.max(...alarms)
