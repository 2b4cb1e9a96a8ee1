import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as Target from "../../../cli/src/input/Target.js"

const join = (base: string, row: string): string =>
  Either.match(Target.join(new URL(base), row), { onLeft: (why) => why, onRight: ({ url }) => url })

describe("Target.join", () => {
  it("puts the row's path behind the base's, and what they share once", () => {
    const expected: ReadonlyArray<readonly [base: string, row: string, url: string]> = [
      ["http://a.example", "/v1/chat/completions", "http://a.example/v1/chat/completions"],
      ["http://a.example/v1", "/v1/chat/completions", "http://a.example/v1/chat/completions"],
      ["http://a.example/v1/", "/v1/embeddings", "http://a.example/v1/embeddings"],
      ["http://a.example/v1", "/embeddings", "http://a.example/v1/embeddings"],
      ["http://a.example/openai/v1", "/v1/embeddings", "http://a.example/openai/v1/embeddings"],
      ["http://a.example/api", "/v1/embeddings", "http://a.example/api/v1/embeddings"],
      ["http://a.example/v1/embeddings", "/v1/embeddings", "http://a.example/v1/embeddings"],
      ["http://a.example/v10", "/v1/x", "http://a.example/v10/v1/x"],
      ["http://a.example/v1", "v1/x/", "http://a.example/v1/x/"],
      ["http://a.example/v1", "", "http://a.example/v1"]
    ]
    assert.deepStrictEqual(
      expected.map(([base, row]) => join(base, row)),
      expected.map(([, , url]) => url)
    )
  })

  it("keeps the queries of both", () => {
    assert.strictEqual(
      join("http://a.example/v1?api-version=1", "/x?page=2&q=a%20b"),
      "http://a.example/v1/x?api-version=1&page=2&q=a%20b"
    )
  })

  it("takes a whole URL of the same host, and sends the key to no other", () => {
    assert.strictEqual(join("http://a.example/v1", "http://a.example/x?y=1"), "http://a.example/x?y=1")
    assert.strictEqual(
      join("http://a.example/v1", "http://evil.example/x"),
      "its url goes to http://evil.example, and --url to http://a.example: the key is sent to no other host"
    )
    assert.match(join("http://a.example/v1", "https://a.example/x"), /the key is sent to no other host/)
  })
})

describe("Target.parseBase", () => {
  it("takes http and https, and nothing else", () => {
    assert.isTrue(Either.isRight(Target.parseBase("https://api.openai.com/v1")))
    for (const wrong of ["nonsense", "ftp://a.example", "localhost:8000", ""]) {
      assert.deepStrictEqual(
        Target.parseBase(wrong),
        Either.left(`expected an http or https URL such as https://api.openai.com/v1, got ${JSON.stringify(wrong)}`)
      )
    }
  })
})
