// `npm run mutate -- --only src/pool`: plants small faults in the sources, one at a time and in memory only, runs the tests
// of the folder that reach the fault, the nearest first, and reports which faults no test finds. `--sample 60 --seed 2` draws
// some of them, `--except src/pool/Batch` leaves files out, `--tests test/pool/` runs no other tests than these, `--json out.json` writes down what became of each, and
// `--again out.json` tries those again that survived there. What makes no difference stands in mutate/equivalent.mjs.
import { fork } from "node:child_process"
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { withoutEquivalent } from "./mutate/equivalent.mjs"
import { functionAround } from "./mutate/functions.mjs"
import { mutantsOf } from "./mutate/mutants.mjs"

/** Which tests speak of which folder. */
const tests = {
  "src/structure": ["test/structure/"],
  "src/law": ["test/law/", "test/PooledExecutor/", "test/simulation/faults"],
  "src/order": ["test/order/"],
  "src/answer": ["test/answer/", "test/http/"],
  "src/pool": [
    "test/pool/",
    "test/PooledExecutor/",
    "test/PoolGroup/",
    "test/Hints",
    "test/http/usage",
    "test/journal/Journal.",
    "test/simulation/faults"
  ],
  "src/http": ["test/http/"],
  "src/journal": ["test/journal/"],
  "src/report": ["test/report/"],
  "src/limit": ["test/limit/", "test/PooledExecutor/limits", "test/PooledExecutor/money", "test/PoolGroup/limits"],
  "src/turn": ["test/turn/", "test/PooledExecutor/turns"],
  "src/route": ["test/route/", "test/PoolGroup/"],
  "src/testing": ["test/testing/", "test/simulation/"]
}

/** Where no test of a folder reaches a function, these may. */
const others = { "src/pool": ["test/http/"] }

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(tests).join(",") },
    except: { type: "string", default: "" },
    tests: { type: "string" },
    again: { type: "string" },
    sample: { type: "string", default: "0" },
    seed: { type: "string", default: "1" },
    json: { type: "string" }
  }
})
const sample = Number(values.sample)
/** Those that survived in an earlier report, where only these are wanted. */
const earlier = values.again && JSON.parse(readFileSync(values.again, "utf8")).filter(({ killer }) => killer === null)
const isWanted = (mutant) =>
  earlier?.some(({ file, line, what }) => file === mutant.file && line === mutant.line && what === mutant.what) ?? true

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

let runner
/** What the tests say. */
const ask = async (task) => {
  runner ??= await start()
  const child = runner
  return new Promise((resolve) => {
    child.once("exit", () => {
      runner = undefined
      resolve({ killer: "a run that never ends" })
    })
    child.once("message", (verdict) => {
      child.removeAllListeners("exit")
      resolve(verdict)
    })
    child.send(task)
  })
}

/** The test files of a room, what each of them reaches, and what it costs. */
const baseline = async (files, names) => {
  const { killer, results } = await ask({ files, tests: names })
  if (killer !== undefined) throw new Error(`the tests fail without any mutant: ${killer}`)
  const always = new Set(results.flatMap(({ whileLoading }) => whileLoading))
  return results.map(({ cpu, passed, path, reached }) => ({ cpu, passed, path, always, reached: new Set(reached) }))
}

/** The test files that reach a mutant: that of its name first, then what found others of its file, then the cheapest. */
const reaching = (sound, { code, file, position }, finders) => {
  const place = functionAround(file, code, position)
  const isNear = ({ path }) => basename(path).startsWith(`${basename(file, ".ts")}.`)
  const finds = ({ path }) => finders.get(`${file} ${path}`) ?? 0
  return sound
    .filter(({ always, reached }) => place.endsWith("#-1") || always.has(place) || reached.has(place))
    .sort((a, b) => isNear(b) - isNear(a) || finds(b) / b.cpu - finds(a) / a.cpu || a.cpu - b.cpu)
}

const report = []
for (const folder of values.only.split(",")) {
  const room = Object.keys(tests).find((name) => folder.startsWith(name))
  if (room === undefined) throw new Error(`--only: expected one of ${Object.keys(tests).join(", ")}, got ${folder}`)
  const isLeftOut = (file) => values.except.split(",").some((name) => name !== "" && file.startsWith(name))
  const files = (folder.endsWith(".ts") ? [folder] : filesOf(folder)).filter((file) => !isLeftOut(file))
  const mutantsIn = (file) => withoutEquivalent(file, mutantsOf(file, readFileSync(file, "utf8")))
  const all = files.flatMap(mutantsIn).filter(isWanted)
  const picked = sample === 0 ? all : shuffled(all, Number(values.seed)).slice(0, sample)
  console.log(`${folder}: ${picked.length} of ${all.length} mutants`)

  const sound = await baseline(files, values.tests?.split(",") ?? tests[room])
  let far
  const finders = new Map()
  let killed = 0
  for (const mutant of picked) {
    const { file, line, mutated, what } = mutant
    let near = reaching(sound, mutant, finders)
    if (near.length === 0 && room in others && values.tests === undefined) {
      far ??= await baseline(files, others[room])
      near = reaching(far, mutant, finders)
    }
    // A file may take three times as long as it does without a mutant; what hangs takes for ever.
    const limits = Object.fromEntries(near.map(({ cpu, path }) => [resolve(path), 3 * cpu + 5000]))
    const verdict =
      near.length === 0
        ? {}
        : await ask({ mutant: { file, code: mutated }, tests: near.map(({ path }) => path), limits })
    if (verdict.isPlanted === false) throw new Error(`the tests ran without the mutant at ${file}:${line}`)
    const missing = near.find(
      ({ passed, path }) => verdict.results?.find((one) => one.path === path)?.passed !== passed
    )
    const killer = verdict.killer ?? (missing && `${missing.path}: a test that did not pass`)
    const finder = `${file} ${killer?.split(":")[0]}`
    finders.set(finder, (finders.get(finder) ?? 0) + 1)
    if (killer !== undefined) killed += 1
    else console.log(`  survives: ${file}:${line} ${what}${near.length === 0 ? " (no test comes here)" : ""}`)
    report.push({ file, line, what, killer: killer ?? null })
    if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(report, undefined, 2))
  }
  console.log(`${folder}: ${killed} of ${picked.length} found, ${((100 * killed) / picked.length).toFixed(1)} %`)
}
runner?.removeAllListeners()
runner?.kill()
