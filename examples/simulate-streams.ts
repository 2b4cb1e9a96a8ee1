// A stream of rows whose reader takes time, and somebody who pauses the pool, changes its size, and takes a row back.
import { ServerModel, Simulation, Workload } from "effect-aimd/testing"

// #region stream
const steered = Simulation.report({
  api: { model: ServerModel.concurrencyCap({ cap: 12 }) },
  clients: [
    {
      pool: { poolSize: 8 },
      workload: Workload.stream(200, { maxPending: 20, reader: 10 }),
      acts: [
        { kind: "pause", at: 500, lasts: 2000 },
        { kind: "evict", at: 600, row: 44 },
        { kind: "resize", at: 3000, poolSize: 16 }
      ]
    }
  ]
})
console.log(steered.outcomes) // { success: 199, evicted: 1 }
// #endregion stream
