import { places } from "./work.js"
import { describe } from "./servers.js"
import { once } from "./measure.js"
const [re, seed = "1", lim = "60", from = "0", to = "1e18"] = process.argv.slice(2)
const server = places.find((s) => new RegExp(re ?? "", "i").test(describe(s)))
if (!server) throw new Error("none")
let n = 0, ok = 0, rej = 0, lastReason = "", lastT = 0
console.log(describe(server))
const fig = once(server, "window", Number(seed), server.rows, [
  (e) => {
    if (e._tag === "ended") { if (e.outcome === "capacity") rej++; else ok++ }
    if (e._tag === "decided" && e.at >= Number(from) && e.at <= Number(to)) {
      const d = e.decision
      if (d.reason !== lastReason || e.at > lastT + 5000) {
        if (n++ < Number(lim)) console.log(`${(e.at / 1000).toFixed(2)} s  w ${d.window} ramp ${d.ramp?.most ?? "-"} sp ${d.spacing.toFixed(1)} hold ${Math.max(0, d.holdUntil - e.at).toFixed(0)} st ${d.starts?.limit}/${d.starts?.period} ok ${ok} rej ${rej} ${d.reason}`)
        lastReason = d.reason; lastT = e.at
      }
    }
  }
])
console.log(fig)
