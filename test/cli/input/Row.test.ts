import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as Row from "../../../cli/src/input/Row.js"
import * as Template from "../../../cli/src/input/Template.js"

const base = new URL("http://a.example/v1")
const source = (value: unknown): Row.Source => ({ line: 7, number: 3, value })

describe("Row.ofBatch", () => {
  const read = (value: unknown, endpoint?: string) => Row.ofBatch(base, endpoint)(source(value))

  it("reads OpenAI's batch format", () => {
    assert.deepStrictEqual(
      read({ custom_id: "a", method: "POST", url: "/v1/chat/completions", body: { model: "m", messages: [] } }),
      Either.right({
        id: "a",
        line: 7,
        method: "POST",
        target: { url: "http://a.example/v1/chat/completions", path: "/v1/chat/completions" },
        body: '{"model":"m","messages":[]}'
      })
    )
  })

  it("takes POST where there is no method, and --endpoint where there is no url", () => {
    const row = Either.getOrThrow(read({ custom_id: "a", body: {} }, "/v1/embeddings"))
    assert.deepStrictEqual([row.method, row.target.url], ["POST", "http://a.example/v1/embeddings"])
  })

  it("sends a body as it stands in its line", () => {
    const text = '{"custom_id": "a", "url": "/x", "body": {"seed": 12345678901234567890, "p": 1.0}}'
    const row = Row.ofBatch(base, undefined)({ ...source(JSON.parse(text)), text })
    assert.strictEqual(Either.getOrThrow(row).body, '{"seed": 12345678901234567890, "p": 1.0}')
  })

  it("says what is wrong with a line", () => {
    const good = { custom_id: "a", url: "/x", body: {} }
    const wrong: ReadonlyArray<readonly [line: unknown, why: RegExp]> = [
      [[1], /^expected an object with custom_id, url and body, got \[1\]$/],
      ["text", /^expected an object/],
      [{ ...good, custom_id: undefined }, /^it has no "custom_id" \(rows of your own need --body\)$/],
      [{ ...good, custom_id: 5 }, /^its "custom_id" is to be a text that is not empty, got 5$/],
      [{ ...good, custom_id: "" }, /not empty/],
      [{ ...good, custom_id: "x".repeat(2000) }, /longer than 1024/],
      [{ ...good, method: "FETCH" }, /^its "method" is to be one of GET, .*, got "FETCH"$/],
      [{ ...good, url: undefined }, /^it has no "url", and there is no --endpoint/],
      [{ ...good, url: 1 }, /^its "url" is to be a text, got 1$/],
      [{ ...good, url: "http://b.example/" }, /no other host/],
      [{ custom_id: "a", url: "/x" }, /^it has no "body"$/],
      [{ ...good, method: "get" }, /^a GET has no "body"$/]
    ]
    for (const [line, why] of wrong) {
      assert.match(Either.match(read(line), { onLeft: (left) => left, onRight: () => "right" }), why)
    }
  })
})

describe("Row.ofPlain", () => {
  const plain = (options: Partial<Row.Plain>) =>
    Row.ofPlain({
      base: "http://a.example/v1/embeddings",
      endpoint: undefined,
      method: "POST",
      body: Either.getOrThrow(Template.parse('{"input":{{text}}}')),
      id: undefined,
      ...options
    })

  it("makes a request of a row, to the whole URL", () => {
    assert.deepStrictEqual(
      plain({})(source({ id: 5, text: "hi" })),
      Either.right({
        id: "5",
        line: 7,
        method: "POST",
        target: { url: "http://a.example/v1/embeddings", path: "/v1/embeddings" },
        body: '{"input":"hi"}'
      })
    )
  })

  it("names a row by custom_id, then id, then its number; or by --id alone", () => {
    const nameOf = (value: object, id?: string) =>
      Either.match(plain({ id })(source({ text: "", ...value })), { onLeft: (why) => why, onRight: ({ id }) => id })
    assert.strictEqual(nameOf({ custom_id: "c", id: "i" }), "c")
    assert.strictEqual(nameOf({ id: "i" }), "i")
    assert.strictEqual(nameOf({}), "row-3")
    assert.strictEqual(nameOf({ id: "i", key: 9 }, "key"), "9")
    assert.strictEqual(
      nameOf({}, "key"),
      'the field "key" of --id is to be a text that is not empty or a number, got nothing'
    )
    assert.match(nameOf({ id: "" }), /^the name of the row is to be a text that is not empty/)
  })

  it("puts an endpoint behind the base, with the fields of the row", () => {
    const row = plain({ base: "http://a.example/v1", endpoint: "/v1/items/{{id}}", method: "GET", body: undefined })
    assert.strictEqual(Either.getOrThrow(row(source({ id: "a b" }))).target.url, "http://a.example/v1/items/a%20b")
  })
})

describe("Row: names of a row's request", () => {
  const row: Row.Row = {
    id: "row-1",
    line: 1,
    method: "POST",
    target: { url: "http://a.example/v1/x", path: "/x" },
    body: "{}"
  }
  const elsewhere = { ...row, line: 9, target: { url: "http://b.example/v1/x", path: "/x" } }

  it("has the same fingerprint on another line and at another host, and another for another request", () => {
    assert.strictEqual(Row.fingerprint(elsewhere), Row.fingerprint(row))
    const others = [
      { ...row, body: "[]" },
      { ...row, method: "PUT" as const },
      { ...row, target: { ...row.target, path: "/y" } }
    ]
    assert.strictEqual(new Set([row, ...others].map(Row.fingerprint)).size, 4)
  })

  it("has an idempotency key of its name and its request, fit for a header", () => {
    assert.match(Row.idempotencyKey(row), /^row-1-[0-9a-f]{16}$/)
    assert.strictEqual(Row.idempotencyKey(elsewhere), Row.idempotencyKey(row))
    assert.notStrictEqual(Row.idempotencyKey({ ...row, body: "[]" }), Row.idempotencyKey(row))
    for (const id of ["ü", "a b", "a\nb", "x".repeat(200)]) {
      assert.match(Row.idempotencyKey({ ...row, id }), /^[0-9a-f]{24}-[0-9a-f]{16}$/)
    }
  })
})
