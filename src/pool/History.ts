/**
 * What the pool remembers of its latest starts, for the laws that look at more than the attempt that has just ended.
 *
 * @since 0.2.0
 */
import type { Starts } from "../law/ControlLaw.js"

const fates = ["open", "success", "capacity", "neutral"] as const

/**
 * The latest starts.
 *
 * @since 0.2.0
 * @category models
 */
export interface History extends Starts {
  /** The next start, at an instant in epoch milliseconds. */
  readonly add: (at: number, besides: number) => void
  /** What a start weighs in tokens. */
  readonly weighs: (sequence: number, tokens: number) => void
  /** The latest start was none. */
  readonly takeBack: () => void
  /** `status` as in {@link Starts}. */
  readonly ended: (sequence: number, fate: (typeof fates)[number], status?: number) => void
}

/** No place is asked for that is not there. */
const get = (list: ArrayLike<number>, place: number): number => list[place] ?? 0

/**
 * Remembers at most `most` starts; every sequence from `first` to `last` is known.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (most: number): History => {
  // As large as it has to be, and no larger than it may be.
  let size = Math.min(most, 64)
  let ats = new Float64Array(size)
  let besides = new Int32Array(size)
  let ends = new Uint8Array(size)
  let statuses = new Uint16Array(size)
  /** Made with the first start that weighs anything. */
  let weights: Float64Array | undefined
  let last = 0
  let first = 1

  const grow = (): void => {
    const [from, next] = [{ ats, besides, ends, statuses, weights, size }, Math.min(most, 2 * size)]
    ats = new Float64Array(next)
    besides = new Int32Array(next)
    ends = new Uint8Array(next)
    statuses = new Uint16Array(next)
    weights = from.weights && new Float64Array(next)
    size = next
    for (let sequence = first; sequence <= last; sequence++) {
      ats[sequence % size] = get(from.ats, sequence % from.size)
      besides[sequence % size] = get(from.besides, sequence % from.size)
      ends[sequence % size] = get(from.ends, sequence % from.size)
      statuses[sequence % size] = get(from.statuses, sequence % from.size)
      if (weights !== undefined) weights[sequence % size] = get(from.weights ?? [], sequence % from.size)
    }
  }

  return {
    get first() {
      return first
    },
    get last() {
      return last
    },
    at: (sequence) => get(ats, sequence % size),
    besides: (sequence) => get(besides, sequence % size),
    fate: (sequence) => fates[get(ends, sequence % size)] ?? "open",
    status: (sequence) => get(statuses, sequence % size),
    tokens: (sequence) => (weights === undefined ? 0 : get(weights, sequence % size)),
    weighs: (sequence, tokens) => {
      if (sequence < first || size === 0 || (weights === undefined && tokens === 0)) return
      weights ??= new Float64Array(size)
      weights[sequence % size] = tokens
    },
    add: (at, others) => {
      if (last >= size && size < most) grow()
      last += 1
      first = Math.max(first, last - size + 1)
      if (size === 0) return
      ats[last % size] = at
      besides[last % size] = others
      ends[last % size] = 0
      statuses[last % size] = 0
      if (weights !== undefined) weights[last % size] = 0
    },
    takeBack: () => {
      last -= 1
    },
    ended: (sequence, fate, status = 0) => {
      if (sequence < first) return
      ends[sequence % size] = fates.indexOf(fate)
      statuses[sequence % size] = status
    }
  }
}
