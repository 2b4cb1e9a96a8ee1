/**
 * What real APIs and real runs do, each in its smallest input: the whole law in the pool, in virtual time. A title with two
 * figures names a kind that falls short: what is reached, and what is right.
 */
import { assert, describe, it } from "@effect/vitest"
import { Curve, Fault, Latency, ServerModel } from "effect-aimd/testing"
import { once } from "../../bench/laws/measure.js"
import type { Server } from "../../bench/laws/servers.js"

const minute = 60_000
const open: ServerModel.ServerModel = { ...ServerModel.concurrencyCap({ cap: Infinity }), name: "no limit" }
const cap = (size: number | Curve.Curve): ServerModel.ServerModel => ServerModel.concurrencyCap({ cap: size })
const bucket = (rate: number, burst: number): ServerModel.ServerModel => ServerModel.tokenBucket({ rate, burst })
const window = (limit: number, per = minute): ServerModel.ServerModel => ServerModel.fixedWindow({ limit, per })
const noisy = (percent: number, model: ServerModel.ServerModel): ServerModel.ServerModel =>
  Fault.rejecting({ rate: percent / 100, status: 503 })(model)

type Given = Partial<Server> & Pick<Server, "model" | "rows">

/** Calls of two seconds through a pool of 64, where nothing else is said. */
const serverOf = (given: Given): Server => ({
  group: "field",
  name: given.model.name,
  latency: Latency.logNormal(2000),
  hints: "none",
  comparedRows: given.rows,
  share: 0,
  rejected: 0,
  ...given
})

/** Share of the ideal at least, and rejections for each row that is served at most. */
type Goal = readonly [share: number, rejected: number]

/** What is right, and what is reached where that is less. */
const reaches = (title: string, given: Given, right: Goal, today?: Goal): void => {
  const short = today === undefined ? "" : ` (short: ${today.join(" / ")}, right is ${right.join(" / ")})`
  it(title + short, () => {
    const { cut, drift, rejected, share } = once(serverOf(given), "window", 1)
    const [least, most] = today ?? right
    assert.isUndefined(cut)
    assert.isAtLeast(share, least)
    assert.isAtMost(rejected, most)
    // What is served in the last ten minutes of an hour is what was served in the first.
    if (given.minutes !== undefined) assert.isAtLeast(drift, 0.98)
  })
}

describe("Rejections that say nothing about load", () => {
  const quick = { rejectionLatency: 20 }
  reaches("1 % of all calls, no limit", { model: noisy(1, open), rows: 4000, ...quick }, [0.95, 0.02])
  reaches("5 % of all calls, no limit", { model: noisy(5, open), rows: 4000, ...quick }, [0.93, 0.06])
  reaches("1 % on a cap of 24", { model: noisy(1, cap(24)), rows: 2000 }, [0.95, 0.05])
  reaches("3 % on a cap of 24", { model: noisy(3, cap(24)), rows: 2000 }, [0.93, 0.07])
  reaches("10 % on a cap of 24", { model: noisy(10, cap(24)), rows: 2000 }, [0.9, 0.14], [0.9, 0.16])
  reaches("1 % on a bucket of 20 a second", { model: noisy(1, bucket(20, 20)), rows: 3000 }, [0.95, 0.05])
  reaches("3 % on a bucket of 20 a second", { model: noisy(3, bucket(20, 20)), rows: 3000 }, [0.93, 0.07])
  reaches("10 % on a bucket of 20 a second", { model: noisy(10, bucket(20, 20)), rows: 3000 }, [0.9, 0.14])
  const pulses = Curve.pulses({ every: 10_000, lasts: 1500, high: 0.5 })
  const episodes = Fault.rejecting({ rate: pulses, status: 529 })(cap(40))
  reaches(
    "episodes: half of all calls for 1.5 s in ten, on a cap of 40",
    { model: episodes, rows: 3000, ...quick },
    [0.9, 0.1],
    [0.86, 0.11]
  )
})

describe("Rows that are rejected whatever the load", () => {
  const instant = { latency: Latency.logNormal(350), model: open, rows: 2000 }
  const one = { ...instant, budget: 10 * minute, refused: (row: number) => row === 7 }
  reaches("one of 2,000, which ends within its budget", one, [0.95, Infinity], [0.94, 0.07])
  const some = { ...instant, budget: minute, refused: (row: number) => row % 100 === 7 }
  // The median of ten seeds is 0.86, as it was, and the worst of them 0.62.
  reaches("1 % of them, with a budget of a minute", some, [0.87, Infinity], [0.73, Infinity])
})

describe("An API that lets nothing through", () => {
  const dead = noisy(100, open)
  reaches("fails 200 rows after their budget", { model: dead, rows: 200, budget: 10 * minute, isDead: true }, [
    0.91,
    Infinity
  ])
  reaches("fails 5,000 rows after their budget", { model: dead, rows: 5000, budget: 10 * minute, isDead: true }, [
    0.91,
    Infinity
  ])
})

describe("For an hour", () => {
  const calls = { latency: Latency.logNormal(1700), minutes: 60 }
  const hinted = { ...calls, hints: "seconds" } as const
  reaches("300 a minute, a pool of 16", { model: window(300), rows: 18_300, poolSize: 16, ...hinted }, [0.97, 0.02])
  reaches("500 a minute, a pool of 24", { model: window(500), rows: 30_500, poolSize: 24, ...hinted }, [0.97, 0.02])
  const sliding = ServerModel.slidingWindow({ limit: 120, per: minute })
  reaches("120 in any minute, a pool of 8", { model: sliding, rows: 7320, poolSize: 8, ...hinted }, [0.97, 0.02])
})

describe("Latencies of language models", () => {
  // A mean of twelve seconds.
  const latency = Latency.logNormal(12_000 / Math.exp(0.32), 0.8)
  reaches("on a cap of 48", { model: cap(48), rows: 3000, latency }, [0.95, 0.04])
  reaches("on a bucket of four a second", { model: bucket(4, 4), rows: 3000, latency }, [0.95, 0.04])
})

describe("Wide pools", () => {
  const wide = { latency: Latency.logNormal(4400), poolSize: 1000 }
  reaches("1,000 permits, no limit", { model: open, rows: 15_000, ...wide }, [0.9, 0])
  const hundred = { latency: Latency.logNormal(2650), poolSize: 500 }
  reaches("500 permits, a bucket of 100 a second", { model: bucket(100, 100), rows: 15_000, ...hundred }, [0.95, 0.03])
})

describe("Limits that are hard to see", () => {
  const latency = Latency.logNormal(1000)
  reaches("20 in a second, no hint", { model: window(20, 1000), rows: 3000, latency }, [0.93, 0.05])
  reaches(
    "5 in a second, with Retry-After",
    // Six seeds come to 0.88 to 0.97, as they had to 0.85 to 0.96: it is the first of them that is another.
    { model: window(5, 1000), rows: 1000, latency, hints: "seconds" },
    [0.93, 0.08],
    [0.88, 0.08]
  )
  reaches(
    "a cap of 4 and 60 a minute",
    { model: ServerModel.all(cap(4), window(60)), rows: 630 },
    [0.93, 0.08],
    [0.978, 0.085]
  )
  const wave = Curve.wave({ mean: 24, swing: 16, period: minute })
  reaches("a cap that wanders between 8 and 40 in half a minute", { model: cap(wave), rows: 4000 }, [0.93, 0.08])
  reaches(
    "17 a second, a burst of 3, hints in whole seconds",
    { model: bucket(17, 3), rows: 3400, latency, hints: "seconds" },
    [0.97, Infinity],
    [0.95, 0.01]
  )
  const tokens = ServerModel.tokenBucket({ rate: 1000, burst: 10_000, unit: "tokens" })
  const sizes = (random: { readonly number: () => number }) => Math.round(100 + 1000 * random.number())
  reaches(
    "60,000 tokens a minute, rows of 100 to 1,100",
    {
      model: ServerModel.all(bucket(10, 100), tokens),
      rows: 1500,
      latency,
      hints: "seconds",
      tokens: sizes
    },
    [0.93, 0.06]
  )
  const told = { rows: 1500, latency: Latency.logNormal(1000), costs: true, tokens: sizes }
  reaches("a bucket of 60,000 tokens a minute, rows that say their size", { model: tokens, ...told }, [0.95, 0.03])
  reaches(
    "a window of 60,000 tokens a minute, rows that say their size",
    { model: ServerModel.fixedWindow({ limit: 60_000, per: minute, unit: "tokens" }), ...told },
    [0.95, 0.03]
  )
  reaches(
    "one more than five a second locks out for 30 s: 600 rows within 480 s",
    { model: Fault.lockOut({ lasts: 30_000 })(window(5, 1000)), rows: 600, latency },
    [0.25, 0.02],
    [0.47, 0.04]
  )
})
