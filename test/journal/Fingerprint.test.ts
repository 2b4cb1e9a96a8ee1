import { assert, describe, it } from "@effect/vitest"
import * as Fingerprint from "../../src/journal/Fingerprint.js"

describe("The fingerprint of a row", () => {
  // A journal of an earlier version must not find all its rows changed.
  it("is the same in every process, and in every version", () => {
    const known: ReadonlyArray<readonly [row: unknown, name: string]> = [
      ["a", "61a1ae4bcb443094"],
      ["b", "d3a9ec8c4201e799"],
      [undefined, "9b61362287ed5d3f"],
      [{ a: [1, null] }, "5c96a5143ca03b80"],
      ["0123456789".repeat(5), "b9f997f922676550"]
    ]
    for (const [row, name] of known) assert.strictEqual(Fingerprint.ofRow(row), name)
  })

  it("is sixteen digits, and another for every text", () => {
    const names = Array.from({ length: 2000 }, (_, i) => Fingerprint.ofText(`row ${i}`))
    assert.strictEqual(new Set(names).size, names.length)
    // Each half tells them apart by itself.
    for (const half of [0, 8])
      assert.strictEqual(new Set(names.map((name) => name.slice(half, half + 8))).size, names.length)
    for (const name of [...names, Fingerprint.ofText("")]) assert.match(name, /^[0-9a-f]{16}$/)
  })

  it("is refused to what is no JSON", () => {
    const loop: { self?: unknown } = {}
    loop.self = loop
    for (const row of [loop, () => 1, 1n, Symbol("s")]) {
      assert.throws(
        () => Fingerprint.ofRow(row),
        "effect-aimd: row of a batch with a journal: expected a row that is JSON, or the option rowFingerprint, got "
      )
    }
  })
})
