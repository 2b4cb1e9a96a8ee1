/**
 * The laws of others, re-stated from what they publish, behind the contract of this library. A row that is rejected waits
 * its own delay where the law has the call sleep, and keeps its place meanwhile where it does so there; it waits at the pool's
 * gate where the law has the pool wait.
 */
import type { ControlLaw } from "effect-aimd"
import { keepingPlaces } from "./asleep.js"
import { aws } from "./peers/aws.js"
import { dataDesigner } from "./peers/dataDesigner.js"
import { effectLearned } from "./peers/effect.js"
import { inspect } from "./peers/inspect.js"
import { cookbook, fullJitter, sdk } from "./peers/retries.js"
import { vectorArc } from "./peers/vector.js"

export const peers: ReadonlyArray<ControlLaw.ControlLaw> = [
  keepingPlaces(aws),
  keepingPlaces(dataDesigner),
  keepingPlaces(inspect),
  keepingPlaces(vectorArc),
  keepingPlaces(effectLearned),
  keepingPlaces(sdk),
  keepingPlaces(fullJitter),
  cookbook
]
