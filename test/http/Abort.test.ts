import { getEventListeners } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import * as Abort from "../../src/http/Abort.js"

describe("An abort signal that many calls listen to", () => {
  it("is heard by those that still listen, through one listener, which goes with the last", () => {
    const controller = new AbortController()
    const { signal } = controller
    const heard: Array<string> = []
    const stop = ["a", "b", "c"].map((call) => Abort.listen(signal, () => void heard.push(call)))
    const listeners = () => getEventListeners(signal, "abort").length
    stop[0]?.()
    const kept = listeners()
    stop[1]?.()
    controller.abort()
    assert.deepStrictEqual([kept, heard, listeners()], [1, ["c"], 0])
  })

  it("has no listener once nobody listens, and one again for whoever comes later", () => {
    const { signal } = new AbortController()
    const listeners = () => getEventListeners(signal, "abort").length
    const [first, second] = [Abort.listen(signal, () => undefined), Abort.listen(signal, () => undefined)]
    first()
    second()
    const none = listeners()
    const later = Abort.listen(signal, () => undefined)
    // Who has left already takes nobody with him.
    first()
    const one = listeners()
    later()
    assert.deepStrictEqual([none, one, listeners()], [0, 1, 0])
  })
})
