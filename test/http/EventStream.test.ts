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

describe("An event", () => {
  const long = 64 * 1024

  it("ends with any of the three ends of a line, wherever that is cut", () => {
    assert.deepStrictEqual(
      parse("server-sent events", "data: a\r", "\n\r", "\ndata: b\r\rdata: c\n", "\n").map(({ data }) => data),
      ["a", "b", "c"]
    )
  })

  it("is looked at up to 64 KiB of data in all its lines, and the next one is as if it had not been there", () => {
    const lengths = (...lines: ReadonlyArray<number>) =>
      parse("server-sent events", ...lines.map((length) => `data: ${"x".repeat(length)}\n`), "\ndata: next\n\n").map(
        ({ data }) => data.length
      )
    assert.deepStrictEqual(
      [lengths(long - 1, 1), lengths(long - 1, 2), lengths(1, long - 1, 1), lengths(20, 30)],
      [[long + 1, 4], [4], [4], [51, 4]]
    )
  })

  it("has a line of at most 64 KiB: what is longer and goes on is forgotten", () => {
    const lines = (length: number) => parse("lines", "x".repeat(length), "\nnext\n").map(({ data }) => data.length)
    assert.deepStrictEqual([lines(long), lines(long + 1)], [[long, 4], [4]])
  })

  it("keeps its name to itself, and knows no other fields", () => {
    const text = "event: a\ndata: 1\n\ndata: 2\nretry: 3\nevent\n\n"
    assert.deepStrictEqual(parse("server-sent events", text), [
      { name: "a", data: "1" },
      { name: "", data: "2" }
    ])
  })

  it("stands for a status where it is named an error, or holds one", () => {
    const overloaded = '{"error":{"type":"overloaded_error"}}'
    const statuses = [
      { name: "error", data: overloaded },
      { name: "error", data: '{"code":"rate_limit_exceeded"}' },
      { name: undefined, data: overloaded },
      { name: undefined, data: '{"text":"an error, rate_limit_exceeded"}' },
      { name: undefined, data: '{"code":"rate_limit_exceeded"}' },
      { name: "error", data: "nothing that is known" }
    ].map(EventStream.statusOf)
    assert.deepStrictEqual(statuses, [529, 429, 529, undefined, undefined, undefined])
  })
})

describe("The first bytes of a body", () => {
  it("say whether it can be a stream of events", () => {
    const can = (form: EventStream.Form, ...texts: ReadonlyArray<string>) =>
      texts.map((text) => EventStream.canBegin(form, new TextEncoder().encode(text)))
    assert.deepStrictEqual(can("server-sent events", "data: 1", "  ev", ": ping", "", "d", "{", "dat:", "x"), [
      ...[true, true, true, true, true, false, false, false]
    ])
    assert.deepStrictEqual(can("lines", '{"a":1}', "\n [", "", "data: 1"), [true, true, true, false])
  })
})
