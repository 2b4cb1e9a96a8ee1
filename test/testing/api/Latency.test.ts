import { assert, describe, it } from "@effect/vitest"
import { Latency } from "effect-aimd/testing"
import { PCGRandom } from "effect/Utils"
import { range } from "../support.js"

const drawn = (latency: Latency.Latency, count: number, tokens = 1): Array<number> => {
  const chance = new PCGRandom(7)
  return range(count).map(() => latency(chance, tokens))
}

const median = (values: ReadonlyArray<number>): number => [...values].sort((a, b) => a - b)[values.length / 2] ?? NaN
const mean = (values: ReadonlyArray<number>): number => values.reduce((sum, value) => sum + value, 0) / values.length

describe("Latency", () => {
  it("is always the same where it is constant", () =>
    assert.deepStrictEqual(drawn(Latency.constant(80), 3), [80, 80, 80]))

  it("is anything between its bounds where it is uniform", () => {
    const values = drawn(Latency.uniform(100, 300), 10_000)
    assert.isTrue(values.every((value) => value >= 100 && value < 300))
    assert.approximately(mean(values), 200, 2)
    // The standard deviation of a uniform distribution is its width over √12.
    assert.approximately(Math.sqrt(mean(values.map((value) => (value - 200) ** 2))), 200 / Math.sqrt(12), 1)
  })

  it("has its median, and the deviation of its logarithm, where it is log-normal", () => {
    const values = drawn(Latency.logNormal(500, 0.4), 10_000)
    assert.approximately(median(values), 500, 5)
    const logs = values.map((value) => Math.log(value / 500))
    assert.approximately(mean(logs), 0, 0.01)
    assert.approximately(Math.sqrt(mean(logs.map((log) => log * log))), 0.4, 0.01)
  })

  it("is drawn from the seed alone, and kept to whole microseconds", () => {
    assert.deepStrictEqual(drawn(Latency.logNormal(500), 4), drawn(Latency.logNormal(500), 4))
    assert.isTrue(drawn(Latency.logNormal(500), 100).every((value) => value === Math.round(value * 1000) / 1000))
  })

  it("grows with the size, times a factor that is drawn", () => {
    const bySize = Latency.bySize({ base: 200, perToken: 0.5 })
    assert.deepStrictEqual(drawn(bySize, 2, 400), [400, 400])
    const noisy = Latency.bySize({ base: 200, perToken: 0.5, noise: Latency.constant(1.5) })
    assert.deepStrictEqual(drawn(noisy, 1, 400), [600])
  })
})
