import { assert, describe, it } from "@effect/vitest"
import { Cause } from "effect"
import { PoolError } from "effect-aimd"
import { Refused, Unanswered } from "../../../cli/src/output/Outcome.js"
import * as Health from "../../../cli/src/run/Health.js"
import { isDoneAgain } from "../../../cli/src/run/Retry.js"

const status = (status: number) => new Refused({ status, requestId: null, body: null })
const broken = new Unanswered({ code: "connection_error", message: "broken" })

describe("Health", () => {
  it("gives up after so many failures of the API in a row", () => {
    const health = Health.make(3)
    assert.deepStrictEqual(
      [health.failed(broken), health.failed(status(500)), health.timedOut()],
      [undefined, undefined, "3 failures in a row, the last: no answer within --request-timeout"]
    )
  })

  it("begins to count again when a row is served, or refused for what it is", () => {
    const health = Health.make(2)
    assert.isUndefined(health.failed(broken))
    health.served()
    assert.isUndefined(health.failed(broken))
    assert.isUndefined(health.failed(status(400)))
    assert.isUndefined(health.failed(broken))
  })

  it("never gives up for 0", () => {
    const health = Health.make(0)
    assert.isTrue(Array.from({ length: 100 }, () => health.failed(broken)).every((why) => why === undefined))
  })

  it("gives up at the first 401, unless the key was good before", () => {
    assert.match(Health.make(20).failed(status(401)) ?? "", /--key or OPENAI_API_KEY/)
    const health = Health.make(20)
    health.served()
    assert.isUndefined(health.failed(status(401)))
  })
})

describe("Rows that are done again", () => {
  const failures = {
    unfinished: new PoolError.PoolShutdownError({ pool: "run" }),
    connection: broken,
    status500: status(500),
    status400: status(400),
    refused: new Unanswered({ code: "request_refused", message: "too large" })
  }
  const again = (retry: "unanswered" | "failed" | "never") =>
    Object.entries(failures).flatMap(([name, failure]) => (isDoneAgain(retry)(Cause.fail(failure)) ? [name] : []))

  it("are those without an answer of their own by default, all or none where one says so; the unfinished always", () => {
    assert.deepStrictEqual(again("unanswered"), ["unfinished", "connection", "status500"])
    assert.deepStrictEqual(again("failed"), Object.keys(failures))
    assert.deepStrictEqual(again("never"), ["unfinished"])
  })
})
