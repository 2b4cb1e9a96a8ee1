import { HttpBody, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { RequestKey } from "effect-aimd/http"

const get = (url: string, headers: Record<string, string> = {}) => HttpClientRequest.get(url, { headers })
const post = (body: HttpBody.HttpBody) => HttpClientRequest.setBody(HttpClientRequest.post("http://api.test"), body)

describe("the key of a request", () => {
  it("is its host with the port", () => {
    const urls = ["https://api.test/v1?a=1", "http://api.test:8080", "http://me:secret@api.test/", "/relative"]
    assert.deepStrictEqual(
      urls.map((url) => RequestKey.host(get(url))),
      ["api.test", "api.test:8080", "api.test", "unknown"]
    )
  })

  it("is the model of its JSON", () => {
    const bodies = [
      HttpBody.unsafeJson({ model: "gpt", input: "x" }),
      HttpBody.text('{"model":"claude"}'),
      HttpBody.unsafeJson({ model: 4 }),
      HttpBody.unsafeJson(null),
      HttpBody.text("{"),
      HttpBody.empty
    ]
    assert.deepStrictEqual(
      bodies.map((body) => RequestKey.model(post(body))),
      ["gpt", "claude", "unknown", "unknown", "unknown", "unknown"]
    )
  })

  it("is a header", () => {
    assert.deepStrictEqual(
      [{ "openai-organization": "acme" }, {}].map((headers) =>
        RequestKey.header("OpenAI-Organization")(get("http://api.test", headers))
      ),
      ["acme", "unknown"]
    )
  })

  it("is the account, by a hash that holds nothing of the credentials", () => {
    const secret = "sk-planted-secret"
    const keys = [
      { authorization: `Bearer ${secret}` },
      { authorization: `Bearer ${secret}` },
      { "x-api-key": secret },
      { "api-key": secret },
      { "x-goog-api-key": `${secret}2` },
      {}
    ].map((headers) => RequestKey.account(get("http://api.test", headers)))
    assert.strictEqual(keys[0], keys[1])
    assert.isTrue(keys.slice(0, 5).every((key) => /^account-[0-9a-f]{16}$/.test(key)))
    assert.deepStrictEqual([new Set(keys).size, keys[5]], [4, "anonymous"])
  })

  it("is several of them", () => {
    const key = RequestKey.all(RequestKey.host, RequestKey.model)
    assert.strictEqual(key(post(HttpBody.unsafeJson({ model: "gpt" }))), "api.test gpt")
  })
})
