import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, TestClock } from "effect"
import * as Progress from "../../examples/demo/progress.js"

const counts: Progress.Counts = {
  done: 250,
  total: 1000,
  inFlight: 16,
  delay: Duration.millis(50),
  capacityRetries: 12,
  holdUntil: 0
}

/** A screen that keeps what is written to it. */
const recording = (isTerminal: boolean, columns = 200) => {
  const writes: Array<string> = []
  return { writes, screen: { isTerminal, columns: () => columns, write: (text: string) => void writes.push(text) } }
}

describe("Progress: line", () => {
  it("says rows, rate, time left, attempts in flight, delay and capacity retries", () => {
    assert.strictEqual(
      Progress.line(counts, 150, 0),
      "250/1000 · 150/s · ETA 5s · 16 in flight · delay 50 ms · 12 capacity retries"
    )
  })

  it("knows no time left as long as nothing is done, and none once all is", () => {
    assert.match(Progress.line({ ...counts, done: 0 }, 0, 0), /^0\/1000 · 0\.0\/s · ETA \? · /)
    assert.match(Progress.line({ ...counts, done: 1000 }, 150, 0), /^1000\/1000 · 150\/s · done · /)
  })

  it("tells minutes and hours of a long run", () => {
    assert.match(Progress.line({ ...counts, total: 10_000 }, 2.5, 0), / 2\.5\/s · ETA 1h 5m · /)
  })

  it("tells how long nothing starts", () => {
    assert.match(Progress.line({ ...counts, holdUntil: 1140 }, 1, 1000), / · held 140 ms$/)
    assert.match(Progress.line({ ...counts, holdUntil: 21_500 }, 1, 1000), / · held 21s$/)
    assert.notMatch(Progress.line({ ...counts, holdUntil: 1000 }, 1, 1000), /held/)
  })

  it("fits 80 columns in a run of thousands, unless it is held", () => {
    const long = { ...counts, done: 3344, total: 3744, capacityRetries: 1080 }
    assert.isAtMost(Progress.line(long, 150, 0).length, 79)
  })
})

describe("Progress: fit", () => {
  it("cuts a line that would wrap and leaves the others alone", () => {
    assert.strictEqual(Progress.fit("abcde", 6), "abcde")
    assert.strictEqual(Progress.fit("abcdef", 6), "abcd…")
  })
})

describe("Progress: rate", () => {
  const at = (...samples: ReadonlyArray<readonly [at: number, done: number]>) =>
    samples
      .map(([at, done]): Progress.Sample => ({ at, done }))
      .reduce<ReadonlyArray<Progress.Sample>>(Progress.sample, [])

  it("is 0 without two samples at two instants", () => {
    assert.strictEqual(Progress.rate([]), 0)
    assert.strictEqual(Progress.rate(at([0, 5])), 0)
    assert.strictEqual(Progress.rate(at([0, 5], [0, 9])), 0)
  })

  it("is taken over the last five seconds", () => {
    const samples = at([0, 0], [1000, 900], [2000, 1000], [7000, 1100])
    assert.deepStrictEqual(samples, [
      { at: 2000, done: 1000 },
      { at: 7000, done: 1100 }
    ])
    assert.strictEqual(Progress.rate(samples), 20)
  })

  it("keeps one sample from before the window, so that a standstill counts as one", () => {
    assert.strictEqual(Progress.rate(at([0, 0], [20_000, 100])), 5)
  })
})

describe("Progress: show", () => {
  const run = (isTerminal: boolean, millis: number) =>
    Effect.gen(function* () {
      const { screen, writes } = recording(isTerminal, 30)
      const read = Effect.map(Clock.currentTimeMillis, (now) => ({ ...counts, done: now / 10 }))
      const fiber = yield* Effect.fork(Progress.show(screen, read))
      yield* TestClock.adjust(millis)
      yield* Fiber.interrupt(fiber)
      return writes
    })

  it.effect("writes a line a second where the output is no terminal", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(false, 2999), [
        "100/1000 · 100/s · ETA 9s · 16 in flight · delay 50 ms · 12 capacity retries\n",
        "200/1000 · 100/s · ETA 8s · 16 in flight · delay 50 ms · 12 capacity retries\n"
      ])
    })
  )

  it.effect("redraws one line five times a second on a terminal, and clears it at the end", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* run(true, 400), [
        "\r\u001b[K20/1000 · 100/s · ETA 10s · …",
        "\r\u001b[K40/1000 · 100/s · ETA 10s · …",
        "\r\u001b[K"
      ])
    })
  )
})

describe("Progress: logger", () => {
  it.effect("prints log lines where the progress line is, and keeps them", () =>
    Effect.gen(function* () {
      const { screen, writes } = recording(true)
      yield* Effect.logWarning("slow down").pipe(Effect.provide(Progress.logger(screen)))
      assert.deepStrictEqual(writes, ["\r\u001b[KWARN: slow down\n"])
    })
  )
})
