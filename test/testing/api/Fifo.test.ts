import { assert, describe, it } from "@effect/vitest"
import { FastCheck as fc } from "effect"
import * as Fifo from "../../../src/testing/api/Fifo.js"

describe("Fifo", () => {
  it("is the array that it stands for, whatever is pushed and shifted, and never changes", () => {
    const steps = fc.array(fc.option(fc.nat(), { nil: undefined }), { maxLength: 60 })
    fc.assert(
      fc.property(steps, (steps) => {
        let queue: Fifo.Fifo<number> = Fifo.empty
        let array: Array<number> = []
        for (const step of steps) {
          const [before, copy] = [queue, [...array]]
          queue = step === undefined ? Fifo.shift(queue) : Fifo.push(queue, step)
          array = step === undefined ? array.slice(1) : [...array, step]
          assert.deepStrictEqual([...Fifo.values(queue)], array)
          assert.strictEqual(queue.size, array.length)
          assert.strictEqual(queue.front?.value, array[0])
          assert.deepStrictEqual([...Fifo.values(before)], copy)
        }
      }),
      { seed: 1 }
    )
  })
})
