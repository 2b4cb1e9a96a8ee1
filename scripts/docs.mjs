// docgen compiles and runs the examples of the doc comments, and writes one page a module.
import { execFileSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

// One level deep, because docgen rewrites `from "effect-aimd"` to `from "../../src"` wherever its output goes.
const generated = ".docgen"
const pages = "docs/api"
const filesUnder = (folder, suffix) => readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(suffix))

try {
  const log = execFileSync("docgen", { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  process.stdout.write(log)

  const run = Number(/(\d+) example\(s\) found/.exec(log)?.[1] ?? 0)
  const sources = filesUnder("src", ".ts").map((name) => readFileSync(join("src", name), "utf8"))
  const written = sources.join("\n").match(/^ *\* @example\b/gm)?.length ?? 0
  if (run !== written) {
    console.error(`docgen compiled ${run} of the ${written} @example blocks in src: it skips those of a class and of a`)
    console.error("re-export. Move them to the module's comment, a function, a method or an interface.")
    process.exitCode = 1
  }

  rmSync(pages, { recursive: true, force: true })
  for (const name of filesUnder(join(generated, "modules"), ".ts.md")) {
    const page = readFileSync(join(generated, "modules", name), "utf8")
    const target = join(pages, name.replace(/\.ts\.md$/, ".md"))
    mkdirSync(dirname(target), { recursive: true })
    // docgen writes a Jekyll header; these pages are read as they are.
    writeFileSync(target, page.replace(/^(?:\*\*\*|---)\s+title: (.*)\n[\s\S]*?\n---\n/, "# $1\n"))
  }
} catch (error) {
  process.stdout.write(error.stdout ?? `${error}\n`)
  process.exitCode = 1
} finally {
  rmSync(generated, { recursive: true, force: true })
}
