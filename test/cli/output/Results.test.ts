import { assert, describe, it } from "@effect/vitest"
import { NodeFileSystem } from "@effect/platform-node"
import { Effect } from "effect"
import { existsSync, readFileSync } from "node:fs"
import * as Results from "../../../cli/src/output/Results.js"
import { folder, write } from "../support.js"

/** What is in the file once groups of lines were written over what was there; undefined ends it as a crash does. */
const after = (before: string | undefined, groups: ReadonlyArray<ReadonlyArray<string>>, isWhole?: boolean) =>
  Effect.gen(function* () {
    const path = yield* folder
    const file = `${path}/results.jsonl`
    if (before !== undefined) write(path, "results.jsonl", before)
    const run = Effect.gen(function* () {
      const results = yield* Results.open(file)
      yield* Effect.forEach(groups, results.write, { discard: true })
      if (isWhole !== undefined) yield* results.finish(isWhole)
    })
    yield* Effect.scoped(run)
    if (isWhole !== undefined) assert.isFalse(existsSync(`${file}.new`))
    return readFileSync(file, "utf8")
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

describe("Results", () => {
  it.effect("writes lines into a new file", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* after(undefined, [["a", "b"], [], ["c"]], true), "a\nb\nc\n")
      assert.strictEqual(yield* after(undefined, [], false), "")
    })
  )

  it.effect("goes on behind the lines that are there", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* after("a\nb\n", [["a"], ["b", "c"], ["d"]], true), "a\nb\nc\nd\n")
      assert.strictEqual(yield* after("a\nb\n", [["a", "b"]], true), "a\nb\n")
    })
  )

  it.effect("drops a last line that a crash has cut", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* after("a\nhal", [["a", "half", "c"]], true), "a\nhalf\nc\n")
      assert.strictEqual(yield* after("hal", [["half"]], true), "half\n")
      assert.strictEqual(yield* after("a\nhal", [["a"]], false), "a\n")
      const long = "x".repeat(3_000_000)
      assert.strictEqual(yield* after(`a\n${long}`, [["a", "b"]], true), "a\nb\n")
    })
  )

  it.effect("puts lines that differ in the place of the old ones, at the end", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* after("a\nb\nc\n", [["a", "B"], ["c"], ["d"]], true), "a\nB\nc\nd\n")
      assert.strictEqual(yield* after("a\nb\nc\n", [["A"], ["b", "c"]], true), "A\nb\nc\n")
    })
  )

  it.effect("keeps the old lines behind the new ones where the run did not come to its end", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* after("a\nb\nc\nd\n", [["a", "B"]], false), "a\nB\nc\nd\n")
      assert.strictEqual(yield* after("a\nb\nc\nd\n", [["a", "B", "C"]], false), "a\nB\nC\nd\n")
      assert.strictEqual(yield* after("a\nb\n", [["A"], ["b"], ["c"]], false), "A\nb\nc\n")
      assert.strictEqual(yield* after("a\nb\nc\n", [["a"]], false), "a\nb\nc\n")
    })
  )

  it.effect("leaves the old lines as they are where the process dies", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* after("a\nb\nc\n", [
          ["a", "B"],
          ["c", "d"]
        ]),
        "a\nb\nc\n"
      )
    })
  )

  it.effect("drops the old lines of rows that are no more", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* after("a\nb\nc\n", [["a", "b"]], true), "a\nb\n")
      assert.strictEqual(yield* after("a\nb\nc\n", [["a"], ["c"]], true), "a\nc\n")
    })
  )

  it.effect("says why a file cannot be written", () =>
    Effect.gen(function* () {
      const message = (path: string) => Effect.map(Effect.flip(Results.open(path)), ({ message }) => message)
      assert.strictEqual(yield* message("no/such/x"), "no/such/x cannot be written: there is no such file or folder")
      assert.strictEqual(yield* message("docs"), "docs cannot be written: it is a folder")
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )
})
