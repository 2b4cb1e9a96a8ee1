import { assert, describe, it } from "@effect/vitest"
import { Cause, Duration, Exit, FiberId } from "effect"
import { Capacity, PoolError } from "effect-aimd"
import type { Answer } from "../../../cli/src/output/Outcome.js"
import { isNoAnswer, Refused, speaksOfDeath, Unanswered } from "../../../cli/src/output/Outcome.js"
import * as OutputLine from "../../../cli/src/output/OutputLine.js"

const answer: Answer = { status: 200, requestId: "req_1", body: { ok: true } }

const endingOf = (exit: OutputLine.Entry["exit"]): OutputLine.Ending =>
  OutputLine.endingOf({
    exit,
    submitIndex: 0,
    completeIndex: 0,
    stateId: "a",
    submittedAt: 0,
    startedAt: 0,
    completedAt: 0,
    bufferWait: Duration.zero,
    throttleWait: Duration.zero,
    attempts: 1
  })

const format = (exit: OutputLine.Entry["exit"]): unknown => {
  const line = OutputLine.format("a", endingOf(exit))
  return line === undefined ? undefined : JSON.parse(line)
}

const names = { id: "batch_req_ca978112ca1bbdcafac231b3", custom_id: "a" }

describe("OutputLine: OpenAI's batch output format", () => {
  it("has the answer of a row that was served", () => {
    assert.deepStrictEqual(format(Exit.succeed(answer)), {
      ...names,
      response: { status_code: 200, request_id: "req_1", body: { ok: true } },
      error: null
    })
  })

  it("has the answer of a row that was refused, too", () => {
    const refused = new Refused({ status: 400, requestId: null, body: { error: { message: "no" } } })
    assert.deepStrictEqual(format(Exit.fail(refused)), {
      ...names,
      response: { status_code: 400, request_id: null, body: { error: { message: "no" } } },
      error: null
    })
  })

  it("has an answer as it came where its JSON has larger numbers than JavaScript", () => {
    const large = { ...answer, text: '{"id":12345678901234567890}' }
    const line = OutputLine.format("a", endingOf(Exit.succeed(large)))
    assert.include(line, '"response":{"status_code":200,"request_id":"req_1","body":{"id":12345678901234567890}}')
  })

  it("has an error, and what the API said, where that is no answer to the row", () => {
    const said = { status: 429, requestId: null, body: { error: { code: "insufficient_quota" } } }
    const spent = new Unanswered({ code: "quota_exhausted", message: "spent", answer: said })
    assert.deepStrictEqual(format(Exit.fail(spent)), {
      ...names,
      response: { status_code: 429, request_id: null, body: said.body },
      error: { code: "quota_exhausted", message: "spent" }
    })
  })

  it("has an error where there was no answer", () => {
    const lastError = new Capacity.CapacityError({ status: 429 })
    const times = { elapsed: Duration.seconds(9), budget: Duration.seconds(8), attempts: 3, lastError }
    const failures: ReadonlyArray<readonly [failure: { _tag: string; message: string }, code: string]> = [
      [new Unanswered({ code: "connection_error", message: "gone" }), "connection_error"],
      [new Unanswered({ code: "quota_exhausted", message: "spent" }), "quota_exhausted"],
      [new PoolError.RetryTimeoutError(times), "rate_limit_exceeded"],
      [new PoolError.AttemptTimeoutError({ timeout: Duration.seconds(1), attempt: 1 }), "request_timeout"]
    ]
    for (const [failure, code] of failures) {
      assert.deepStrictEqual(format(Exit.fail(failure)), {
        ...names,
        response: null,
        error: { code, message: failure.message }
      })
    }
    assert.deepStrictEqual(format(Exit.die(new Error("broken"))), {
      ...names,
      response: null,
      error: { code: "internal_error", message: "Error: broken" }
    })
  })

  it("has no line for a row that is unfinished", () => {
    const pool = "run"
    assert.isUndefined(format(Exit.fail(new PoolError.PoolShutdownError({ pool }))))
    assert.isUndefined(format(Exit.fail(new PoolError.RowCancelledError({ stateId: "a" }))))
    assert.isUndefined(format(Exit.failCause(Cause.interrupt(FiberId.none))))
  })
})

describe("Outcome", () => {
  it("takes an API that fails, or does not know who asks, for no answer", () => {
    assert.deepStrictEqual([401, 408, 429, 500, 502, 529].map(isNoAnswer), Array(6).fill(true))
    assert.deepStrictEqual([400, 403, 404, 409, 422].map(isNoAnswer), Array(5).fill(false))
  })

  it("hears an API die in broken connections and 5xx; in a 404 only where nothing was ever served", () => {
    const status = (status: number) => new Refused({ status, requestId: null, body: null })
    assert.isTrue(speaksOfDeath(new Unanswered({ code: "connection_error", message: "" }), true))
    assert.isFalse(speaksOfDeath(new Unanswered({ code: "request_refused", message: "" }), false))
    assert.isTrue(speaksOfDeath(status(500), true))
    assert.deepStrictEqual([speaksOfDeath(status(404), false), speaksOfDeath(status(404), true)], [true, false])
    assert.isFalse(speaksOfDeath(status(400), false))
  })
})
