/** What a tenant of a queue pays for, and what it does not. */
import { assert, describe, it } from "@effect/vitest"
import * as TurnQueue from "../../src/turn/TurnQueue.js"

const turnOf = (tenant: string): TurnQueue.Turn => ({ priority: 0, tenant, weight: 1, deadline: Infinity })

/** Serves whoever is next until nobody waits. */
const order = (queue: TurnQueue.TurnQueue<string>): ReadonlyArray<string> => {
  const served: Array<string> = []
  for (let { first } = queue; first !== undefined; first = queue.first) {
    served.push(first.value)
    queue.serve(first)
  }
  return served
}

describe("A tenant", () => {
  it("that is served before its turn does not move the turns of who comes later", () => {
    const queue = TurnQueue.make<string>(Infinity)
    queue.add("a1", turnOf("a"), 0)
    queue.add("a2", turnOf("a"), 0)
    for (const waiter of ["b1", "b2", "b3"].map((name) => queue.add(name, turnOf("b"), 0))) queue.serve(waiter)
    queue.add("c1", turnOf("c"), 1)
    assert.deepStrictEqual(order(queue), ["a1", "c1", "a2"])
  })

  it("pays nothing for who goes away without a turn", () => {
    const queue = TurnQueue.make<string>(Infinity)
    const gone = queue.add("a1", turnOf("a"), 0)
    queue.add("a2", turnOf("a"), 0)
    queue.add("b1", turnOf("b"), 0)
    queue.remove(gone)
    assert.deepStrictEqual(order(queue), ["a2", "b1"])
  })
})
