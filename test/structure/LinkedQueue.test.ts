import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as LinkedQueue from "../../src/structure/LinkedQueue.js"

const filled = (...values: ReadonlyArray<string>) => {
  const queue = LinkedQueue.make<string>()
  const nodes = values.map((value) => LinkedQueue.node(value))
  for (const node of nodes) queue.push(node)
  const remove = (value: string) => {
    for (const node of nodes) if (node.value === value) queue.remove(node)
  }
  return { queue, nodes, remove }
}

/** Shifts until the queue is empty. */
const drain = <A>(queue: LinkedQueue.LinkedQueue<A>) => {
  const values: Array<A> = []
  for (let node = queue.shift(); node !== undefined; node = queue.shift()) values.push(node.value)
  return values
}

describe("Linked queue", () => {
  it("is empty when it is new", () => {
    const queue = LinkedQueue.make<string>()
    assert.deepStrictEqual([queue.size, queue.shift()], [0, undefined])
  })

  it("gives its elements in the order they came", () => {
    const { queue } = filled("a", "b", "c")
    assert.strictEqual(queue.size, 3)
    assert.deepStrictEqual(drain(queue), ["a", "b", "c"])
    assert.strictEqual(queue.size, 0)
  })

  it("hands out the very node that was pushed", () => {
    const { queue, nodes } = filled("a")
    assert.strictEqual(queue.shift(), nodes[0])
  })

  it("lets the first, one in the middle and the last leave", () => {
    for (const [leaving, rest] of [
      ["a", ["b", "c"]],
      ["b", ["a", "c"]],
      ["c", ["a", "b"]]
    ] as const) {
      const { queue, remove } = filled("a", "b", "c")
      remove(leaving)
      assert.strictEqual(queue.size, 2)
      assert.deepStrictEqual(drain(queue), [...rest])
    }
  })

  it("is empty and takes elements again after its only element left", () => {
    const { queue, remove } = filled("a")
    remove("a")
    assert.deepStrictEqual([queue.size, queue.shift()], [0, undefined])
    queue.push(LinkedQueue.node("b"))
    assert.deepStrictEqual(drain(queue), ["b"])
  })

  it("does nothing when a node that stands in no queue leaves", () => {
    const { queue, remove } = filled("a", "b")
    queue.remove(LinkedQueue.node("a"))
    remove("a")
    remove("a")
    assert.strictEqual(queue.size, 1)
    assert.deepStrictEqual(drain(queue), ["b"])
    remove("b")
    assert.strictEqual(queue.size, 0)
  })

  it("tells of each node whether it stands in the queue", () => {
    const { queue, nodes, remove } = filled("a", "b", "c")
    queue.shift()
    remove("c")
    assert.deepStrictEqual(
      [...nodes, LinkedQueue.node("d")].map((node) => node.queued),
      [false, true, false, false]
    )
  })

  it("takes a node again, at its end, once it has left", () => {
    const { queue, remove } = filled("a", "b", "c")
    const first = queue.shift()
    if (first !== undefined) queue.push(first)
    assert.strictEqual(first?.queued, true)
    remove("b")
    assert.deepStrictEqual(drain(queue), ["c", "a"])
  })

  it("moves a node from one queue to another", () => {
    const { queue } = filled("a", "b")
    const other = filled("x").queue
    const node = queue.shift()
    if (node !== undefined) other.push(node)
    assert.deepStrictEqual([drain(queue), drain(other)], [["b"], ["x", "a"]])
  })

  const operations = FastCheck.array(
    FastCheck.oneof(
      FastCheck.record({ op: FastCheck.constantFrom("push", "shift") }),
      FastCheck.record({ op: FastCheck.constantFrom("remove", "again"), pick: FastCheck.nat() })
    ),
    { maxLength: 200, size: "max" }
  )

  it.prop("does what an array does, whatever comes, goes, leaves and returns", [operations], ([operations]) => {
    const queue = LinkedQueue.make<number>()
    const nodes: Array<LinkedQueue.Node<number>> = []
    let model: Array<LinkedQueue.Node<number>> = []
    for (const operation of operations) {
      const picked = "pick" in operation ? nodes[operation.pick % Math.max(1, nodes.length)] : undefined
      if (operation.op === "push") {
        const node = LinkedQueue.node(nodes.length)
        nodes.push(node)
        model.push(node)
        queue.push(node)
      } else if (operation.op === "shift") {
        assert.strictEqual(queue.shift(), model.shift())
      } else if (picked !== undefined && operation.op === "remove") {
        queue.remove(picked)
        model = model.filter((node) => node !== picked)
      } else if (picked !== undefined && !picked.queued) {
        queue.push(picked)
        model.push(picked)
      }
      assert.strictEqual(queue.size, model.length)
      assert.deepStrictEqual(
        nodes.map((node) => node.queued),
        nodes.map((node) => model.includes(node))
      )
    }
    assert.deepStrictEqual(
      drain(queue),
      model.map((node) => node.value)
    )
  })
})
