/**
 * The parts that a shared limit is cut into, each a key of the store, as one process knows them.
 *
 * Whoever finds a part free opens it. From then on anybody may take from it, for the grace, until nothing is left. When the
 * last start that it can have had counts no more, the store forgets it, and it is free again. So no span of time sees more of
 * a part than its size, whoever takes, and whatever becomes of them.
 *
 * @since 0.2.0
 */
import type { Instant } from "../structure/Clocks.js"
import { isDue } from "../structure/TimerQueue.js"
import type { Lease } from "./Leases.js"
import * as Portion from "./Portion.js"

/**
 * What is asked of the store: to open a part, with one token, or so many of one that is open.
 *
 * @since 0.2.0
 * @category models
 */
export interface Take {
  readonly part: number
  readonly tokens: number
  /** Where it opens the part: for how long the store has to know of it, in milliseconds. */
  readonly opensFor: number | undefined
  /** With more than so many in the part the store refuses. */
  readonly most: number
}

/**
 * The parts of a limit; instants in milliseconds of the monotonic clock.
 *
 * @since 0.2.0
 * @category models
 */
export interface Parts {
  /** What to ask for, if anything can be had now, as far as this process knows. */
  readonly choose: (wanted: Wanted, now: number) => ReadonlyArray<Take>
  /** The store has answered with what is taken of the part, and for how long it knows of it; the lease, if it was granted. */
  readonly hear: (take: Take, count: number, life: number, sentAt: Instant) => Lease | undefined
  /** When a part may be free next. */
  readonly freeAt: number
  /** Whether a call of so much takes several parts, one after the other, while others want them. */
  readonly gathers: (first: number, now: number) => boolean
  /** How long to leave a part to others that is free again, at most, where there are any; `first` is what is wanted first. */
  readonly courtesy: (first: number, now: number) => number
}

/**
 * What a process would like to have.
 *
 * @since 0.2.0
 * @category models
 */
export interface Wanted {
  readonly amount: number
  /** Of that, what it needs for the first call. */
  readonly first: number
  /** The time that an answer of the store takes, in milliseconds. */
  readonly roundTrip: number
}

interface Part {
  readonly index: number
  readonly size: number
  freeAt: number
  /** Until when a start may follow what is taken now, and how much is left to take. */
  openUntil: number
  left: number
}

const mostParts = 64

/** So much is asked for at once. */
const mostTakes = 16

/** Of a part that others want, too, one takes so much at a time. */
const fairShare = 1 / 4

/** A lease is of use once it was taken, opened and proven: and then there must be time to use it. */
const roundTrips = 6

/** Where several processes wait for a part, each waits a little longer, by chance: the nearest must not get all of it. */
const patience = 1 / 8

const cut = (amount: number): ReadonlyArray<Part> => {
  const count = Math.min(mostParts, amount)
  const upTo = (index: number): number => Math.floor((index * amount) / count)
  return Array.from({ length: count }, (_, index) => ({
    index,
    size: upTo(index + 1) - upTo(index),
    freeAt: -Infinity,
    openUntil: -Infinity,
    left: 0
  }))
}

/**
 * Parts of which nothing is known.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (portion: Portion.Portion): Parts => {
  const parts = cut(portion.shared)
  let othersAt = -Infinity
  let shortAt = -Infinity

  const size = portion.shared / parts.length
  const isContended = (now: number): boolean => now - Math.min(othersAt, shortAt) < portion.span

  /** A call that takes several parts has to wait for one after the other: the first has to last until the last is there. */
  const graceFor = ({ first, roundTrip }: Wanted): number => {
    const gathers = first > size ? 2 * Math.ceil(first / size) * (portion.span / parts.length) : 0
    return Math.min(portion.grace.most, Math.max(portion.grace.least, roundTrips * roundTrip, gathers))
  }

  return {
    choose: (wanted, now) => {
      const { amount, first, roundTrip } = wanted
      const takes: Array<Take> = []
      let left = Math.ceil(isContended(now) ? Math.min(amount, Math.max(first, size * fairShare)) : amount)
      for (const part of parts) {
        if (left <= 0 || part.left === 0 || part.openUntil - now <= 2 * roundTrip) continue
        const tokens = Math.min(left, part.left)
        takes.push({ part: part.index, tokens, opensFor: undefined, most: part.size })
        left -= tokens
      }
      const free = parts
        .filter(({ freeAt }) => isDue(freeAt, now))
        .sort((a, b) => a.freeAt - b.freeAt || a.index - b.index)
      for (const part of free) {
        if (left <= 0) break
        takes.push({ part: part.index, tokens: 1, opensFor: Portion.lifeOf(portion, graceFor(wanted)), most: 1 })
        left -= part.size
      }
      if (left > 0) shortAt = now
      return takes.slice(0, mostTakes)
    },
    hear: ({ most, opensFor, part: index, tokens }, count, life, sentAt) => {
      const part = parts[index]
      if (part === undefined) return undefined
      const isGranted = count <= most
      const taken = isGranted ? count : count - tokens
      const expected = opensFor === undefined ? part.size - part.left : 0
      if (taken - (isGranted ? tokens : 0) > expected) othersAt = sentAt.now
      const lasts = Portion.usableFor(portion, life)
      // Redis knows of it for the whole of its last millisecond.
      part.freeAt = sentAt.now + life + 1
      part.openUntil = sentAt.now + lasts
      part.left = Math.max(0, part.size - taken)
      return isGranted && lasts > 0 ? { left: tokens, sentAt, lasts } : undefined
    },
    get freeAt() {
      return parts.reduce((first, { freeAt }) => Math.min(first, freeAt), Infinity)
    },
    gathers: (first, now) => first > size && isContended(now),
    courtesy: (first, now) =>
      isContended(now) ? patience * portion.grace.least * Math.max(1, Math.min(4, first / size)) : 0
  }
}
