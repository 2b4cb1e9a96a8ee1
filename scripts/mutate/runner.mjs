// Runs test files against one mutant after another; a process of its own, because a mutant may hang it.
import { readFileSync } from "node:fs"
import { relative, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { createVitest } from "vitest/node"
import config from "../../vitest.config.ts"
import { watched } from "./functions.mjs"

/** What stands in for the text of which files. */
let planted = new Map()
/** Those of them that the tests have loaded. */
const loaded = new Set()
/** The order in which files run: as they were asked for. */
let order = []
/** What is told of each file that ran. */
let results = []

const plugin = {
  name: "mutant",
  enforce: "pre",
  transform: (_, id) => {
    const path = id.split("?")[0]
    if (planted.has(path)) loaded.add(path)
    return planted.get(path)
  }
}

const reporter = {
  onTestModuleEnd: (module) =>
    results.push({
      path: relative("", module.moduleId),
      ok: module.ok(),
      passed: [...module.children.allTests("passed")].length,
      failed: [...module.children.allTests("failed")][0]?.fullName,
      ...module.meta()
    })
}

class InOrder {
  sort = (specifications) => [...specifications].sort((a, b) => order.indexOf(a.moduleId) - order.indexOf(b.moduleId))
  shard = (specifications) => specifications
}

/** Each run has a process of its own: what one mutant leaves behind is not the next one's. */
const settings = { pool: "forks", maxWorkers: 1, minWorkers: 1 }

const { projects, ...shared } = config.test
const setupFiles = [shared.setupFiles, fileURLToPath(new URL("reached.mjs", import.meta.url))]
/** Those that put modules in the place of others have their own. */
const isolating = (isolate = false) => ({ forks: { ...shared.poolOptions.forks, isolate } })
const vitest = await createVitest(
  "test",
  {
    config: false,
    watch: false,
    bail: 1,
    reporters: [reporter],
    ...settings,
    sequence: { sequencer: InOrder },
    // A project has a server of its own, which has the plugins that it names itself.
    projects: projects
      .filter(({ test }) => ["unit", "planted"].includes(test.name))
      .map(({ test }) => ({
        resolve: config.resolve,
        plugins: [plugin],
        test: { ...shared, ...test, ...settings, poolOptions: isolating(test.isolate), setupFiles }
      }))
  },
  // An option above would go for all projects.
  { configFile: false, test: { isolate: false } }
)
process.on("unhandledRejection", () => undefined)

const plant = (sources) => {
  for (const path of planted.keys()) vitest.invalidateFile(path)
  planted = new Map(sources.map(({ code, file }) => [resolve(file), code]))
  for (const path of planted.keys()) vitest.invalidateFile(path)
  loaded.clear()
}

/** Said of a test that does not yield for a minute, as a long one on a busy machine: no fault of anybody. */
const isSlow = ({ message }) => String(message).includes("Timeout calling")

const run = async ({ limits, sources, tests }) => {
  plant(sources)
  vitest.provide("limits", limits)
  const paths = tests.map((name) => resolve(name))
  const rank = ({ moduleId }) => paths.findIndex((path) => moduleId.startsWith(path))
  const specifications = (await vitest.globTestSpecifications())
    .filter((one) => rank(one) >= 0)
    .sort((a, b) => rank(a) - rank(b))
  order = specifications.map(({ moduleId }) => moduleId)
  results = []
  const { unhandledErrors } = await vitest.runTestSpecifications(specifications, false)
  const unhandled = unhandledErrors.find((error) => !isSlow(error))
  const failed = results.find(({ ok }) => !ok)
  const named = failed && `${failed.path}: ${failed.failed ?? "does not load"}`
  return {
    killer: named ?? (unhandled && `an unhandled error: ${unhandled.message}`),
    results,
    isPlanted: [...planted.keys()].every((path) => loaded.has(path))
  }
}

/** The sources as they are, in which each function tells that it runs. */
const sound = (files) => files.map((file) => ({ file, code: watched(file, readFileSync(file, "utf8")) }))

process.on("message", async ({ files, mutant, ...task }) => {
  process.send(await run({ ...task, sources: mutant === undefined ? sound(files) : [mutant] }))
})
process.send("ready")
