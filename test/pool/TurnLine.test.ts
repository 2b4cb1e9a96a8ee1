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

  /** The places in a line, by the names of their claims. */
  const lineOf = (ageing = 1000) => {
    let now = 0
    const line = TurnLine.make(ageing, () => now)
    const names = new Map<unknown, string>()
    return {
      line,
      join: (name: string, at: number) => {
        now = at
        const place = LinkedQueue.node(() => true)
        names.set(place, name)
        line.push(place)
        return place
      },
      told: () => [...line.nodes()].map((place) => names.get(place)),
      first: () => names.get(line.first)
    }
  }
  const urgent = (since?: number) => () => ({ turn: { ...TurnLine.ordinary, priority: 1 }, since })

  it("is first come, first served, while nobody says whose turn it is", () => {
    const { first, join, line, told } = lineOf()
    const a = join("a", 0)
    join("b", 1)
    assert.deepStrictEqual([told(), first(), line.size, line.head], [["a", "b"], "a", 2, undefined])
    line.serve(a)
    assert.deepStrictEqual([told(), line.size], [["b"], 1])
    line.changed(a)
    assert.deepStrictEqual(told(), ["b"])
  })

  it("begins with its turns when somebody tells of one: the first stands first, the others as they came", () => {
    const { first, join, line, told } = lineOf()
    const [a, b] = [join("a", 0), join("b", 1)]
    const c = LinkedQueue.node(() => true)
    line.note(c.value, urgent())
    assert.deepStrictEqual([told(), line.head], [["a", "b"], { priority: 0, since: 1 }])
    line.push(c)
    assert.deepStrictEqual([line.first, line.size, line.head], [c, 3, { priority: 1, since: 1 }])
    line.remove(c)
    line.remove(c)
    assert.deepStrictEqual([first(), line.size], ["a", 2])
    line.serve(a)
    line.serve(b)
    assert.deepStrictEqual([line.first, line.size, line.head], [undefined, 0, undefined])
  })

  it("has nobody in it who was served and has not come back, whoever looks", () => {
    const looks: ReadonlyArray<(line: TurnLine.TurnLine) => unknown> = [
      ({ first }) => first,
      ({ head }) => head,
      ({ size }) => size,
      (line) => [...line.nodes()]
    ]
    const seen = looks.map((look) => {
      const { line } = lineOf()
      const [a, b] = [LinkedQueue.node(() => true), LinkedQueue.node(() => true)]
      line.note(a.value, urgent(-500))
      line.push(a)
      line.push(b)
      line.serve(a)
      return look(line) === b ? "b" : JSON.stringify(look(line), ["priority", "since"])
    })
    assert.deepStrictEqual(seen, ["b", '{"priority":0,"since":0}', "1", "[{}]"])
  })

  it("lets one that comes back go behind those that came while it was served", () => {
    const { first, join, line } = lineOf()
    const a = join("a", 0)
    line.note(a.value, () => ({ turn: { ...TurnLine.ordinary, tenant: "a" }, since: undefined }))
    line.serve(a)
    join("b", 0)
    line.push(a)
    assert.deepStrictEqual([first(), line.size], ["b", 2])
    line.serve(a)
    line.push(a)
    line.remove(a)
    assert.deepStrictEqual([first(), line.size, line.head], ["b", 1, { priority: 0, since: 0 }])
  })

  it("counts the time of those for whom somebody stands, where that is told", () => {
    const { line } = lineOf()
    const place = LinkedQueue.node(() => true)
    line.note(place.value, urgent(-500))
    line.push(place)
    assert.deepStrictEqual(line.head, { priority: 1, since: -500 })
  })
})
