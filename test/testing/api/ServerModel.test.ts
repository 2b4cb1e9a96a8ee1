import { assert, describe, it } from "@effect/vitest"
import { Curve, ServerModel } from "effect-aimd/testing"
import { range, verdicts, words } from "../support.js"

describe("A token bucket", () => {
  it("takes its burst, then one for each token that drips in, and says when the next one is there", () => {
    const bucket = ServerModel.tokenBucket({ rate: 10, burst: 2 })
    assert.deepStrictEqual(words(bucket, [0, 0, 0, 60, 100, 150, 1000, 1000, 1000]), [
      "ok",
      "ok",
      "429 for 100",
      "429 for 40",
      "ok",
      "429 for 50",
      "ok",
      "ok",
      "429 for 100"
    ])
    assert.strictEqual(bucket.name, "bucket 10/s burst 2")
  })

  it("counts tokens, with a status of its own, and never opens for a request larger than itself", () => {
    const bucket = ServerModel.tokenBucket({ rate: 100, burst: 50, unit: "tokens", status: 529 })
    assert.deepStrictEqual(
      words(bucket, [
        [0, { tokens: 40 }],
        [0, { tokens: 30 }],
        [200, { tokens: 30 }],
        [200, { tokens: 51 }]
      ]),
      ["ok", "529 for 200", "ok", "529 for Infinity"]
    )
    assert.strictEqual(bucket.name, "bucket 100/s burst 50 tokens")
  })

  it("tells its level and when it is full again", () => {
    const bucket = ServerModel.tokenBucket({ rate: 10, burst: 4 })
    assert.deepStrictEqual(verdicts(bucket, [0, 50]), [
      { _tag: "accepted", quota: { requests: { limit: 4, remaining: 3, resetAfter: 100 } } },
      { _tag: "accepted", quota: { requests: { limit: 4, remaining: 2, resetAfter: 150 } } }
    ])
  })

  it("is not kept short of its next token by rounding", () => {
    const bucket = ServerModel.tokenBucket({ rate: 3, burst: 1 })
    const third = 1000 / 3
    assert.deepStrictEqual(
      words(
        bucket,
        range(20).map((index) => index * third)
      ),
      range(20).map(() => "ok")
    )
  })
})

describe("A fixed window", () => {
  it("lies on the grid of the clock", () => {
    const window = ServerModel.fixedWindow({ limit: 2, per: 1000 })
    assert.deepStrictEqual(words(window, [900, 900, 950, 1000, 1999, 1999, 2000]), [
      "ok",
      "ok",
      "429 for 50",
      "ok",
      "ok",
      "429 for 1",
      "ok"
    ])
  })

  it("begins with the first request where it is not aligned", () => {
    const window = ServerModel.fixedWindow({ limit: 1, per: 1000, aligned: false })
    assert.deepStrictEqual(words(window, [900, 950, 1899, 1900, 2899]), [
      "ok",
      "429 for 950",
      "429 for 1",
      "ok",
      "429 for 1"
    ])
  })

  it("counts tokens, and a small request still fits where a large one does not", () => {
    const window = ServerModel.fixedWindow({ limit: 10, per: 1000, unit: "tokens" })
    assert.deepStrictEqual(
      words(window, [
        [0, { tokens: 8 }],
        [1, { tokens: 3 }],
        [2, { tokens: 2 }],
        [3, { tokens: 11 }]
      ]),
      ["ok", "429 for 999", "ok", "429 for Infinity"]
    )
    assert.strictEqual(window.name, "window 10 per 1 s tokens")
  })

  it("tells what is left of it and when it ends", () => {
    assert.deepStrictEqual(verdicts(ServerModel.fixedWindow({ limit: 1, per: 1000 }), [250, 400]), [
      { _tag: "accepted", quota: { requests: { limit: 1, remaining: 0, resetAfter: 750 } } },
      {
        _tag: "rejected",
        status: 429,
        opensIn: 600,
        quota: { requests: { limit: 1, remaining: 0, resetAfter: 600 } }
      }
    ])
  })
})

describe("A sliding window", () => {
  it("lets one in when the oldest has left", () => {
    const window = ServerModel.slidingWindow({ limit: 2, per: 1000 })
    assert.deepStrictEqual(words(window, [0, 400, 500, 999, 1000, 1000, 1400]), [
      "ok",
      "ok",
      "429 for 500",
      "429 for 1",
      "ok",
      "429 for 400",
      "ok"
    ])
    assert.strictEqual(window.name, "sliding 2 per 1 s")
  })

  it("never lets in who keeps knocking, where rejections count", () => {
    const window = ServerModel.slidingWindow({ limit: 1, per: 1000, countRejected: true })
    assert.deepStrictEqual(words(window, [0, 900, 1800, 2700, 3700]), [
      "ok",
      "429 for 1000",
      "429 for 1000",
      "429 for 1000",
      "ok"
    ])
    assert.strictEqual(window.name, "sliding 1 per 1 s, rejections count")
  })

  it("says when a rejection that counts lets the next one in", () => {
    const window = ServerModel.slidingWindow({ limit: 2, per: 1000, countRejected: true })
    // The rejection at 500 takes the place of the first: then what came at 400 has to leave.
    assert.deepStrictEqual(words(window, [0, 400, 500, 1399, 2398]), ["ok", "ok", "429 for 900", "429 for 101", "ok"])
  })

  it("counts tokens, and waits for as many of the oldest as it takes", () => {
    const window = ServerModel.slidingWindow({ limit: 10, per: 1000, unit: "tokens" })
    const asks = [
      [0, { tokens: 4 }],
      [100, { tokens: 4 }],
      [200, { tokens: 3 }],
      [200, { tokens: 7 }],
      [200, { tokens: 11 }]
    ] as const
    assert.deepStrictEqual(words(window, asks), ["ok", "ok", "429 for 800", "429 for 900", "429 for Infinity"])
  })

  it("tells what is left of it, and when all of it will be there again", () => {
    assert.deepStrictEqual(verdicts(ServerModel.slidingWindow({ limit: 2, per: 1000 }), [0, 400, 500]), [
      { _tag: "accepted", quota: { requests: { limit: 2, remaining: 1, resetAfter: 1000 } } },
      { _tag: "accepted", quota: { requests: { limit: 2, remaining: 0, resetAfter: 1000 } } },
      {
        _tag: "rejected",
        status: 429,
        opensIn: 500,
        quota: { requests: { limit: 2, remaining: 0, resetAfter: 900 } }
      }
    ])
  })
})

describe("A concurrency cap", () => {
  it("takes so many at once, and another when one has left", () => {
    assert.deepStrictEqual(words(ServerModel.concurrencyCap({ cap: 2 }), [0, 0, 0, { leave: 50 }, 50, 50]), [
      "ok",
      "ok",
      "429",
      "ok",
      "429"
    ])
  })

  it("changes with time", () => {
    const cap = ServerModel.concurrencyCap({
      cap: Curve.steps([
        [0, 2],
        [100, 1],
        [200, 3]
      ]),
      status: 503
    })
    assert.deepStrictEqual(words(cap, [0, 0, 99, 100, { leave: 110 }, 150, 200, 200, 200]), [
      "ok",
      "ok",
      "503",
      "503",
      "503",
      "ok",
      "ok",
      "503"
    ])
    assert.strictEqual(cap.name, "cap that changes")
  })
})

describe("Workers with a queue", () => {
  it("let a request wait for a worker, and reject it where the queue is full", () => {
    const server = ServerModel.workers({ workers: 2, queue: 2 })
    assert.deepStrictEqual(words(server, [0, [10, { service: 20 }], 10, 10, 10, 30, 100]), [
      "ok",
      "ok",
      "ok after 20",
      "ok after 90",
      "503 for 20",
      "ok after 100",
      "ok after 100"
    ])
    assert.strictEqual(server.name, "2 workers, queue of 2")
  })

  it("serve at once where nobody is there", () => {
    assert.deepStrictEqual(words(ServerModel.workers({ workers: 1, queue: 0, status: 529 }), [0, 99, 100, 500]), [
      "ok",
      "529 for 1",
      "ok",
      "ok"
    ])
  })
})

describe("A slope limit", () => {
  const slope = ServerModel.slopeLimit({ growth: 0.5, per: 10_000, floor: 2 })

  it("allows the floor at first, spread over the second", () => {
    assert.deepStrictEqual(words(slope, [0, 0, 0, 400, 500]), ["ok", "ok", "429 for 500", "429 for 100", "ok"])
    assert.strictEqual(slope.name, "slope +50 % per 10 s from 2/s")
  })

  /** Asks every 10 ms over so many spans, and counts what is accepted in each. */
  const acceptedIn = (spans: number): Array<number> => {
    const asks = range(spans * 1000).map((index) => index * 10)
    const counts = new Array<number>(spans).fill(0)
    words(slope, asks).forEach((verdict, index) => {
      if (verdict === "ok") counts[Math.floor(index / 1000)] = (counts[Math.floor(index / 1000)] ?? 0) + 1
    })
    return counts
  }

  it("lets traffic grow by so much a span", () => {
    // 2/s and the bucket of one second; then one and a half times as much, and what was left in the bucket.
    assert.deepStrictEqual(acceptedIn(4), [21, 32, 48, 72])
  })

  it("falls back to the floor after a silence", () => {
    const asks = [...range(2000).map((index) => index * 10), 65_000, 65_000, 65_000]
    assert.deepStrictEqual(words(slope, asks).slice(-3), ["ok", "ok", "429 for 500"])
  })
})

describe("Several limits at once", () => {
  const tier = ServerModel.all(
    ServerModel.tokenBucket({ rate: 1, burst: 2 }),
    ServerModel.tokenBucket({ rate: 10, burst: 20, unit: "tokens" })
  )

  it("need the consent of all, cost nothing when one says no, and open when the last one does", () => {
    const asks = [
      [0, { tokens: 15 }],
      [0, { tokens: 10 }],
      [0, { tokens: 5 }],
      [0, { tokens: 5 }],
      [1000, { tokens: 5 }]
    ] as const
    assert.deepStrictEqual(words(tier, asks), ["ok", "429 for 500", "ok", "429 for 1000", "ok"])
  })

  it("tell the quotas of all", () => {
    const [first] = verdicts(tier, [[0, { tokens: 15 }]])
    assert.deepStrictEqual(first, {
      _tag: "accepted",
      wait: 0,
      extra: 0,
      quota: {
        requests: { limit: 2, remaining: 1, resetAfter: 1000 },
        tokens: { limit: 20, remaining: 5, resetAfter: 1500 }
      }
    })
  })

  it("know nothing of when they open where one of those that refuse does not", () => {
    const model = ServerModel.all(
      ServerModel.concurrencyCap({ cap: 1 }),
      ServerModel.tokenBucket({ rate: 1, burst: 1 })
    )
    assert.deepStrictEqual(words(model, [0, 0, { leave: 10 }, 10]), ["ok", "429", "429 for 990"])
    assert.strictEqual(model.name, "cap 1 and bucket 1/s burst 1")
  })

  it("hang or fail where one does, and wait as long as the slowest", () => {
    const hung: ServerModel.ServerModel<number> = {
      name: "hung",
      initial: 0,
      arrive: (count) => [count + 1, count === 0 ? { _tag: "hung" } : { _tag: "accepted", wait: 7, extra: 3 }]
    }
    const model = ServerModel.all(
      hung,
      ServerModel.concurrencyCap({ cap: 1 }),
      ServerModel.workers({ workers: 1, queue: 5 })
    )
    assert.deepStrictEqual(words(model, [0, 10, { leave: 20 }, 30]), ["hung", "ok after 7 and 3", "ok after 80 and 3"])
  })
})

describe("A model of the user's own", () => {
  it("is a step", () => {
    const everyThird: ServerModel.ServerModel<number> = {
      name: "every third",
      initial: 0,
      arrive: (count) => [count + 1, count % 3 === 2 ? { _tag: "rejected", status: 429 } : { _tag: "accepted" }]
    }
    assert.deepStrictEqual(words(everyThird, [0, 1, 2, 3]), ["ok", "ok", "429", "ok"])
    assert.deepStrictEqual(words(ServerModel.all(everyThird), [0, 1, { leave: 1 }, 2, 3]), ["ok", "ok", "429", "ok"])
  })
})
