import { assert, describe, it } from "@effect/vitest"
import * as Pause from "../../src/pool/Pause.js"

describe("A pause", () => {
  it("counts from its first beginning to its end, and several add up", () => {
    const pause = Pause.make()
    pause.begin(10)
    pause.begin(15)
    assert.deepStrictEqual([pause.isPaused, pause.pausedFor(30)], [true, 20])
    pause.end(40)
    assert.deepStrictEqual([pause.isPaused, pause.pausedFor(100)], [false, 30])
    pause.begin(200)
    assert.strictEqual(pause.pausedFor(205), 35)
  })

  it("that has not begun counts nothing when it ends", () => {
    const pause = Pause.make()
    pause.end(10)
    assert.deepStrictEqual([pause.isPaused, pause.pausedFor(20)], [false, 0])
  })
})
