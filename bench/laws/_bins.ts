import { places } from "./work.js"
import { describe } from "./servers.js"
import { once } from "./measure.js"
import { WindowLaw, type ControlLaw } from "effect-aimd"
const [re, n = "1"] = process.argv.slice(2)
for (const server of places.filter((s) => new RegExp(re ?? "", "i").test(describe(s))).slice(0, Number(n))) {
  const law = WindowLaw.make() as any
  const bins: Record<string, [number, number]> = {}
  const spy: ControlLaw.ControlLaw<any> = {
    ...law,
    step: (state: any, sample: any, now: number, starts: any) => {
      const { pace, slowStart, window } = state.limits
      const key = state.block ? "block" : sample.epoch < state.decision.epoch ? "old" : slowStart ? "slow" : pace ? (pace.shared ? "shared" : "pace " + Math.min(2, Math.floor(pace.progress * 4) / 4)) : "cap " + (sample.startedWith - 1 >= Math.round(window.top) ? "tested" : (sample.startedWith-1 >= 0.8*window.top) ? "near" : "low")
      const b = (bins[key] ??= [0, 0])
      if (sample._tag === "success") b[0]++
      if (sample._tag === "capacity") b[1]++
      return law.step(state, sample, now, starts)
    }
  }
  const f = once(server, spy, 1)
  console.log(describe(server), f.share.toFixed(3), f.rejected.toFixed(3))
  for (const k of Object.keys(bins).sort()) console.log("   ", k.padEnd(14), bins[k]![0], bins[k]![1], (bins[k]![1] / (bins[k]![0] + bins[k]![1])).toFixed(4))
}
