/** Servers and runs as they are met in the field, and what the default law is to reach there. */
import { Curve, Fault, Latency, ServerModel } from "effect-aimd/testing"
import type { Server } from "./servers.js"

export interface FieldServer extends Server {
  readonly poolSize: number
}

const minute = 60_000

const field = (
  group: string,
  name: string,
  model: ServerModel.ServerModel,
  rows: number,
  [share, rejected]: readonly [share: number, rejected: number],
  more: Partial<FieldServer> = {}
): FieldServer => ({
  group,
  name,
  model,
  latency: Latency.logNormal(2000),
  hints: "none",
  rows,
  comparedRows: Math.min(rows, 1500),
  share,
  rejected,
  poolSize: 64,
  ...more
})

const open: ServerModel.ServerModel = { ...ServerModel.concurrencyCap({ cap: Infinity }), name: "no limit" }
const bucket = (rate: number, burst: number) => ServerModel.tokenBucket({ rate, burst })
const cap = (size: number | Curve.Curve) => ServerModel.concurrencyCap({ cap: size })
const window = (limit: number, per = minute) => ServerModel.fixedWindow({ limit, per })

/** A percentage of rejections by chance, for each server a status of its own. */
const noisy = (percent: number, status: number, model: ServerModel.ServerModel): ServerModel.ServerModel =>
  Fault.rejecting({ rate: percent / 100, status })(model)

const chance: ReadonlyArray<FieldServer> = [
  ...(
    [
      [0.5, 429, 0.97],
      [2, 503, 0.95],
      [5, 529, 0.93]
    ] as const
  ).map(([percent, status, share]) =>
    field(
      "chance",
      `no limit, ${percent} % ${status}`,
      noisy(percent, status, open),
      6000,
      [share, percent / 100 + 0.01],
      {
        rejectionLatency: 20
      }
    )
  ),
  ...(
    [
      [1, 503, 0.95],
      [3, 429, 0.93],
      [10, 529, 0.9]
    ] as const
  ).flatMap(([percent, status, share]) => {
    const target = [share, percent / 100 + 0.04] as const
    const on = (name: string, model: ServerModel.ServerModel, rows: number, more: Partial<FieldServer> = {}) =>
      field("chance", `${name}, ${percent} % ${status}`, noisy(percent, status, model), rows, target, more)
    return [
      on("cap 24", cap(24), 3000),
      on("cap 12", cap(12), 1500, { rejectionLatency: 20, poolSize: 16 }),
      on("bucket 20/s, burst 20", bucket(20, 20), 4000),
      on("bucket 7/s, burst 10", bucket(7, 10), 2000, { rejectionLatency: 30 }),
      on("window 300/min", window(300), 1530, { hints: "seconds" })
    ]
  })
]

const episodes = [
  [1, 503],
  [2, 529]
].map(([seconds = 0, status = 0]) =>
  field(
    "episodes",
    `cap 40, half rejected for ${seconds} s in ten`,
    Fault.rejecting({ rate: Curve.pulses({ every: 10_000, lasts: seconds * 1000, high: 0.5 }), status })(cap(40)),
    4000,
    [0.9, 0.1],
    { rejectionLatency: 20 }
  )
)

/** The rows of a little over an hour. */
const hour = (
  name: string,
  model: ServerModel.ServerModel,
  rate: number,
  poolSize: number,
  more: Partial<FieldServer> = {}
): FieldServer =>
  field("an hour", `${name}, an hour`, model, Math.ceil(rate * 61 * 60), [0.97, 0.02], {
    comparedRows: Math.ceil(rate * 12 * 60),
    latency: Latency.logNormal(1700),
    poolSize,
    minutes: 60,
    ...more
  })

const long: ReadonlyArray<FieldServer> = [
  hour("window 300/min", window(300), 5, 16, { hints: "seconds" }),
  hour("window 300/min", window(300), 5, 16, { share: 0.95 }),
  hour("window 500/min", window(500), 500 / 60, 24, { hints: "seconds" }),
  hour("sliding 120/min", ServerModel.slidingWindow({ limit: 120, per: minute }), 2, 8, { hints: "seconds" }),
  hour("bucket 5/s, burst 10", bucket(5, 10), 5, 16),
  hour("cap 20", cap(20), 20 / 1.926, 28)
]

// A mean of 12 seconds.
const words = Latency.logNormal(12_000 / Math.exp(0.32), 0.8)
const [brief, wordy] = [Latency.logNormal(3000, 0.4), Latency.logNormal(25_000, 0.4)]
/** Two thirds are short answers, the others long. */
const modes: Latency.Latency = (random, tokens) => (random.number() < 2 / 3 ? brief : wordy)(random, tokens)

const models = [
  { spread: "mean 12 s", latency: words },
  { spread: "two modes", latency: modes }
].flatMap(({ latency, spread }) => [
  field("language models", `cap 48, ${spread}`, cap(48), 3000, [0.95, 0.04], { latency }),
  field("language models", `bucket 4/s, burst 4, ${spread}`, bucket(4, 4), 3000, [0.95, 0.04], {
    latency,
    hints: "seconds"
  })
])

const wide = [
  field("wide pools", "no limit", open, 20_000, [0.9, 0], {
    latency: Latency.logNormal(4400),
    poolSize: 1000,
    comparedRows: 10_000
  }),
  field("wide pools", "bucket 100/s, burst 100", bucket(100, 100), 20_000, [0.95, 0.03], {
    latency: Latency.logNormal(2650),
    poolSize: 500,
    comparedRows: 10_000
  })
]

const quick = [
  field("a second's window", "window 20/s", window(20, 1000), 4000, [0.93, 0.05], { latency: Latency.logNormal(1000) }),
  field("a second's window", "window 5/s", window(5, 1000), 1500, [0.93, 0.08], {
    latency: Latency.logNormal(1000),
    hints: "seconds"
  })
]

const mixed = (["none", "seconds"] as const).map((hints) =>
  field("two limits", "cap 4 and window 60/min", ServerModel.all(cap(4), window(60)), 630, [0.93, 0.08], {
    hints,
    poolSize: hints === "none" ? 64 : 8
  })
)

const levels = [24, 40, 12, 30, 8, 20, 36, 10, 28, 16]
const wandering: Curve.Curve = Curve.steps([
  [0, 24],
  ...Array.from({ length: 200 }, (_, i) => [(i + 1) * 12_000, levels[(i * 7 + (i % 3)) % 10] ?? 24] as const)
])

const wanders = [
  { name: "cap 8 to 40 and back each minute", curve: Curve.wave({ mean: 24, swing: 16, period: minute }) },
  { name: "cap 8 to 40, another every 12 s", curve: wandering }
].map(({ curve, name }) => field("a cap that wanders", name, cap(curve), 4000, [0.93, 0.08]))

const hinted = [
  [10, 1],
  [17, 3],
  [40, 5],
  [100, 2]
].map(([rate = 0, burst = 0]) =>
  field("hints in whole seconds", `bucket ${rate}/s, burst ${burst}`, bucket(rate, burst), rate * 200, [0.95, 0.03], {
    latency: Latency.logNormal(rate > 40 ? 300 : 1000),
    hints: "seconds"
  })
)

const sized = (name: string, model: ServerModel.ServerModel, hints: "none" | "seconds"): FieldServer =>
  field("unequal rows", name, model, 1500, [0.93, 0.06], {
    latency: Latency.logNormal(1000),
    hints,
    tokens: (random) => Math.round(100 + 1000 * random.number())
  })

const unequal = [
  sized(
    "buckets of 600 requests and 60,000 tokens a minute",
    ServerModel.all(bucket(10, 100), ServerModel.tokenBucket({ rate: 1000, burst: 10_000, unit: "tokens" })),
    "seconds"
  ),
  sized(
    "windows of 600 requests and 60,000 tokens a minute",
    ServerModel.all(window(600), ServerModel.fixedWindow({ limit: 60_000, per: minute, unit: "tokens" })),
    "seconds"
  )
]

const told = [
  ServerModel.tokenBucket({ rate: 1000, burst: 10_000, unit: "tokens" }),
  ServerModel.fixedWindow({ limit: 60_000, per: minute, unit: "tokens" })
].map((model, i) =>
  field(
    "rows that say their size",
    `${i === 0 ? "bucket" : "window"} of 60,000 tokens a minute`,
    model,
    1500,
    [0.95, 0.03],
    {
      latency: Latency.logNormal(1000),
      costs: true,
      tokens: (random) => Math.round(100 + 1000 * random.number())
    }
  )
)

const punishing = field(
  "lock-out",
  "5/s, one more locks out for 30 s",
  Fault.lockOut({ lasts: 30_000 })(window(5, 1000)),
  600,
  [0.25, 0.02],
  { latency: Latency.logNormal(1000) }
)

const refusals = [
  field("refused rows", "no limit, one row of 2,000 always rejected", open, 2000, [1 / 1.05, Infinity], {
    latency: Latency.logNormal(350),
    budget: 10 * minute,
    refused: (row) => row === 7
  }),
  field("refused rows", "bucket 40/s, 1 % of rows always rejected", bucket(40, 40), 2000, [1 / 1.15, Infinity], {
    latency: Latency.logNormal(1000),
    budget: minute,
    refused: (row) => row % 100 === 7
  })
]

const dead = [200, 5000].map((rows) =>
  field("dead", `dead API, ${rows} rows`, Fault.rejecting({ rate: 1 })(open), rows, [1 / 1.1, Infinity], {
    budget: 10 * minute,
    isDead: true
  })
)

export const fieldServers: ReadonlyArray<FieldServer> = [
  ...chance,
  ...episodes,
  ...long,
  ...models,
  ...wide,
  ...quick,
  ...mixed,
  ...wanders,
  ...hinted,
  ...unequal,
  ...told,
  punishing,
  ...refusals,
  ...dead
]
