import { servers } from "./servers.js"
import { summarize } from "./measure.js"
const [filter = "", seeds = "2"] = process.argv.slice(2)
for (const server of servers) { if (!`${server.name} ${server.hints}`.includes(filter)) continue
  const t = performance.now(); const { median, worst } = summarize(server, "window", Number(seeds))
  const ok = median.share >= server.share && median.rejected <= server.rejected
  console.log(`${ok ? " " : "X"} ${server.name} ${server.hints}`.padEnd(52), `${median.share.toFixed(3)} (${worst.share.toFixed(3)}) ${server.share}`, ` ${median.rejected.toFixed(4)} (${worst.rejected.toFixed(4)}) ${server.rejected}`, server.outage ? Math.round(median.firstSuccess) : "", `${Math.round(performance.now() - t)} ms`) }
