import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { PooledExecutor } from "effect-aimd"
import { BatchReport } from "effect-aimd/report"
import { VirtualTime } from "effect-aimd/testing"
import { sample, value } from "./sample.js"

const recording = sample(1000)
const page = BatchReport.html(recording, { title: `A "run" of <b>texts</b>`, facts: { model: "small & cheap" } })

/** What a reader sees of the page, without markup. */
const text = (html: string): string =>
  html
    .replace(/<(script|style)[^>]*>.*?<\/\1>/gs, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, " ")

describe("BatchReport.record", () => {
  it("counts what the pool counts, and its rows", () => {
    assert.deepStrictEqual(recording.rows, { succeeded: 968, failed: 32, recalled: 0 })
    const { bins } = recording.timeline
    const sum = (count: (bin: (typeof bins)[number]) => number) =>
      Math.round(bins.reduce((total, bin) => total + count(bin), 0))
    assert.strictEqual(
      sum(({ starts }) => starts),
      recording.attempts
    )
    assert.strictEqual(
      sum(({ rejections }) => rejections),
      recording.rejections
    )
    assert.isAbove(recording.rejections, 0)
    assert.strictEqual(recording.attempts, 1000 + recording.rejections)
    assert.strictEqual(
      Object.values(recording.waitedFor).reduce((total, millis) => total + millis, 0),
      recording.until - recording.from
    )
  })

  it("counts from the moment it begins, and stops with its scope", () => {
    const recorded = VirtualTime.run(
      Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ poolSize: 2 })
        yield* pool.execute(Effect.sleep("1 second"))
        const { attempts, from, until } = yield* Effect.scoped(
          Effect.gen(function* () {
            const recorder = yield* BatchReport.record(pool)
            yield* pool.executeBatch([1, 2, 3], () => Effect.sleep("1 second"), { onEntry: recorder.onEntry })
            return yield* recorder.recording
          })
        )
        return { attempts, from, until }
      })
    )
    assert.deepStrictEqual(value(recorded), { attempts: 3, from: 1000, until: 3000 })
    // Nothing of it is left to wait for: the program ends when the batch does.
    assert.strictEqual(String(recorded.elapsed), "Duration(3s)")
  })
})

describe("BatchReport.html", () => {
  it("loads nothing, and says so to the browser", () => {
    assert.notMatch(
      page.replaceAll("http://www.w3.org/2000/svg", ""),
      /https?:|url\(|@import|<link rel="stylesheet"|src="/
    )
    assert.include(
      page,
      `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"`
    )
    assert.notMatch(page, /NaN|undefined|Infinity|\[object/)
  })

  it("escapes what rows and errors say", () => {
    assert.notInclude(page, "<img")
    assert.notInclude(page, "<b>too long")
    assert.strictEqual(page.match(/<script/g)?.length, 2)
    assert.strictEqual(page.match(/<\/script>/g)?.length, 2)
    assert.include(text(page), `</script><img src=x onerror="alert(1)">`)
    assert.include(text(page), `a text of 9007 letters is <b>too long</b> for "this" model & any other`)
    assert.include(page, "<title>A &#34;run&#34; of &#60;b&#62;texts&#60;/b&#62;</title>")
  })

  it("tells the run: rows, the law's findings, waits, slow rows and failures", () => {
    const read = text(page)
    for (const part of [
      "2026-01-15 09:00:00Z · pool embeddings, size 16 · model small & cheap",
      "Rows that succeeded 968 of 1,000",
      "Rows that failed 32 3.2 %",
      "TooLong : 25 rows, 78.1 % of the failures",
      "TypeError : 7 rows, 21.9 % of the failures",
      "nothing passes",
      "the API asked for silence, or the law held the pool"
    ]) {
      assert.include(read, part)
    }
    const [slowest] = recording.slowest
    assert.include(
      read,
      `From the first start to the end row began at took of that waited attempts ${slowest?.stateId}`
    )
  })

  it("describes its pictures in words, and names what may be chosen", () => {
    assert.strictEqual(page.match(/<svg[^>]* role="img"/g)?.length, 2)
    assert.strictEqual(page.match(/<desc>[^<]*goodput \(rows a second\): green/g)?.length, 2)
    assert.include(page, `<label for="instant">`)
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    assert.deepStrictEqual([...new Set(ids)], ids)
  })

  it("is a page for a run of nothing, too", () => {
    const empty = value(
      VirtualTime.run(
        Effect.gen(function* () {
          const recorder = yield* BatchReport.record(yield* PooledExecutor.make())
          return BatchReport.html(yield* recorder.recording)
        })
      )
    )
    assert.notMatch(empty, /NaN|undefined|Infinity/)
    assert.include(text(empty), "No row failed.")
  })

  it("is the same for the same recording, and for one that was written down", () => {
    assert.strictEqual(BatchReport.html(recording), BatchReport.html(sample(1000)))
    // A recording out of a file is taken at its word.
    assert.strictEqual(
      BatchReport.html(JSON.parse(JSON.stringify(recording)) as typeof recording),
      BatchReport.html(recording)
    )
  })
})
