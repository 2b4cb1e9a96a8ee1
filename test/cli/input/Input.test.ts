import { assert, describe, it } from "@effect/vitest"
import { NodeFileSystem } from "@effect/platform-node"
import { Effect, Either, Stream } from "effect"
import * as Input from "../../../cli/src/input/Input.js"
import * as Row from "../../../cli/src/input/Row.js"
import * as Template from "../../../cli/src/input/Template.js"
import { folder, write } from "../support.js"

const batch = Row.ofBatch(new URL("http://a.example/v1"), undefined)
const plain = Row.ofPlain({
  base: "http://a.example",
  endpoint: undefined,
  method: "POST",
  body: Either.getOrThrow(Template.parse("{{text}}")),
  id: undefined
})

/** The rows that a file gives, and what is wrong behind them; `<file>` stands for its path. */
const read = (name: string, text: string | Uint8Array, isDistinct = true) =>
  Effect.gen(function* () {
    const path = write(yield* folder, name, text)
    const syntax = name.endsWith(".csv") ? "csv" : name.endsWith(".tsv") ? "tsv" : "jsonl"
    const rows: Array<readonly [id: string, line: number, body: string | undefined]> = []
    const input: Input.Input = { path, syntax, read: syntax === "jsonl" ? batch : plain }
    const taken = Stream.runForEach(Input.rows(input, isDistinct), ({ body, id, line }) =>
      Effect.sync(() => void rows.push([id, line, body]))
    )
    const end = yield* Effect.either(taken)
    return { rows, wrong: Either.isLeft(end) ? end.left.message.replace(path, "<file>") : undefined }
  }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const line = (id: string, body: unknown = {}): string => JSON.stringify({ custom_id: id, url: "/x", body })

const bytes = (...parts: ReadonlyArray<string | number>): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.of(part))))

describe("Input: JSON lines", () => {
  it.effect("gives a row for each line that is not blank, and counts all lines", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read("a.jsonl", `${line("a")}\r\n\n  \n${line("b", "ü")}`), {
        rows: [
          ["a", 1, "{}"],
          ["b", 4, '"ü"']
        ],
        wrong: undefined
      })
    })
  )

  it.effect("takes a byte order mark for none of the text", () =>
    Effect.gen(function* () {
      const { rows, wrong } = yield* read("a.jsonl", `\uFEFF${line("a")}\n`)
      assert.deepStrictEqual([rows.length, wrong], [1, undefined])
    })
  )

  it.effect("tells the line that is wrong, once the rows before it are out", () =>
    Effect.gen(function* () {
      const end = (text: string | Uint8Array) =>
        Effect.map(read("a.jsonl", text), ({ rows, wrong }) => [rows.map(([id]) => id), wrong])
      const before = `${line("a")}\n\n`
      const [ids, wrong] = yield* end(`${before}{bad}\n${line("c")}\n`)
      assert.deepStrictEqual(ids, ["a"])
      assert.match(String(wrong), /^<file>, line 3: it is no JSON: /)
      assert.deepStrictEqual(yield* end(`${before}{"custom_id":"b"}\n`), [
        ["a"],
        '<file>, line 3: it has no "url", and there is no --endpoint for such lines'
      ])
      assert.deepStrictEqual(yield* end(bytes(before, '"', 0xff, '"')), [["a"], "<file>, line 3: it is not UTF-8"])
      assert.deepStrictEqual(yield* end(bytes(0xff, 0xfe, "{}")), [[], "<file>: it is UTF-16: save it as UTF-8"])
    })
  )

  it.effect("tells a name that comes twice with both of its lines, where it is asked to", () =>
    Effect.gen(function* () {
      const text = `${line("a")}\n${line("b")}\n${line("a")}\n`
      assert.deepStrictEqual(yield* read("a.jsonl", text), {
        rows: [
          ["a", 1, "{}"],
          ["b", 2, "{}"]
        ],
        wrong: '<file>, line 3: the name "a" is on line 1 already'
      })
      assert.strictEqual((yield* read("a.jsonl", text, false)).rows.length, 3)
    })
  )

  it.effect("cuts no line where the pieces of the file are cut", () =>
    Effect.gen(function* () {
      const texts = Array.from({ length: 300 }, (_, i) => "ä".repeat(i * 7))
      const { rows } = yield* read("a.jsonl", texts.map((text, i) => `${line(String(i), text)}\n`).join(""))
      assert.deepStrictEqual(
        rows.map(([, , body]) => body),
        texts.map((text) => JSON.stringify(text))
      )
    })
  )
})

describe("Input: CSV", () => {
  it.effect("reads quotes, line ends inside them, both ends of lines, and a byte order mark", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read("a.csv", '\uFEFFid,text\r\n1,"a ""b"", c\nd"\r\n\r\n2,ü'), {
        rows: [
          ["1", 3, '"a \\"b\\", c\\nd"'],
          ["2", 5, '"ü"']
        ],
        wrong: undefined
      })
    })
  )

  it.effect("reads tabs of TSV", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* read("a.tsv", "id\ttext\n1\ta,b\n")).rows, [["1", 2, '"a,b"']])
    })
  )

  it.effect("tells what is wrong, and where", () =>
    Effect.gen(function* () {
      const wrong = (text: string | Uint8Array) => Effect.map(read("a.csv", text), ({ wrong }) => wrong)
      assert.match((yield* wrong("id,text\n1\n")) ?? "", /^<file>: .*line 2/)
      assert.match((yield* wrong('id,text\n1,"a\n')) ?? "", /^<file>: .*line/)
      assert.strictEqual(yield* wrong("id,id\n1,2\n"), '<file>: the field "id" is there twice, on line 1')
      assert.strictEqual(
        yield* wrong("id,title\n1,2\n"),
        '<file>, line 2: there is no field "text"; the fields are: id, title'
      )
      assert.strictEqual(yield* wrong("id,text\n1,a\n1,b\n"), '<file>, line 3: the name "1" is on line 2 already')
      assert.strictEqual(yield* wrong(bytes("id,text\n1,", 0xff, "\n")), "<file>: it is not UTF-8")
    })
  )
})

describe("Input.check", () => {
  const check = (name: string, text: string) =>
    Effect.gen(function* () {
      const path = write(yield* folder, name, text)
      const end = yield* Effect.either(Input.check({ path, syntax: "jsonl", read: batch }))
      return Either.match(end, { onLeft: ({ message }) => message.replace(path, "<file>"), onRight: String })
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

  it.effect("counts the rows, and refuses a file without any", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* check("a.jsonl", `${line("a")}\n${line("b")}\n`), "2")
      assert.strictEqual(yield* check("a.jsonl", ""), "<file>: there is no row in it")
      assert.strictEqual(yield* check("a.jsonl", "\n \n"), "<file>: there is no row in it")
    })
  )

  it.effect("says why a file cannot be read", () =>
    Effect.gen(function* () {
      const message = Effect.flip(Input.check({ path: "no/such/file", syntax: "jsonl", read: batch }))
      assert.strictEqual((yield* message).message, "no/such/file: it cannot be read: there is no such file or folder")
      const ofFolder = Effect.flip(Input.check({ path: "docs", syntax: "jsonl", read: batch }))
      assert.strictEqual((yield* ofFolder).message, "docs: it cannot be read: it is a folder")
    }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
