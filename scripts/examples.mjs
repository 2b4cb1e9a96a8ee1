// Runs every examples/*.ts as a user would, and every examples/*.test.ts with vitest: one line each.
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

const maxLines = 79
const files = readdirSync("examples").filter((name) => name.endsWith(".ts"))
if (files.length === 0) throw new Error("examples/ holds no .ts file")

let failed = 0
for (const name of files) {
  const file = `examples/${name}`
  const lines = readFileSync(file, "utf8").trimEnd().split("\n").length
  const started = performance.now()
  const [tool, ...args] = name.endsWith(".test.ts") ? ["vitest", "run", file] : ["tsx", file]
  const run = spawnSync(tool, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  const problems = []
  if (lines > maxLines) problems.push(`longer than ${maxLines} lines`)
  if (run.error !== undefined) problems.push(run.error.message)
  else if (run.status !== 0) problems.push(`exit ${run.status ?? run.signal}`)
  console.log(
    `${problems.length === 0 ? "ok    " : "FAILED"} ${file} (${lines} lines, ${seconds} s) ${problems.join(", ")}`
  )
  if (problems.length > 0) {
    failed++
    console.log(run.stdout + run.stderr)
  }
}
if (failed > 0) process.exit(1)
