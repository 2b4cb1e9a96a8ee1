import type { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Lines from "../../src/journal/Lines.js"

const bytesOf = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** A file that is read in pieces of such a size at most, and counts them. */
const fileOf = (text: string, piece = Infinity) => {
  const bytes = bytesOf(text)
  let [position, reads] = [0, 0]
  const file: Pick<FileSystem.File, "readAlloc" | "seek"> = {
    seek: (offset) => Effect.sync(() => void (position = Number(offset))),
    readAlloc: (size) =>
      Effect.sync(() => {
        reads += 1
        const read = bytes.slice(position, position + Math.min(piece, Number(size)))
        position += read.length
        return read.length === 0 ? Option.none() : Option.some(read)
      })
  }
  // Nothing else of a file is used.
  return { file: file as FileSystem.File, reads: () => reads }
}

const linesOf = (text: string, piece?: number, isWanted: (line: string) => boolean = () => true) => {
  const seen: Array<readonly [line: string, at: number]> = []
  const end = Effect.runSync(
    Lines.forEach(fileOf(text, piece).file, (line, at) => {
      seen.push([textOf(line), at])
      return isWanted(textOf(line))
    })
  )
  return { seen, end }
}

describe("The lines of a file", () => {
  it("are those that have an end, with where they begin, in whatever pieces the file is read", () => {
    for (const piece of [1, 2, 3, 4, 5, 100]) {
      assert.deepStrictEqual(linesOf("ab\ncdef\n\nü\nrest", piece), {
        seen: [
          ["ab", 0],
          ["cdef", 3],
          ["", 8],
          ["ü", 9]
        ],
        end: 12
      })
    }
    assert.deepStrictEqual(linesOf("no end"), { seen: [], end: 0 })
    assert.deepStrictEqual(linesOf(""), { seen: [], end: 0 })
  })

  it("are looked at no further than to one that is not wanted", () => {
    const { seen } = linesOf("a\nb\nc\nd\n", 2, (line) => line !== "b")
    assert.deepStrictEqual(
      seen.map(([line]) => line),
      ["a", "b"]
    )
  })

  it("are read by where they begin: those that follow each other together", () => {
    const { file, reads } = fileOf("ab\ncdef\ngh\nrest")
    const read = Lines.makeReader(file)
    const at = (place: number) => textOf(Effect.runSync(read(place)))
    assert.deepStrictEqual([at(0), at(3), at(8), reads()], ["ab", "cdef", "gh", 1])
    // Back again, from where it was read last.
    assert.deepStrictEqual([at(3), at(0), reads()], ["cdef", "ab", 1])
    // A file that was cut has no such line.
    assert.deepStrictEqual([at(11), at(99)], ["", ""])
  })

  it("are read whole, however long they are, and in pieces", () => {
    const long = "x".repeat(600 * 1024)
    const { file } = fileOf(`short\n${long}\nlast\n`)
    const read = Lines.makeReader(file)
    const at = (place: number) => textOf(Effect.runSync(read(place)))
    assert.deepStrictEqual([at(6).length, at(6 + long.length + 1), at(0)], [long.length, "last", "short"])
  })
})
