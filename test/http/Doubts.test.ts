import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import * as Doubts from "../../src/http/Doubts.js"
import { range } from "../testing/support.js"
import { inVirtualTime } from "../support/time.js"
import { scripted, url } from "./support.js"

describe("A word that may mean an end", () => {
  it("is believed of an attempt that began after the wait that was named when it was said first", () => {
    const doubts = Doubts.make()
    const said = (startedAt: number, wait?: number) => doubts.isBelieved("spent", startedAt, startedAt + 50, wait)
    assert.deepStrictEqual([said(0, 1000), said(1049), said(1050), said(1051)], [false, false, true, true])
  })

  it("is believed after a minute where no wait was named, each word by itself", () => {
    const doubts = Doubts.make()
    const said = (word: string, startedAt: number) => doubts.isBelieved(word, startedAt, startedAt, undefined)
    assert.deepStrictEqual(
      [said("a", 0), said("b", 500), said("a", 59_999), said("a", 60_000), said("b", 60_499), said("b", 60_500)],
      [false, false, false, true, false, true]
    )
  })

  it("is no longer remembered once an attempt that was started later is served", () => {
    const doubts = Doubts.make()
    const said = (startedAt: number) => doubts.isBelieved("spent", startedAt, startedAt, undefined)
    said(1000)
    doubts.served(999)
    assert.isTrue(said(61_000))
    doubts.served(1000)
    assert.isFalse(said(61_000))
  })

  it("is remembered as one of a hundred: the oldest gives way", () => {
    const doubts = Doubts.make()
    const said = (word: number, startedAt: number) => doubts.isBelieved(`${word}`, startedAt, startedAt, undefined)
    for (const word of range(100)) said(word, 0)
    assert.isTrue(said(0, 60_000))
    said(100, 0)
    assert.deepStrictEqual([said(1, 60_000), said(0, 60_000)], [true, false])
  })

  it.effect("is doubted of each host by itself", () =>
    inVirtualTime(function* () {
      const spent = { status: 429, body: { error: { code: "insufficient_quota" } }, headers: { "retry-after": "40" } }
      const client = PooledHttpClient.make(yield* PooledExecutor.make({ control: "delay" }))
      const pooled = client(scripted(spent, { status: 404 }, spent, {}).client)
      // What is said of the first host is not over when the second says the same for the first time.
      const answers = [yield* pooled.get("http://a.test/things"), yield* pooled.get("http://b.test/things")]
      assert.deepStrictEqual(
        answers.map(({ status }) => status),
        [404, 200]
      )
    })
  )

  it.effect("is doubted anew after an answer that was served", () =>
    inVirtualTime(function* () {
      const spent = { status: 429, body: { error: { code: "insufficient_quota" } }, headers: { "retry-after": "40" } }
      const pool = yield* PooledExecutor.make({ control: "delay" })
      const client = PooledHttpClient.make(pool)
      const hopeful = client(scripted(spent, {}, spent, {}).client)
      for (const _ of range(2)) assert.strictEqual((yield* hopeful.get(url)).status, 200)
      const spoilt = yield* Effect.flip(client(scripted(spent, spent).client).get(url))
      assert.strictEqual(spoilt._tag, "QuotaExhaustedError")
    })
  )
})
