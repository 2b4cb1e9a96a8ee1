/**
 * Attempts whose arrival at the API is not certain yet.
 *
 * @since 0.2.0
 */
import * as LinkedQueue from "../structure/LinkedQueue.js"
import { isDue } from "../structure/TimerQueue.js"
import { type End, Share } from "./Meter.js"

/**
 * Attempts on their way, in the order of their starts.
 *
 * @since 0.2.0
 * @category models
 */
export interface Transit {
  /** Their amounts together. */
  readonly amount: number
  /** Sends an attempt that takes so much; one that takes nothing need not be waited for. At Infinity: nobody knows when. */
  readonly send: (amount: number, now: number) => Share
  /** It is sent only now. */
  readonly sendLater: (share: Share, now: number) => void
  /** Whether it is on its way. */
  readonly has: (share: Share) => boolean
  /** Takes it out: it was never sent, or has arrived. */
  readonly remove: (share: Share) => void
  /** Another amount is counted for it. */
  readonly change: (share: Share, amount: number) => void
  /** Lets those arrive that must have by now, in order. */
  readonly advance: (now: number) => void
  /** The attempt has ended: it arrives now, unless it may still be on its way. */
  readonly end: (share: Share, how: End, now: number) => void
  /** Each with the instant by which it has arrived; Infinity where only its end can tell. */
  readonly shares: () => Iterable<readonly [share: Share, arrivesBy: number]>
}

// Each knows its place: to send one and to take it out costs nothing to speak of.
class Sent extends Share {
  readonly node: LinkedQueue.Node<Sent> = LinkedQueue.node<Sent>(this)
}

/** Those on their way, in order, and their amounts together. */
const lineOf = () => {
  const queue = LinkedQueue.make<Sent>()
  let amount = 0
  return {
    queue,
    get amount(): number {
      return amount
    },
    add: (sent: Sent): void => {
      queue.push(sent.node)
      amount += sent.amount
    },
    remove: (sent: Sent): void => {
      queue.remove(sent.node)
      // Sums of fractions drift; where nothing is left there is nothing to drift.
      amount = queue.size === 0 ? 0 : amount - sent.amount
    },
    change: (share: Share, next: number): void => {
      amount += next - share.amount
      share.amount = next
    }
  }
}

const isOnWay = (share: Share): share is Sent => share instanceof Sent && share.node.queued

/**
 * Makes an empty way: an attempt takes at most `longest` milliseconds to arrive, and has arrived when it is answered.
 * `onArrival` is told of each, in the order of these instants.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (longest: number, onArrival: (share: Share, at: number) => void): Transit => {
  const line = lineOf()
  /** Those that are sent at an instant that nobody knows yet. */
  const unsent = lineOf()
  const lineFor = ({ startedAt }: Share) => (startedAt === Infinity ? unsent : line)

  const remove = (share: Share): void => {
    if (isOnWay(share)) lineFor(share).remove(share)
  }

  const arrive = (sent: Sent, at: number): void => {
    remove(sent)
    onArrival(sent, at)
  }

  const advance = (now: number): void => {
    for (let { first } = line.queue; first !== undefined; { first } = line.queue) {
      const arrivesBy = first.value.startedAt + longest
      if (!isDue(arrivesBy, now)) return
      arrive(first.value, arrivesBy)
    }
  }

  return {
    get amount() {
      return line.amount + unsent.amount
    },
    send: (taken, now) => {
      advance(now)
      const sent = new Sent(taken, now)
      if (taken > 0) lineFor(sent).add(sent)
      return sent
    },
    sendLater: (share, now) => {
      remove(share)
      share.startedAt = now
      if (share.amount > 0 && share instanceof Sent) lineFor(share).add(share)
    },
    has: isOnWay,
    remove,
    change: (share, next) => lineFor(share).change(share, next),
    advance,
    end: (share, how, now) => {
      advance(now)
      if (isOnWay(share) && (how === "answered" || longest === Infinity)) arrive(share, now)
    },
    *shares() {
      for (const { value } of line.queue.nodes()) yield [value, value.startedAt + longest]
      for (const { value } of unsent.queue.nodes()) yield [value, Infinity]
    }
  }
}
