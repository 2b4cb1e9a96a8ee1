/**
 * Rounds that all clients of an API have in common without talking to each other: they follow the wall clock. A round
 * begins where the time since the epoch is a multiple of its length, and every length is a power of two times the shortest,
 * so that long rounds begin together with short ones.
 *
 * What TCP gets from one queue that drops packets of all flows at a time, synchronized decreases, clients get from their
 * clocks, which need not agree better than to a tenth of a round. That increases and decreases which come together make
 * shares equal is of Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for Congestion Avoidance in Computer
 * Networks", 1989.
 *
 * @since 0.2.0
 */
import { few, hundredth, lots, moment, several, spare } from "./Numbers.js"

/**
 * A round, in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Round {
  /** The shortest that this API's latency allows: some five to eleven times the latency, the same for all its clients. */
  readonly unit: number
  /** Its length here: longer where calls are rare, or a rejection is dear. */
  readonly length: number
}

/**
 * The shortest round, in milliseconds.
 *
 * @since 0.2.0
 * @category constants
 */
export const least = lots * moment

/** The longest latency for which a round is that short. */
const leastLatency = spare * moment

/** Clients test what is free in this share of the unit, from a round's beginning on. */
const busyShare = 1 / several

/** Places that were let go may be taken from then on, as a share of the unit. */
const climbShare = 1 / (2 * lots)

const doublings = (ratio: number): number => Math.max(0, Math.ceil(Math.log2(ratio)))

/**
 * The round for an API of this latency, that a client is served `rate` times a second: long enough for `count` calls, so that
 * one that is rejected in each does not count for much, and for `cost`, the milliseconds that a rejection costs over the share
 * of the time that it may cost.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (latency: number, rate: number, count: number, cost: number): Round => {
  const unit = least * 2 ** doublings(latency / leastLatency)
  const affordable = unit * 2 ** doublings(cost / unit)
  const calls = (rate * affordable) / 1000
  // No longer than twice: who is rarely served must be able to ask for more.
  return { unit, length: affordable * Math.min(2, 2 ** doublings(count / Math.max(hundredth, calls))) }
}

/**
 * So often patience doubles a round, at most, and rare calls that of a client that is alone: nobody waits for it.
 *
 * @since 0.2.0
 * @category constants
 */
export const maxPatience = few

/**
 * The round for a client that shares with nobody: what others do does not bind it, nor how long answers take.
 *
 * @since 0.2.0
 * @category constructors
 */
export const alone = (rate: number, count: number, cost: number): Round => {
  const calls = Math.round(Math.log2((1000 * count) / rate / least))
  return { unit: least, length: least * 2 ** Math.max(doublings(cost / least), Math.min(maxPatience, calls)) }
}

/**
 * When the round ends in which an instant lies; epoch milliseconds.
 *
 * @since 0.2.0
 * @category values
 */
export const endOf = ({ length }: Round, at: number): number => (Math.floor(at / length) + 1) * length

/**
 * When clients begin to take what is free in the round that begins at an instant.
 *
 * @since 0.2.0
 * @category values
 */
export const climbsAt = ({ unit }: Round, begin: number): number => begin + unit * climbShare

/**
 * Whether clients test what is free at this instant, and a rejection says little.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isBusy = ({ unit }: Round, at: number): boolean => at % unit < busyShare * unit

/**
 * The instant between two at which the most rounds, whatever their length, have just begun, and places are free; undefined
 * where none begins.
 *
 * @since 0.2.0
 * @category values
 */
export const roundest = (after: number, until: number): number | undefined => {
  const free = least * climbShare
  let found: number | undefined
  for (let length = least; length <= until; length *= 2) {
    const at = Math.floor((until - free) / length) * length + free
    if (at <= after) break
    found = at
  }
  return found
}
