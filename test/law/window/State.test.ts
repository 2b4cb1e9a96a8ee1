import { assert, describe, it } from "@effect/vitest"
import * as State from "../../../src/law/window/State.js"

describe("A draft of a state", () => {
  it("is a copy of all that the law knows, and the state stays as it is", () => {
    const { state } = State.begin(64, 0, 0)
    // Whatever the fields are, they are copied: each has a number of its own here.
    const fields = Object.fromEntries(Object.keys(state).map((field, i) => [field, i])) as unknown as State.State
    const draft = State.draft(fields)
    assert.deepStrictEqual({ ...draft }, { ...fields })
    draft.successes = -1
    assert.isAtLeast(fields.successes, 0)
  })
})

describe("The law before it has heard of anything", () => {
  it("begins with twelve permits, or the pool's size, and knows nothing", () => {
    const { decision, state } = State.begin(64, 1000, 3, true)
    assert.deepStrictEqual(
      [decision.window, decision.epoch, state.isShared, state.limits.slowStart],
      [12, 3, true, true]
    )
    assert.deepStrictEqual([state.doubt, state.blocked, state.held, state.hint, state.latency], [0, 0, 0, 0, 0])
    assert.strictEqual(State.begin(5, 0, 0).decision.window, 5)
    assert.isFalse(State.begin(5, 0, 0).state.isShared)
  })

  it("lets the window double in half a second from when a rejection would have been known, up to the pool's size", () => {
    assert.deepStrictEqual(State.blindly(10, 1000, 50, 64), { from: 1100, every: 50, most: 64 })
    assert.strictEqual(State.blindly(64, 1000, 50, 64), undefined)
    assert.isDefined(State.blindly(63, 1000, 50, 64))
  })
})
