/** The servers that the laws are measured on, and what the default law is to reach there. */
import {
  Curve,
  Fault,
  Latency,
  ServerModel,
  type HintDialect,
  type Simulation,
  type Workload
} from "effect-aimd/testing"

export interface Server {
  readonly group: string
  readonly name: string
  readonly model: ServerModel.ServerModel
  readonly latency: Latency.Latency
  readonly hints: HintDialect.HintDialect
  readonly rows: number
  readonly tokens?: Workload.Tokens
  /** Least share of the ideal, and most rejected calls a success. */
  readonly share: number
  readonly rejected: number
  /** When capacity comes back, and how long the API was away, in milliseconds. */
  readonly outage?: { readonly until: number; readonly lasted: number }
  /** One of those on which all laws are compared. */
  readonly compared?: boolean
}

const erase = (model: ServerModel.ServerModel<never> | object): ServerModel.ServerModel =>
  // A server is given only states of its own, so one of any state is a `ServerModel`.
  model as ServerModel.ServerModel

const second = Latency.logNormal(1000)
const minute = 60_000

const buckets = (hints: HintDialect.HintDialect): ReadonlyArray<Server> => {
  const bucket = (rate: number, burst: number, rows: number, latency = second, compared = false): Server => ({
    group: "token bucket",
    name: `bucket ${rate}/s, burst ${burst}`,
    model: erase(ServerModel.tokenBucket({ rate, burst })),
    latency,
    hints,
    rows,
    share: 0.97,
    rejected: rate === 1 ? 0.15 : 0.03,
    compared
  })
  return [
    bucket(1, 10, 300, second, hints === "seconds"),
    bucket(10, 10, 2000, second, true),
    bucket(50, 50, 8000),
    bucket(500, 500, 20_000, Latency.logNormal(100))
  ]
}

const windows = (hints: HintDialect.HintDialect): ReadonlyArray<Server> => {
  const [share, rejected] = hints === "none" ? [0.93, 0.05] : [0.97, 0.02]
  const window = (limit: number, rows: number, latency = second, compared = false): Server => ({
    group: "fixed window",
    name: `window ${limit}/min`,
    model: erase(ServerModel.fixedWindow({ limit, per: minute })),
    latency,
    hints,
    rows,
    share,
    rejected,
    compared
  })
  return [window(60, 630), window(600, 6300, second, true), window(6000, 21_000, Latency.logNormal(300))]
}

const slidings = (hints: HintDialect.HintDialect): ReadonlyArray<Server> => {
  const [share, rejected] = hints === "none" ? [0.85, 0.15] : [0.95, 0.05]
  const sliding = (limit: number, rows: number, compared = false): Server => ({
    group: "sliding window",
    name: `sliding ${limit}/min, rejections count`,
    model: erase(ServerModel.slidingWindow({ limit, per: minute, countRejected: true })),
    latency: second,
    hints,
    rows,
    share,
    rejected,
    compared
  })
  return [sliding(60, 630, true), sliding(600, 6300)]
}

const cap = (size: number, rows: number, compared = false): Server => ({
  group: "concurrency cap",
  name: `cap ${size}`,
  model: erase(ServerModel.concurrencyCap({ cap: size })),
  latency: Latency.logNormal(2000),
  hints: "none",
  rows,
  share: 0.97,
  rejected: size <= 4 ? 0.1 : 0.03,
  compared
})

const changing = (name: string, model: object, rows: number, hints: HintDialect.HintDialect = "none"): Server => ({
  group: "capacity that changes",
  name,
  model: erase(model),
  latency: second,
  hints,
  rows,
  share: 0.93,
  rejected: 0.05
})

const twenty = ServerModel.tokenBucket({ rate: 20, burst: 20 })
const steps = Curve.steps([
  [0, 1],
  [100_000, 0.25],
  [200_000, 2]
])
const capSteps = Curve.steps([
  [0, 20],
  [100_000, 5],
  [200_000, 40]
])

const out = (name: string, model: ServerModel.ServerModel, latency: Latency.Latency, lasted: number): Server => ({
  group: "outage",
  name,
  model: erase(Fault.outages([{ from: minute, until: minute + lasted }])(model)),
  latency,
  hints: "none",
  rows: 6000,
  share: 0.95,
  rejected: 0.02,
  outage: { until: minute + lasted, lasted },
  compared: lasted < minute
})

export const servers: ReadonlyArray<Server> = [
  ...buckets("seconds"),
  ...buckets("none"),
  ...windows("seconds"),
  ...windows("none"),
  ...slidings("seconds"),
  ...slidings("none"),
  cap(2, 300),
  cap(4, 600, true),
  cap(8, 1200),
  cap(20, 3000, true),
  cap(60, 6000),
  cap(200, 6000),
  {
    group: "workers and a queue",
    name: "8 workers, queue of 16",
    model: erase(ServerModel.workers({ workers: 8, queue: 16 })),
    latency: second,
    hints: "none",
    rows: 2500,
    share: 0.98,
    rejected: 0.01,
    compared: true
  },
  {
    group: "slope limit",
    name: "slope +50 % a minute from 5/s",
    model: erase(ServerModel.slopeLimit({ growth: 0.5, per: minute, floor: 5 })),
    latency: second,
    hints: "none",
    rows: 6000,
    share: 0.9,
    rejected: 0.05
  },
  {
    group: "requests and tokens",
    name: "600 requests and 90,000 tokens a minute",
    model: erase(
      ServerModel.all(
        erase(ServerModel.tokenBucket({ rate: 10, burst: 100 })),
        erase(ServerModel.tokenBucket({ rate: 1500, burst: 15_000, unit: "tokens" }))
      )
    ),
    latency: second,
    hints: "seconds",
    rows: 2000,
    tokens: (chance) => Math.max(1, Math.round(60 + 240 * chance.number())),
    share: 0.95,
    rejected: 0.05
  },
  changing("20/s, then 5/s, then 40/s", Fault.scaled(steps)(twenty), 6500),
  changing("20/s, then 5/s, then 40/s", Fault.scaled(steps)(twenty), 6500, "seconds"),
  changing("cap 20, then 5, then 40", ServerModel.concurrencyCap({ cap: capSteps }), 6000),
  changing("10/s drifting to 40/s", Fault.scaled(Curve.drift({ from: [0, 0.5], to: [400_000, 2] }))(twenty), 8000),
  changing(
    "time of day, 5/s to 35/s, in ten minutes",
    Fault.scaled({
      at: (time) => Curve.daily({ mean: 1, swing: 0.75 }).at(time * 144),
      area: (from, to) => Curve.daily({ mean: 1, swing: 0.75 }).area(from * 144, to * 144) / 144
    })(twenty),
    12_000
  ),
  out("bucket 20/s, out for 3 s", erase(twenty), second, 3000),
  out("bucket 20/s, out for 5 min", erase(twenty), second, 300_000),
  out("cap 32, out for 3 s", erase(ServerModel.concurrencyCap({ cap: 32 })), Latency.logNormal(500), 3000),
  out("cap 32, out for 5 min", erase(ServerModel.concurrencyCap({ cap: 32 })), Latency.logNormal(500), 300_000),
  ...[0, 0.01, 0.1].map((rate): Server => ({
    group: "other failures",
    name: `bucket 10/s, ${rate * 100} % fail`,
    model:
      rate === 0
        ? erase(ServerModel.tokenBucket({ rate: 10, burst: 10 }))
        : erase(Fault.failing({ rate })(ServerModel.tokenBucket({ rate: 10, burst: 10 }))),
    latency: second,
    hints: "none",
    rows: 2000,
    share: 0.97,
    rejected: 0.03
  }))
]

/** Servers that several clients share, each with more to do than it can in the time. */
export const shared = [
  {
    name: "bucket 40/s",
    model: erase(ServerModel.tokenBucket({ rate: 40, burst: 40 })),
    latency: second,
    capacity: 40
  },
  {
    name: "cap 40, 2 s calls",
    model: erase(ServerModel.concurrencyCap({ cap: 40 })),
    latency: Latency.logNormal(2000),
    // A log-normal latency with sigma 0.5 takes exp(0.125) times its median on average.
    capacity: 40 / (2 * Math.exp(0.125))
  }
]

export type World = Simulation.World
