/** The servers that the laws are measured on, and what the default law is to reach there. */
import { Curve, Fault, Latency, ServerModel, type HintDialect, type Workload } from "effect-aimd/testing"

export interface Server {
  readonly group: string
  readonly name: string
  readonly model: ServerModel.ServerModel
  readonly latency: Latency.Latency
  readonly hints: HintDialect.HintDialect
  readonly rows: number
  /** Where all laws are compared: enough to meet every limit and every change, and no more. */
  readonly comparedRows: number
  readonly tokens?: Workload.Tokens
  /** Whether the pool is told what a row weighs. Default false. */
  readonly costs?: boolean
  /** Least share of the ideal, and most rejected calls a success. */
  readonly share: number
  readonly rejected: number
  readonly comeback?: Comeback
  /** Default {@link poolSize}. */
  readonly poolSize?: number
  /** How long a rejection takes, in milliseconds. Default 50. */
  readonly rejectionLatency?: number
  /** How long a row waits for capacity at most, in milliseconds. Default ten hours. */
  readonly budget?: number
  /** A run of so many minutes, to the end of which it must be as good as at first. */
  readonly minutes?: number
  /** Rows that are refused whenever they are tried: what counts is how much longer the others take than without them. */
  readonly refused?: (row: number) => boolean
  /** Serves nobody: what counts is how soon everything has ended. */
  readonly isDead?: boolean
}

/** Capacity that comes back. */
export interface Comeback {
  /** When, in milliseconds. */
  readonly at: number
  /** What the server can do from then on, a second. */
  readonly rate: number
  /** How long the API was away before, in milliseconds; none where there was less of it. */
  readonly outage?: number
}

export const hintOf = ({ hints }: Server): string => (hints === "none" ? "no hint" : "Retry-After")
/** Of a pool where a server says nothing of it. */
export const poolSize = 64

export const describe = (server: Server): string => {
  const size = server.poolSize ?? poolSize
  return `${server.name}, ${hintOf(server)}${size === poolSize ? "" : `, pool of ${size}`}`
}

export const find = (name: string, hints: HintDialect.HintDialect = "none"): Server => {
  const found = servers.find((server) => server.name === name && server.hints === hints)
  if (found === undefined) throw new Error(`no server ${name}`)
  return found
}

const second = Latency.logNormal(1000)
const minute = 60_000

/** A log-normal latency with sigma 0.5 takes so many times its median on average. */
export const mean = Math.exp(0.125)

const buckets = (hints: HintDialect.HintDialect): ReadonlyArray<Server> => {
  const bucket = (rate: number, burst: number, rows: number, comparedRows: number, latency = second): Server => ({
    group: "token bucket",
    name: `bucket ${rate}/s, burst ${burst}`,
    model: ServerModel.tokenBucket({ rate, burst }),
    latency,
    hints,
    rows,
    comparedRows,
    share: 0.97,
    rejected: rate === 1 ? 0.15 : 0.03
  })
  return [
    bucket(1, 10, 300, 200),
    bucket(10, 10, 2000, 1000),
    bucket(50, 50, 8000, 3000),
    bucket(500, 500, 20_000, 15_000, Latency.logNormal(100))
  ]
}

// A little over whole windows, so that nobody is done without waiting for the next.
const windows = (hints: HintDialect.HintDialect): ReadonlyArray<Server> => {
  const [share, rejected] = hints === "none" ? [0.93, 0.05] : [0.97, 0.02]
  const window = (limit: number, rows: number, latency = second): Server => ({
    group: "fixed window",
    name: `window ${limit}/min`,
    model: ServerModel.fixedWindow({ limit, per: minute }),
    latency,
    hints,
    rows,
    comparedRows: Math.round(3.1 * limit),
    share,
    rejected
  })
  return [window(60, 630), window(600, 6300), window(6000, 21_000, Latency.logNormal(300))]
}

const slidings = (hints: HintDialect.HintDialect): ReadonlyArray<Server> => {
  const [share, rejected] = hints === "none" ? [0.85, 0.15] : [0.95, 0.05]
  const sliding = (limit: number, rows: number): Server => ({
    group: "sliding window",
    name: `sliding ${limit}/min, rejections count`,
    model: ServerModel.slidingWindow({ limit, per: minute, countRejected: true }),
    latency: second,
    hints,
    rows,
    comparedRows: Math.round(3.1 * limit),
    share,
    rejected
  })
  return [sliding(60, 630), sliding(600, 6300)]
}

const cap = (size: number, rows: number, comparedRows: number): Server => ({
  group: "concurrency cap",
  name: `cap ${size}`,
  model: ServerModel.concurrencyCap({ cap: size }),
  latency: Latency.logNormal(2000),
  hints: "none",
  rows,
  comparedRows,
  share: 0.97,
  rejected: size <= 4 ? 0.1 : 0.03
})

const changing = (
  name: string,
  model: ServerModel.ServerModel,
  rows: number,
  comparedRows: number,
  more: Pick<Server, "comeback"> & { readonly hints?: HintDialect.HintDialect } = {}
): Server => ({
  group: "capacity that changes",
  name,
  model,
  latency: second,
  hints: "none",
  rows,
  comparedRows,
  share: 0.93,
  rejected: 0.05,
  ...more
})

const twenty = ServerModel.tokenBucket({ rate: 20, burst: 20 })
const stepped = (first: number, then: number, last: number): Curve.Curve =>
  Curve.steps([
    [0, first],
    [100_000, then],
    [200_000, last]
  ])
const steps = Fault.scaled(stepped(1, 0.25, 2))(twenty)

const changes: ReadonlyArray<Server> = [
  changing("20/s, then 5/s, then 40/s", steps, 6500, 5000, { comeback: { at: 200_000, rate: 40 } }),
  changing("20/s, then 5/s, then 40/s", steps, 6500, 5000, { hints: "seconds", comeback: { at: 200_000, rate: 40 } }),
  changing("cap 20, then 5, then 40", ServerModel.concurrencyCap({ cap: stepped(20, 5, 40) }), 6000, 4400, {
    comeback: { at: 200_000, rate: 40 / mean }
  }),
  changing(
    "10/s drifting to 40/s",
    Fault.scaled(Curve.drift({ from: [0, 0.5], to: [400_000, 2] }))(twenty),
    10_500,
    10_500
  ),
  changing(
    "time of day, 5/s to 35/s, in ten minutes",
    Fault.scaled({
      at: (time) => Curve.daily({ mean: 1, swing: 0.75 }).at(time * 144),
      area: (from, to) => Curve.daily({ mean: 1, swing: 0.75 }).area(from * 144, to * 144) / 144
    })(twenty),
    12_000,
    12_000
  )
]

const outages = [3000, 300_000].flatMap((outage): ReadonlyArray<Server> => {
  const at = minute + outage
  const lasted = outage < minute ? `${outage / 1000} s` : `${outage / minute} min`
  const out = Fault.outages([{ from: minute, until: at }])
  const common = { group: "outage", hints: "none", rows: 6000, share: 0.95, rejected: 0.02 } as const
  return [
    {
      ...common,
      name: `bucket 20/s, out for ${lasted}`,
      model: out(twenty),
      latency: second,
      comparedRows: 2500,
      comeback: { at, rate: 20, outage }
    },
    {
      ...common,
      name: `cap 32, out for ${lasted}`,
      model: out(ServerModel.concurrencyCap({ cap: 32 })),
      latency: Latency.logNormal(500),
      comparedRows: 5500,
      comeback: { at, rate: 32 / (0.5 * mean), outage }
    }
  ]
})

/** The first of them is the yardstick of the others. */
export const failing = [0, 0.01, 0.1].map((rate): Server => {
  const bucket = ServerModel.tokenBucket({ rate: 10, burst: 10 })
  return {
    group: "other failures",
    name: `bucket 10/s, ${rate * 100} % fail`,
    model: rate === 0 ? bucket : Fault.failing({ rate })(bucket),
    latency: second,
    hints: "none",
    rows: 2000,
    comparedRows: 1000,
    share: 0.97,
    rejected: 0.03
  }
})

export const servers: ReadonlyArray<Server> = [
  ...buckets("seconds"),
  ...buckets("none"),
  ...windows("seconds"),
  ...windows("none"),
  ...slidings("seconds"),
  ...slidings("none"),
  cap(2, 300, 200),
  cap(4, 600, 400),
  cap(8, 1200, 800),
  cap(20, 3000, 2000),
  cap(60, 6000, 4000),
  cap(200, 6000, 3000),
  {
    group: "workers and a queue",
    name: "8 workers, queue of 16",
    model: ServerModel.workers({ workers: 8, queue: 16 }),
    latency: second,
    hints: "none",
    rows: 2500,
    comparedRows: 1000,
    share: 0.98,
    rejected: 0.01
  },
  {
    group: "slope limit",
    name: "slope +50 % a minute from 5/s",
    model: ServerModel.slopeLimit({ growth: 0.5, per: minute, floor: 5 }),
    latency: second,
    hints: "none",
    rows: 6000,
    comparedRows: 1500,
    share: 0.9,
    rejected: 0.05
  },
  {
    group: "requests and tokens",
    name: "600 requests and 90,000 tokens a minute",
    model: ServerModel.all(
      ServerModel.tokenBucket({ rate: 10, burst: 100 }),
      ServerModel.tokenBucket({ rate: 1500, burst: 15_000, unit: "tokens" })
    ),
    latency: second,
    hints: "seconds",
    rows: 2000,
    comparedRows: 1000,
    tokens: (chance) => Math.max(1, Math.round(60 + 240 * chance.number())),
    share: 0.95,
    rejected: 0.05
  },
  ...changes,
  ...outages,
  ...failing
]
