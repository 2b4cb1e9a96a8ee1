/**
 * Rejections that say nothing about a limit: their share of all calls is the same at any load.
 *
 * @since 0.2.0
 */

/** Evidence for a limit, in nats, for each share of rejections that it may bring; CUSUM. */
type Alarms = ReadonlyArray<number>

/**
 * What is known of rejections by chance.
 *
 * @since 0.2.0
 * @category models
 */
export interface Chance {
  /** Starts that no limit was tested with, and how many of them were rejected; older ones count less. */
  readonly calm: number
  readonly rejected: number
  /** Evidence that a limit has fallen; and that the one that is tested was found. */
  readonly fall: Alarms
  readonly test: Alarms
}

/** Of so many starts so many were rejected: what is believed of an API that nothing is known of. */
const prior = 200
const priorRejected = 0.5
/** Half of what was seen so many starts ago is forgotten. */
const memory = 2000
/** Shares of rejections that a limit may bring. */
const shares = [0.9, 0.5, 0.2]
/** A limit is believed once what was seen is so much likelier with it; in nats. */
const thresholds = { fall: 6, test: 4.5 }

const silent: Alarms = shares.map(() => 0)

export const initial: Chance = { calm: 0, rejected: 0, fall: silent, test: silent }

/**
 * The share of calls that chance rejects, from 0 to 1.
 *
 * @since 0.2.0
 * @category values
 */
export const shareOf = ({ calm, rejected }: Chance): number => (rejected + priorRejected) / (calm + prior)

/** No more than is certain: who takes a limit for chance pays for it. */
const least = ({ calm, rejected }: Chance): number =>
  (Math.max(0, rejected - Math.sqrt(rejected)) + priorRejected) / (calm + prior)

const expected = (chance: Chance, group: Group): number => (group === "test" ? least : shareOf)(chance)

export type Group = "fall" | "test"

/** So many starts were let through. */
export const passed = (chance: Chance, group: Group, starts: number): Chance => {
  if (starts === 0) return chance
  const share = expected(chance, group)
  const alarms = chance[group].map((alarm, i) =>
    Math.max(0, alarm + starts * Math.log((1 - (shares[i] ?? 0)) / (1 - share)))
  )
  if (group === "test") return { ...chance, test: alarms }
  const kept = 0.5 ** (starts / memory)
  return { ...chance, calm: chance.calm * kept + starts, rejected: chance.rejected * kept, fall: alarms }
}

/** A start was rejected. */
export const hit = (chance: Chance, group: Group, isAlone: boolean): Chance => {
  const share = expected(chance, group)
  const alarms = chance[group].map((alarm, i) => alarm + Math.log((shares[i] ?? 1) / share))
  return group === "test"
    ? { ...chance, test: alarms }
    : { ...chance, calm: chance.calm + 1, rejected: chance.rejected + (isAlone ? 1 : 0), fall: alarms }
}

/** Whether there is a limit. */
export const isLimit = (chance: Chance, group: Group): boolean =>
  chance[group].some((alarm) => alarm > thresholds[group])

/** The evidence has been acted upon. */
export const heard = (chance: Chance): Chance => ({ ...chance, fall: silent, test: silent })
