import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Schema, Stream } from "effect"
import type { Found } from "../../../src/cluster/batch/BatchTables.js"
import * as Source from "../../../src/cluster/batch/Source.js"

const read = <E>(source: Source.Source<string, E, never>, last?: Found) =>
  Effect.map(Stream.runCollect(Source.read(source, Schema.String, "id", last)), Chunk.toReadonlyArray)

const rowsOf = (lines: ReadonlyArray<Source.Line>) => lines.map(({ row }) => row)

/** The chunk that ends with this line, as it was cut. */
const cutAfter = (lines: ReadonlyArray<Source.Line>, rows: number): Found => ({
  chunk: 0,
  first: 0,
  size: rows,
  digest: lines[rows - 1]?.digest ?? "",
  last: lines[rows - 1]?.row ?? null,
  content: null,
  isDone: false
})

const letters = (text: string) => () => Stream.fromIterable(text)

describe("Source", () => {
  it.effect("goes on with a stream after the rows that were read, wherever that was", () =>
    Effect.gen(function* () {
      const lines = yield* read(letters("abcde"))
      assert.deepStrictEqual(rowsOf(lines), ['"a"', '"b"', '"c"', '"d"', '"e"'])
      for (const rows of [1, 3, 5]) {
        assert.deepStrictEqual(yield* read(letters("abcde"), cutAfter(lines, rows)), lines.slice(rows))
      }
    })
  )

  it.effect("refuses a stream that gives other rows than before, or fewer", () =>
    Effect.gen(function* () {
      const last = cutAfter(yield* read(letters("abcde")), 3)
      for (const text of ["abxde", "xbcde", "ab"]) {
        const error = yield* Effect.flip(read(letters(text), last))
        assert.include(error.message, "its first 3 rows are not those that were read before")
      }
      assert.deepStrictEqual(rowsOf(yield* read(letters("abcxy"), last)), ['"x"', '"y"'])
    })
  )

  it.effect("asks for the page after the last row, until one is empty", () =>
    Effect.gen(function* () {
      const asked: Array<string | undefined> = []
      const pages: Source.Source<string, never, never> = {
        _tag: "Pages",
        page: (id, after) => {
          assert.strictEqual(id, "id")
          asked.push(after)
          const from = after === undefined ? 0 : "abcde".indexOf(after) + 1
          return Effect.succeed([..."abcde".slice(from, from + 2)])
        }
      }
      const lines = yield* read(pages)
      assert.deepStrictEqual(asked, [undefined, "b", "d", "e"])
      asked.length = 0
      assert.deepStrictEqual(yield* read(pages, cutAfter(lines, 3)), lines.slice(3))
      assert.deepStrictEqual(asked, ["c", "e"])
    })
  )

  it.effect("says which row its schema cannot write", () =>
    Effect.gen(function* () {
      const short = Schema.String.pipe(Schema.maxLength(1))
      const error = yield* Effect.flip(
        Stream.runDrain(Source.read(() => Stream.make("a", "bc"), short, "id", undefined))
      )
      assert.include(error.message, "row 1 cannot be written")
    })
  )
})
