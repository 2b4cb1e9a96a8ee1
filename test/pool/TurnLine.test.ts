import { assert, describe, it } from "@effect/vitest"
import * as TurnLine from "../../src/pool/TurnLine.js"
import * as LinkedQueue from "../../src/structure/LinkedQueue.js"

describe("The line of a pool", () => {
  it("lets one that stands elsewhere now have waited as long as before", () => {
    let now = 0
    const line = TurnLine.make(200, () => now)
    const standing = (turn: Partial<typeof TurnLine.ordinary>) => ({
      turn: { ...TurnLine.ordinary, ...turn },
      since: undefined
    })
    const [low, high] = [LinkedQueue.node(() => false), LinkedQueue.node(() => false)]
    let deadline = 900
    line.note(low.value, () => standing({ priority: -1 }))
    line.note(high.value, () => standing({ deadline }))
    line.push(low)
    now = 190
    line.push(high)
    // It came before the other had waited for an ageing, and so it goes first.
    assert.strictEqual(line.first, high)
    now = 210
    deadline = 300
    line.changed(high)
    assert.strictEqual(line.first, high)
    line.serve(high)
    line.changed(high)
    assert.deepStrictEqual([line.first, line.size], [low, 1])
  })
})
