import { assert, describe, it } from "@effect/vitest"
import { Option, Redacted } from "effect"
import type { Row } from "../../../cli/src/input/Row.js"
import * as Call from "../../../cli/src/run/Call.js"
import { version } from "../../../cli/src/Version.js"

const row: Row = { id: "a", line: 1, method: "POST", target: { url: "http://a.example/x", path: "/x" }, body: "{}" }
const key = Option.some(Redacted.make("sk-1"))

describe("Call.headersOf", () => {
  it("has what an API wants to know", () => {
    const { "idempotency-key": name, ...others } = Call.headersOf(row, { key, headers: [] })
    assert.match(name ?? "", /^a-[0-9a-f]{16}$/)
    assert.deepStrictEqual(others, {
      accept: "application/json",
      "user-agent": `effect-aimd-cli/${version}`,
      authorization: "Bearer sk-1",
      "content-type": "application/json"
    })
  })

  it("names no request that may be sent twice anyway, and no content where there is none", () => {
    const headers = Call.headersOf({ ...row, method: "GET", body: undefined }, { key: Option.none(), headers: [] })
    assert.deepStrictEqual(Object.keys(headers), ["accept", "user-agent"])
  })

  it("puts the user's headers over its own, and leaves out the empty ones", () => {
    const headers = [
      { name: "authorization", value: "Basic x" },
      { name: "idempotency-key", value: "" }
    ]
    const found = Call.headersOf(row, { key, headers })
    assert.strictEqual(found["authorization"], "Basic x")
    assert.notProperty(found, "idempotency-key")
  })
})
