import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as RawJson from "../../../cli/src/input/RawJson.js"

describe("RawJson.member", () => {
  it("is the text of a member, as it stands there", () => {
    const line = '{ "a": [1, {"body": 0}], "body" : {"seed": 12345678901234567890, "t": "\\"}{,:\\\\"} , "c":null}'
    assert.strictEqual(RawJson.member(line, "body"), '{"seed": 12345678901234567890, "t": "\\"}{,:\\\\"}')
    assert.strictEqual(RawJson.member(line, "a"), '[1, {"body": 0}]')
    assert.strictEqual(RawJson.member(line, "c"), "null")
    assert.strictEqual(RawJson.member('{"\\u0062ody":1.10}', "body"), "1.10")
  })

  it("is the last of several, and nothing where there is none", () => {
    assert.strictEqual(RawJson.member('{"body":1,"body":2}', "body"), "2")
    for (const none of ["{}", '{"a":{"body":1}}', '{"a":"body"}', '[{"body":1}]', '"body"', "1"]) {
      assert.isUndefined(RawJson.member(none, "body"))
    }
  })

  it("means what a parser reads, whatever the object", () => {
    const names = FastCheck.constantFrom("a", "b", '"', "\\", "{", ":")
    const objects = FastCheck.dictionary(names, FastCheck.jsonValue())
    FastCheck.assert(
      FastCheck.property(objects, FastCheck.integer({ min: 0, max: 2 }), (object, indent) => {
        const text = JSON.stringify(object, null, indent)
        // JSON.parse knows no -0 from what JSON.stringify wrote.
        const plain = JSON.parse(text) as Record<string, unknown>
        for (const name of [...Object.keys(plain), "none"]) {
          const found = RawJson.member(text, name)
          assert.deepStrictEqual(found === undefined ? undefined : JSON.parse(found), plain[name])
        }
        const line = RawJson.oneLine(text)
        assert.deepStrictEqual([JSON.parse(line), /\n/.test(line)], [plain, false])
        assert.strictEqual(line, JSON.stringify(plain))
      })
    )
  })
})

describe("RawJson.hasLargeInteger", () => {
  it("finds integers of sixteen digits and more, in no text and no fraction", () => {
    const large = ['{"id":1234567890123456789}', "[1, -1234567890123456]", '{"a": 9007199254740993 }']
    const others = ['{"id":"1234567890123456789"}', "[0.12345678901234567]", "[123456789012345]", "[1e400]"]
    assert.isTrue(large.every(RawJson.hasLargeInteger))
    assert.isFalse(others.some(RawJson.hasLargeInteger))
  })
})
