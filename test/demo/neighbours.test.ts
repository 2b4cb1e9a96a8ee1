import { assert, describe, it } from "@effect/vitest"
import { cosine, nearest } from "../../examples/demo/neighbours.js"

describe("Neighbours", () => {
  it("measures the angle, whatever the lengths", () => {
    assert.strictEqual(cosine([3, 0], [7, 0]), 1)
    assert.strictEqual(cosine([1, 0], [0, 5]), 0)
    assert.strictEqual(cosine([1, 0], [-2, 0]), -1)
  })

  it("is 0 where a vector has no length", () => {
    assert.strictEqual(cosine([0, 0], [1, 0]), 0)
    assert.strictEqual(cosine([], []), 0)
  })

  it("finds the nearest first, and of equals the earlier", () => {
    const candidates = [
      [0, 1],
      [1, 1],
      [1, 0],
      [2, 0]
    ].map((embedding, id) => ({ id, embedding }))
    assert.deepStrictEqual(
      nearest([1, 0], candidates, 3).map(({ candidate }) => candidate.id),
      [2, 3, 1]
    )
    assert.deepStrictEqual(nearest([1, 0], [], 3), [])
  })
})
