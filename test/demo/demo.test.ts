import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { readFileSync } from "node:fs"
import * as Node from "../../cli/src/Node.js"
import * as Corpus from "../../examples/demo/corpus.js"
import * as Demo from "../../examples/demo/demo.js"
import * as Hashing from "../../examples/demo/hashing.js"
import { folder, lines } from "../cli/support.js"

/** Runs the demo in a folder, and returns what it says besides. */
const demo = (out: string, rows: number, fresh = false) =>
  Effect.gen(function* () {
    let said = ""
    const screen = { isTerminal: false, columns: () => 80, write: (text: string) => void (said += text) }
    const { code, report, text } = yield* Demo.run({ rows: Option.some(rows), poolSize: 16, out, fresh }, screen)
    assert.strictEqual(code, 0, said)
    if (report === undefined) throw new Error("there is no report")
    return { report, said, text }
  }).pipe(Effect.provide(Node.layer))

describe("Demo", () => {
  it.scopedLive("is the command: says which, embeds the doc comments, and answers questions from them", () =>
    Effect.gen(function* () {
      const out = yield* folder
      const { report, said, text } = yield* demo(out, 50)
      assert.strictEqual(said.split("\n", 1)[0], `$ ${report.command}`)
      assert.match(
        report.command,
        /^effect-aimd run \S+\/comments\.jsonl --out \S+\/results\.jsonl --url http:\/\/127\.0\.0\.1:\d+\/v1\/embeddings --body '\{"model":"hashed-bag-of-words","input":\{\{text\}\}\}' --json$/
      )
      assert.include(report.summary, { rows: 50, succeeded: 50, recalled: 0, status: "done" })
      const rows = (yield* Corpus.read.pipe(Effect.provide(Node.layer))).slice(0, 50)
      assert.deepStrictEqual(
        lines(`${out}/results.jsonl`).map(({ custom_id, response }) => [
          custom_id,
          (response?.body as { data: ReadonlyArray<{ embedding: unknown }> }).data[0]?.embedding
        ]),
        rows.map((row) => [Corpus.stateId(row), Hashing.embed(Corpus.input(row), 1024)])
      )
      assert.deepStrictEqual(
        report.answers.map(({ nearest }) => nearest.length),
        [3, 3, 3, 3]
      )
      // 40 at once, and the other ten in a twelfth of a second.
      assert.strictEqual(report.idealSeconds, 0.083)
      assert.match(text, /The server allows 120 requests a second, and 40 at once after a pause\./)
      assert.match(text, /the law allows .*\(.+\)/)
      assert.match(text, /% of the ideal\./)
    })
  )

  it.scopedLive("goes on where it was, with more rows, and begins anew when told to", () =>
    Effect.gen(function* () {
      const out = yield* folder
      yield* demo(out, 20)
      const more = yield* demo(out, 30)
      assert.include(more.report.summary, { rows: 30, recalled: 20 })
      const none = yield* demo(out, 30)
      assert.include(none.report.summary, { rows: 30, recalled: 30, attempts: 0 })
      assert.match(none.text, /All rows were done before/)
      const anew = yield* demo(out, 30, true)
      assert.include(anew.report.summary, { rows: 30, recalled: 0 })
      assert.strictEqual(readFileSync(`${out}/results.jsonl`, "utf8"), readFileSync(`${out}/results.jsonl.old`, "utf8"))
    })
  )
})
