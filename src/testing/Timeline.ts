/**
 * What a simulation looked like over time, in bins: few enough to draw, however long it took.
 *
 * @since 0.2.0
 */
import type * as ControlLaw from "../ControlLaw.js"

/**
 * A bin. Counts are of the bin; `window`, `delay`, `spacing` are those last decided, summed (window) or averaged (delay,
 * spacing) over the clients; `inFlight` is the most at once.
 *
 * @since 0.2.0
 * @category models
 */
export interface Bin {
  readonly starts: number
  readonly successes: number
  readonly rejections: number
  readonly inFlight: number
  readonly window: number
  readonly delay: number
  readonly spacing: number
}

/**
 * @since 0.2.0
 * @category models
 */
export interface Timeline {
  /** Where the first bin begins, in epoch milliseconds. */
  readonly from: number
  /** Milliseconds a bin. */
  readonly width: number
  readonly bins: ReadonlyArray<Bin>
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** With more bins than this, two become one. */
const maxBins = 600
const firstWidth = 10

const merge = (a: Mutable<Bin>, b: Mutable<Bin>): Mutable<Bin> => ({
  starts: a.starts + b.starts,
  successes: a.successes + b.successes,
  rejections: a.rejections + b.rejections,
  inFlight: Math.max(a.inFlight, b.inFlight),
  window: b.window,
  delay: b.delay,
  spacing: b.spacing
})

/**
 * Makes a timeline that grows with what it is told.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (clients: number) => {
  const decisions: Array<ControlLaw.Decision | undefined> = Array.from({ length: clients })
  let bins: Array<Mutable<Bin>> = []
  let width = firstWidth
  let from: number | undefined
  let inFlight = 0
  let [window, delay, spacing] = [0, 0, 0]

  const binAt = (at: number): Mutable<Bin> => {
    from ??= at
    while (Math.floor((at - from) / width) >= maxBins) {
      bins = bins.flatMap((bin, index) => {
        const other = bins[index + 1]
        return index % 2 === 1 ? [] : [other === undefined ? bin : merge(bin, other)]
      })
      width *= 2
    }
    const index = Math.floor((at - from) / width)
    while (bins.length <= index) bins.push({ starts: 0, successes: 0, rejections: 0, inFlight, window, delay, spacing })
    // The loop above has just made it where it was missing.
    return bins[index] as Mutable<Bin>
  }

  return {
    started: (at: number): void => {
      const bin = binAt(at)
      inFlight += 1
      bin.starts += 1
      bin.inFlight = Math.max(bin.inFlight, inFlight)
    },
    ended: (at: number): void => {
      binAt(at)
      inFlight -= 1
    },
    succeeded: (at: number): void => void (binAt(at).successes += 1),
    rejected: (at: number): void => void (binAt(at).rejections += 1),
    decided: (at: number, client: number, decision: ControlLaw.Decision): void => {
      const last = decisions[client]
      decisions[client] = decision
      if (
        last !== undefined &&
        last.window === decision.window &&
        last.delay === decision.delay &&
        last.spacing === decision.spacing
      )
        return
      const known = decisions.filter((one) => one !== undefined)
      const sum = (field: "window" | "delay" | "spacing") => known.reduce((total, one) => total + one[field], 0)
      window = sum("window")
      delay = sum("delay") / known.length
      spacing = sum("spacing") / known.length
      Object.assign(binAt(at), { window, delay, spacing })
    },
    snapshot: (): Timeline => ({ from: from ?? 0, width, bins: bins.map((bin) => ({ ...bin })) })
  }
}
