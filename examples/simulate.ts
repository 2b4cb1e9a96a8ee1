// A first simulation: 1,200 rows, an API that takes 20 a second and is down for ten seconds. Prints the report and draws it.
// #region program
import { writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Chart, Fault, Latency, Report, ServerModel, Simulation, Workload } from "effect-aimd/testing"

const file = process.argv[2] ?? join(tmpdir(), "simulation.svg")

// #region world
const bucket = ServerModel.tokenBucket({ rate: 20, burst: 20 })
const model = Fault.outages([{ from: 20_000, until: 30_000 }])(bucket)
const world: Simulation.World = {
  api: { model, latency: Latency.logNormal(500), hints: "seconds" },
  clients: [{ pool: { poolSize: 32 }, workload: Workload.atOnce(1200) }]
}
// #endregion world

// #region report
const report = Simulation.report(world, { seed: 1, recoveries: [30_000] })
console.log(Report.text(report))
// #endregion report

// #region picture
writeFileSync(file, Chart.svg(report, { title: "20 a second, down from 20 s to 30 s" }))
// #endregion picture
// #endregion program
