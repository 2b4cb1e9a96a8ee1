/**
 * What a simulation looked like over time, in bins: few enough to draw, however long it took.
 *
 * @since 0.2.0
 */
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
 * The bins, without a gap, from the first event to the last.
 *
 * @since 0.2.0
 * @category models
 */
export interface Timeline {
  /** Where the first bin begins, in epoch milliseconds. */
  readonly from: number
  /** The last event, in epoch milliseconds. */
  readonly until: number
  /** Milliseconds a bin. */
  readonly width: number
  readonly bins: ReadonlyArray<Bin>
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

interface OpenBin extends Mutable<Omit<Bin, "clients">> {
  readonly clients: ReadonlyArray<Mutable<Bin["clients"][number]>>
}

/** With more bins than this, two become one. */
const maxBins = 600
const firstWidth = 10

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
export const coarser = (self: Timeline, bins: number): Timeline => {
  const size = Math.max(1, Math.ceil(self.bins.length / bins))
  const groups = Array.from({ length: Math.ceil(self.bins.length / size) }, (_, index) =>
    self.bins.slice(index * size, (index + 1) * size).reduce(merge)
  )
  return { ...self, width: self.width * size, bins: groups }
}

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
  let bins: Array<OpenBin> = []
  let width = firstWidth
  let from: number | undefined
  let until = 0
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

  const binAt = (at: number): OpenBin => {
    from ??= at
    until = at
    while (Math.floor((at - from) / width) >= maxBins) {
      bins = bins.flatMap((bin, index) => {
        const other = bins[index + 1]
        return index % 2 === 1 ? [] : [other === undefined ? bin : merge(bin, other)]
      })
      width *= 2
    }
    const index = Math.floor((at - from) / width)
    while (bins.length <= index) bins.push(fresh())
    // The loop above has just made it where it was missing.
    return bins[index] as OpenBin
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
    snapshot: (): Timeline => ({
      from: from ?? 0,
      until,
      width,
      bins: bins.map((bin) => ({ ...bin, clients: bin.clients.map((part) => ({ ...part })) }))
    })
  }
}
