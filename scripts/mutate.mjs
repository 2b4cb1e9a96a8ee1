// `npm run mutate -- --only src/pool`: plants small faults in the sources, one at a time and in memory only, runs the tests
// of the folder against each, and reports which faults no test finds.
import { fork } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { mutantsOf } from "./mutate/mutants.mjs"

/** Which tests speak of which folder; the nearest first. */
const tests = {
  "src/structure": ["test/structure/"],
  "src/law": ["test/law/", "test/PooledExecutor/", "test/simulation/faults"],
  "src/order": ["test/order/"],
  "src/answer": ["test/answer/"],
  "src/pool": ["test/pool/", "test/PooledExecutor/", "test/Hints", "test/simulation/faults"],
  "src/http": ["test/http/"],
  "src/testing": ["test/testing/", "test/simulation/"]
}

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(tests).join(",") },
    sample: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    json: { type: "string" }
  }
})
const sample = Number(values.sample)

const filesOf = (folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("index.ts"))
    .sort()
    .map((name) => join(folder, name))

/** The same sample for the same seed. */
const shuffled = (list, seed) => {
  let state = seed >>> 0
  const chance = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return list
    .map((item) => [chance(), item])
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}

const start = () =>
  new Promise((ready) => {
    const child = fork(new URL("mutate/runner.mjs", import.meta.url), { stdio: ["ignore", "ignore", "ignore", "ipc"] })
    child.once("message", () => ready(child))
  })

const stop = (child) => {
  child.removeAllListeners()
  child.kill("SIGKILL")
}

let runner
/** What the tests say of a mutant; one that takes three times as long as the sources do hangs, and that is noticed, too. */
const judge = async (mutant, limit) => {
  runner ??= await start()
  const child = runner
  return new Promise((resolve) => {
    const gaveUp = (killer) => {
      clearTimeout(timer)
      stop(child)
      runner = undefined
      resolve({ killer })
    }
    const timer = setTimeout(() => gaveUp("a run that never ends"), limit)
    child.once("exit", () => gaveUp("a process that died"))
    child.once("message", (verdict) => {
      clearTimeout(timer)
      child.removeAllListeners("exit")
      resolve(verdict)
    })
    child.send(mutant)
  })
}

const report = []
for (const folder of values.only.split(",")) {
  const room = Object.keys(tests).find((name) => folder.startsWith(name))
  if (room === undefined) throw new Error(`--only: expected one of ${Object.keys(tests).join(", ")}, got ${folder}`)
  const files = folder.endsWith(".ts") ? [folder] : filesOf(folder)
  const all = files.flatMap((file) => mutantsOf(file, readFileSync(file, "utf8")))
  const picked = sample === 0 ? all : shuffled(all, Number(values.seed)).slice(0, sample)
  console.log(`${folder}: ${picked.length} of ${all.length} mutants`)

  const first = files[0]
  const started = Date.now()
  const sound = await judge({ file: first, code: readFileSync(first, "utf8"), tests: tests[room] }, 3_600_000)
  if (sound.killer !== undefined) throw new Error(`the tests fail without any mutant: ${sound.killer}`)
  const limit = 3 * (Date.now() - started) + 10_000

  let killed = 0
  for (const { code, file, line, what } of picked) {
    const { killer: named, passed } = await judge({ file, code, tests: tests[room] }, limit)
    const killer = named ?? (passed < sound.passed ? "a test that did not pass" : undefined)
    if (killer !== undefined) killed += 1
    else console.log(`  survives: ${file}:${line} ${what}`)
    report.push({ file, line, what, killer: killer ?? null })
  }
  console.log(`${folder}: ${killed} of ${picked.length} found, ${((100 * killed) / picked.length).toFixed(1)} %`)
}
if (runner !== undefined) stop(runner)
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(report, undefined, 2))
