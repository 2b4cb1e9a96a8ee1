import { assert, describe, it } from "@effect/vitest"
import * as Trouble from "../../src/pool/Trouble.js"

/** What a pool has seen after so many attempts of others that were served, and so many that were rejected. */
const after = (served: number, rejected: number): Trouble.Trouble => {
  const trouble = Trouble.make()
  for (let i = 0; i < served + rejected; i++) trouble.note(100 + i, 11 + i, i < served)
  return trouble
}

const rejected = (rejections: number, since = 10) => ({ row: 7, rejections, since })

describe("A rejection is a row's own trouble", () => {
  it("from the third in a row on, while others are served", () => {
    const trouble = after(20, 0)
    assert.deepStrictEqual(
      [1, 2, 3, 4].map((rejections) => trouble.isOwn(rejected(rejections))),
      [false, false, true, true]
    )
  })

  it("never where nobody is served meanwhile", () => {
    assert.isFalse(after(0, 0).isOwn(rejected(50)))
    assert.isFalse(after(0, 5).isOwn(rejected(50)))
  })

  it("only as far as the row's luck is too bad for chance: others are rejected, too", () => {
    const fewest = (trouble: Trouble.Trouble) =>
      Array.from({ length: 100 }, (_, i) => i).find((rejections) => trouble.isOwn(rejected(rejections)))
    assert.deepStrictEqual(
      [after(99, 1), after(70, 30), after(50, 50), after(10, 90)].map((trouble) => fewest(trouble)),
      [3, 4, 7, 41]
    )
  })

  it("and what started before its first rejection, or was its own, proves nothing", () => {
    const trouble = Trouble.make()
    for (let sequence = 1; sequence <= 10; sequence++) trouble.note(sequence, sequence, true)
    for (let sequence = 11; sequence <= 20; sequence++) trouble.note(7, sequence, true)
    assert.isFalse(trouble.isOwn(rejected(5)))
    assert.isTrue(trouble.isOwn(rejected(5, 0)))
  })

  it("no longer, once the others that were served are long ago", () => {
    const trouble = after(20, 0)
    for (let i = 0; i < 512; i++) trouble.note(1000 + i, 1000 + i, false)
    assert.isFalse(trouble.isOwn(rejected(3)))
  })
})
