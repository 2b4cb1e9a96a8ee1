import { assert, describe, it } from "@effect/vitest"
import * as EventStream from "../../src/http/EventStream.js"

const parse = (form: EventStream.Form, ...chunks: ReadonlyArray<string>) => {
  const parser = EventStream.make(form)
  return chunks.flatMap((chunk) => parser.push(new TextEncoder().encode(chunk)))
}

describe("A stream of events", () => {
  it("has an event at each blank line after data, wherever its chunks are cut", () => {
    const expected = [
      { name: "error", data: "one\ntwo" },
      { name: undefined, data: "three" }
    ]
    const text = ": a comment\n\nevent: error\ndata: one\ndata:two\n\nid: 7\n\ndata: three\n\ndata: unfinished"
    assert.deepStrictEqual(parse("server-sent events", text), expected)
    assert.deepStrictEqual(parse("server-sent events", ...text), expected)
  })
})

describe("A stream of events that is cut within a letter", () => {
  it("has the letter whole", () => {
    const parser = EventStream.make("server-sent events")
    const bytes = new TextEncoder().encode("data: ü\n\n")
    const events = [...bytes].flatMap((byte) => parser.push(new Uint8Array([byte])))
    assert.deepStrictEqual(events, [{ name: undefined, data: "ü" }])
  })
})

describe("A stream of lines", () => {
  it("has an event a line, of which blank ones are none", () => {
    assert.deepStrictEqual(
      parse("lines", '{"a":1}\n\n  \n{"b"', ":2}\nunfinished").map(({ data }) => data),
      ['{"a":1}', '{"b":2}']
    )
  })
})
