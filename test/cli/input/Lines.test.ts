import { assert, describe, it } from "@effect/vitest"
import { Splitter } from "../../../cli/src/input/Lines.js"

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** Splits a text that comes in pieces of so many bytes. */
const split = (text: string, size: number): ReadonlyArray<string> => {
  const splitter = new Splitter()
  const bytes = encode(text)
  const lines: Array<string> = []
  for (let from = 0; from < bytes.length; from += size) {
    lines.push(...splitter.push(bytes.subarray(from, from + size)).map(decode))
  }
  const last = splitter.end()
  return last === undefined ? lines : [...lines, decode(last)]
}

describe("Lines.Splitter", () => {
  it("gives the same lines whatever the pieces, with either end, and the last without one", () => {
    const expected = ["a", "", "grüße, 世界", "last"]
    for (const size of [1, 2, 3, 7, 1000]) {
      assert.deepStrictEqual(split("a\n\r\ngrüße, 世界\r\nlast", size), expected)
    }
  })

  it("gives no line for an end", () => {
    assert.deepStrictEqual(split("a\n", 1), ["a"])
    assert.deepStrictEqual(split("", 1), [])
  })

  it("keeps a return that ends no line", () => {
    assert.deepStrictEqual(split("a\rb\n", 2), ["a\rb"])
  })
})
