// Runs test files against one mutant after another; a process of its own, because a mutant may hang it.
import { resolve } from "node:path"
import { createVitest } from "vitest/node"
import config from "../../vitest.config.ts"

let mutant = { file: "", code: "" }

const plugin = {
  name: "mutant",
  enforce: "pre",
  transform: (_, id) => (id.split("?")[0] === mutant.file ? mutant.code : undefined)
}

// A project has a server of its own, which has the plugins that it names itself.
const { projects, ...shared } = config.test
const vitest = await createVitest(
  "test",
  {
    config: false,
    isolate: false,
    watch: false,
    bail: 1,
    reporters: [{}],
    projects: projects
      .filter(({ test }) => test.name !== "long")
      .map(({ test }) => ({ resolve: config.resolve, plugins: [plugin], test: { ...shared, ...test } }))
  },
  { configFile: false }
)
process.on("unhandledRejection", () => undefined)

/** A run that ends at its first failure may end before it has told of it. */
const passedIn = (modules) => modules.reduce((sum, { children }) => sum + [...children.allTests("passed")].length, 0)

const firstFailure = (modules) => {
  for (const module of modules) {
    for (const test of module.children.allTests("failed")) return test.fullName
    if (!module.ok()) return module.relativeModuleId
  }
  return undefined
}

process.on("message", async ({ code, file, tests }) => {
  const old = mutant.file
  mutant = { file: resolve(file), code }
  for (const changed of [old, mutant.file]) if (changed !== "") vitest.invalidateFile(changed)
  const specifications = await vitest.globTestSpecifications(tests)
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications(specifications, false)
  const killer = firstFailure(testModules) ?? (unhandledErrors.length > 0 ? "an unhandled error" : undefined)
  process.send({ killer, passed: passedIn(testModules) })
})
process.send("ready")
