// @ts-nocheck
import { places } from "./work.js"
import { servers, describe } from "./servers.js"
import { once } from "./measure.js"
import { fit } from "./_fit.js"
const re = new RegExp(process.argv[2] ?? "", "i")
for (const s of places.slice(process.argv[3] === "clean" ? 0 : servers.length, process.argv[3] === "clean" ? servers.length : undefined).filter((s) => re.test(describe(s)))) {
  const t0 = Date.now()
  try { const f = once(s, fit({}), 1, Math.min(s.rows, 6000)); console.log(f.share.toFixed(3), s.share, f.rejected.toFixed(3), s.rejected.toFixed(3), describe(s), Date.now() - t0) } catch (e) { console.log("ERR", describe(s), String(e).slice(0, 100)) }
}
