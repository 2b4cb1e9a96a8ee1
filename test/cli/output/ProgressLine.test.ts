import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PooledExecutor, type PoolStats } from "effect-aimd"
import * as ProgressLine from "../../../cli/src/output/ProgressLine.js"
import * as Screen from "../../../cli/src/output/Screen.js"

const snapshot: PooledExecutor.Snapshot = {
  at: 0,
  rows: 100,
  mayGrow: true,
  done: 40,
  failed: 0,
  inFlight: 5,
  fresh: 50,
  retrying: 5,
  finished: 0,
  waitsFor: "rows",
  usage: {},
  recalledUsage: {}
}

const stats: PoolStats.PoolStats = Effect.runSync(
  Effect.scoped(Effect.flatMap(PooledExecutor.make({ poolSize: 8 }), ({ stats }) => stats))
)

const line = (given: Partial<ProgressLine.Standing>, perSecond = 4): string =>
  ProgressLine.line({ at: 1000, total: 1000, snapshot, stats, own: 40, cost: undefined, ...given }, perSecond)

const waiting = (waitsFor: PooledExecutor.WaitsFor, given: Partial<PoolStats.PoolStats> = {}): string =>
  line({ snapshot: { ...snapshot, waitsFor }, stats: { ...stats, ...given } })

describe("ProgressLine", () => {
  it("says how far, how fast and how long still, and the rest where there is something to say", () => {
    assert.strictEqual(line({}), "40/1,000 · 4.0/s · about 4m left · 5 in flight")
    assert.strictEqual(line({ total: undefined }, 25), "40 rows · 25/s · 5 in flight")
    assert.strictEqual(line({}, 0), "40/1,000 · 0.0/s · about ? left · 5 in flight")
    assert.strictEqual(
      line({
        snapshot: { ...snapshot, failed: 2 },
        stats: { ...stats, capacityRetries: 1234 },
        cost: { spent: 0.0123, max: 5 }
      }),
      "42/1,000 · 4.0/s · about 4m left · 2 failed · 5 in flight · 1,234 rejected · 0.0123 of 5.00 spent"
    )
    assert.match(line({ cost: { spent: 12, max: Infinity } }), /12\.00 spent$/)
  })

  it("says why rows wait", () => {
    assert.match(waiting("hold", { holdUntil: 3500 }), /waits 2\.5s as the API asked$/)
    assert.match(waiting("window", { window: 8 }), /waits for one of 8 places$/)
    assert.match(waiting("pause"), /paused$/)
    assert.match(waiting("reader"), /waits for the first rows to end$/)
    assert.match(waiting("pace"), /waits for the pace, a start each 0ms$/)
  })

  it("takes the rate over the last half minute", () => {
    const samples = [0, 10, 20, 30, 40, 50].reduce<ReadonlyArray<ProgressLine.Sample>>(
      (kept, second) => ProgressLine.sample(kept, { at: second * 1000, own: second < 20 ? 0 : (second - 20) * 2 }),
      []
    )
    assert.strictEqual(ProgressLine.rate(samples), 2)
    assert.strictEqual(ProgressLine.rate(samples.slice(0, 1)), 0)
  })
})

describe("Screen", () => {
  it("redraws the last line of a terminal, cut to what fits, and gives anything else plain lines", () => {
    const written = (isTerminal: boolean) => {
      let text = ""
      const screen = { isTerminal, columns: () => 10, write: (more: string) => void (text += more) }
      Effect.runSync(
        Effect.all([Screen.draw(screen, "0123456789abc"), Screen.print(screen, "stays"), Screen.clear(screen)])
      )
      return text
    }
    assert.strictEqual(written(true), "\r\u001b[K01234567…\r\u001b[Kstays\n\r\u001b[K")
    assert.strictEqual(written(false), "0123456789abc\nstays\n")
  })

  it("says how many tokens were used, by earlier runs as well, where anybody told", () => {
    const told = { ...snapshot, usage: { tokens: 1200 }, recalledUsage: { tokens: 34 } }
    assert.isTrue(line({ snapshot: told }).endsWith(" · 1,234 tokens"))
    assert.notInclude(line({}), "tokens")
  })
})
