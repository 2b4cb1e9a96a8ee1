import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as Hashing from "../../examples/demo/hashing.js"
import { cosine } from "../../examples/demo/neighbours.js"

describe("Hashing", () => {
  it("splits camel case, lowers and takes off plurals", () => {
    assert.deepStrictEqual(Hashing.words("mapEffect: HTTPServer's retries, 3 boxes! class"), [
      "map",
      "effect",
      "http",
      "server",
      "s",
      "retry",
      "3",
      "box",
      "class"
    ])
  })

  it("gives the same text the same vector, of length 1", () => {
    const vector = Hashing.embed("Retries a failing effect", 64)
    assert.deepStrictEqual(Hashing.embed("Retries a failing effect", 64), vector)
    assert.strictEqual(vector.length, 64)
    assert.closeTo(Math.hypot(...vector), 1, 1e-5)
  })

  it("weighs a word that occurs twice 1 + ln 2 times one that occurs once", () => {
    const sizes = Hashing.embed("queue queue fiber", 4096)
      .filter((x) => x !== 0)
      .map(Math.abs)
      .sort((a, b) => a - b)
    assert.strictEqual(sizes.length, 2)
    assert.closeTo((sizes[1] ?? 0) / (sizes[0] ?? 0), 1 + Math.log(2), 1e-5)
  })

  it("knows no order of words and no letter case", () => {
    assert.deepStrictEqual(Hashing.embed("bounded queue", 256), Hashing.embed("Queue BOUNDED", 256))
  })

  it("puts a text nearer to one on the same matter than to one on another", () => {
    const [a, b, c] = ["interrupts the fiber", "fiber interruption, interrupt", "decodes base64"].map((text) =>
      Hashing.embed(text, 1024)
    )
    assert.isAbove(cosine(a ?? [], b ?? []), cosine(a ?? [], c ?? []))
  })

  it("has no direction for a text of stop words, of punctuation, or for none", () => {
    for (const text of ["the of and", "?!", ""]) assert.deepStrictEqual(Hashing.embed(text, 3), [0, 0, 0])
  })

  it.prop(
    "gives every text a vector of finite numbers, of length 1 or 0",
    [FastCheck.fullUnicodeString(), FastCheck.integer({ min: 1, max: 128 })],
    ([text, dimensions]) => {
      const vector = Hashing.embed(text, dimensions)
      const length = Math.hypot(...vector)
      return vector.length === dimensions && (length === 0 || Math.abs(length - 1) < 1e-4)
    }
  )
})
