import { assert, describe, it } from "@effect/vitest"
import { Simulation, Trace, type VirtualTime } from "effect-aimd/testing"
import { createHash } from "node:crypto"
import { draw, worldOf } from "./plans.js"

const trace = (seed: number, options: VirtualTime.Options): string =>
  Simulation.events(worldOf(draw(seed, "requests and tokens", "delay", false)), { seed, ...options })
    .map(Trace.line)
    .join("\n")

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16)

/** A change here is a change of what every replay line of before means; the digests were the same on Node 20, 22 and 24. */
describe("The same seed gives the same trace, byte for byte", () => {
  const golden: ReadonlyArray<readonly [seed: number, options: VirtualTime.Options, events: number, digest: string]> = [
    [1, {}, 113, "b5bd14779d830785"],
    [2, { interleaving: "random" }, 135, "a57ef141490e9a1e"],
    [3, { interleaving: "random", preemption: 0.02 }, 192, "fe814233d43092e3"]
  ]

  it.each(golden)("seed %i under %o", (seed, options, events, expected) => {
    const text = trace(seed, options)
    assert.strictEqual(trace(seed, options), text)
    assert.deepStrictEqual([text.split("\n").length, digest(text)], [events, expected])
  })
})
