/**
 * What a simulation looked like over time, in bins: few enough to draw, however long it took.
 *
 * @since 0.2.0
 */
import * as Bins from "../../report/Bins.js"

/**
 * A bin. Counts are of the bin; `window`, `delay`, `spacing` are those last decided, summed (window) or averaged (delay,
 * spacing) over the clients; `inFlight` is the most at once. `clients` has each client's part, in their order.
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
  readonly clients: ReadonlyArray<{ readonly successes: number; readonly window: number }>
}

/**
 * The bins of a simulation.
 *
 * @since 0.2.0
 * @category models
 */
export type Timeline = Bins.Bins<Bin>

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

interface OpenBin extends Mutable<Omit<Bin, "clients">> {
  readonly clients: ReadonlyArray<Mutable<Bin["clients"][number]>>
}

const merge = (a: Bin, b: Bin): OpenBin => ({
  starts: a.starts + b.starts,
  successes: a.successes + b.successes,
  rejections: a.rejections + b.rejections,
  inFlight: Math.max(a.inFlight, b.inFlight),
  window: b.window,
  delay: b.delay,
  spacing: b.spacing,
  clients: b.clients.map(({ successes, window }, client) => ({
    successes: successes + (a.clients[client]?.successes ?? 0),
    window
  }))
})

/**
 * A timeline of at most so many bins; what is of the same width is merged.
 *
 * @since 0.2.0
 * @category combinators
 */
export const coarser = (self: Timeline, bins: number): Timeline => Bins.coarser<Bin>(self, bins, merge)

/** What a client's law allows, as far as its pool does too. */
interface Limits {
  readonly window: number
  readonly delay: number
  readonly spacing: number
}

/**
 * Makes a timeline that grows with what it is told.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (clients: number) => {
  const limits: Array<Limits | undefined> = Array.from({ length: clients })
  let inFlight = 0
  let [window, delay, spacing] = [0, 0, 0]

  const fresh = (): OpenBin => ({
    starts: 0,
    successes: 0,
    rejections: 0,
    inFlight,
    window,
    delay,
    spacing,
    clients: limits.map((limit) => ({ successes: 0, window: limit?.window ?? 0 }))
  })

  const bins = Bins.make({ width: 10, most: 600, fresh, merge })
  const binAt = bins.at

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
    succeeded: (at: number, client: number): void => {
      const bin = binAt(at)
      bin.successes += 1
      const part = bin.clients[client]
      if (part !== undefined) part.successes += 1
    },
    rejected: (at: number): void => void (binAt(at).rejections += 1),
    /** What a client may do from now on; undefined where it has left. */
    limited: (at: number, client: number, limit: Limits | undefined): void => {
      const last = limits[client]
      if (last?.window === limit?.window && last?.delay === limit?.delay && last?.spacing === limit?.spacing) {
        return
      }
      // The picture of what the last client had is not spoiled by its leaving.
      if (limit === undefined && limits.every((other, index) => index === client || other === undefined)) return
      // Before anything changes: the bins up to here show what was decided until now.
      const bin = binAt(at)
      limits[client] = limit
      const known = limits.filter((one) => one !== undefined)
      const sum = (field: keyof Limits) => known.reduce((total, one) => total + one[field], 0)
      window = sum("window")
      delay = sum("delay") / Math.max(1, known.length)
      spacing = sum("spacing") / Math.max(1, known.length)
      Object.assign(bin, { window, delay, spacing })
      const part = bin.clients[client]
      if (part !== undefined) part.window = limit?.window ?? 0
    },
    snapshot: (): Timeline => bins.snapshot((bin) => ({ ...bin, clients: bin.clients.map((part) => ({ ...part })) }))
  }
}
