// 50,000 rows on a tier of 500 requests and 200,000 tokens a minute: how long does it take, with how large a pool, and what
// does an outage of five minutes cost? Eleven hours of traffic in a few seconds.
import { Fault, Latency, Report, ServerModel, Simulation, Workload } from "effect-aimd/testing"

const minutes = (millis: number): string => (millis / 60_000).toFixed(1)

// #region world
const perMinute = (limit: number, unit: "requests" | "tokens") =>
  ServerModel.tokenBucket({ rate: limit / 60, burst: limit / 60, unit })

const tier = ServerModel.all(perMinute(500, "requests"), perMinute(200_000, "tokens"))
const outage = Fault.outages([{ from: 30 * 60_000, until: 35 * 60_000 }])

const rows = Number(process.env["ROWS"] ?? 50_000)
const tokens: Workload.Tokens = (chance) => 200 + chance.integer(600)

const plan = (model: ServerModel.ServerModel, pool: Simulation.Client["pool"]) =>
  Simulation.report(
    {
      api: { model, latency: Latency.bySize({ base: 400, perToken: 5 }), hints: "milliseconds" },
      clients: [{ pool, workload: Workload.atOnce(rows, { tokens }) }]
    },
    // Whether the pool keeps its promises is not the question here.
    { checkers: [] }
  )
// #endregion world

// #region table
const pools: ReadonlyArray<Simulation.Client["pool"]> = [
  { poolSize: 8 },
  { poolSize: 16 },
  { poolSize: 64 },
  { poolSize: 16, control: "delay" }
]
console.log("pool   control      minutes   of ideal   rejected/row")
for (const pool of pools) {
  const { makespan, rejectedPerSuccess, shareOfIdeal } = plan(tier, pool)
  const cells = [
    String(pool.poolSize).padStart(4),
    (pool.control === "delay" ? "delay" : "window").padEnd(10),
    minutes(makespan).padStart(9),
    `${Math.round(shareOfIdeal * 100)} %`.padStart(8),
    rejectedPerSuccess.toFixed(2).padStart(12)
  ]
  console.log(cells.join("   "))
}
// #endregion table

// #region outage
const rough = plan(outage(tier), { poolSize: 64 })
console.log(`with an outage of 5 minutes, a pool of 64: ${minutes(rough.makespan)} minutes`)
console.log(Report.text(rough))
// #endregion outage
