// docgen compiles and runs the examples of the doc comments, and writes one page a module; docs/api/index.md lists them.
// Fails where a public name stands in no page that a person wrote (README.md, docs/*.md): docs/MODULES.md is the last resort.
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
  const modules = filesUnder(join(generated, "modules"), ".ts.md").map((name) => ({
    name: name.replace(/\.ts\.md$/, ""),
    // docgen writes a Jekyll header; these pages are read as they are.
    page: readFileSync(join(generated, "modules", name), "utf8").replace(
      /^(?:\*\*\*|---)\s+title: (.*)\n[\s\S]*?\n---\n/,
      "# $1\n"
    )
  }))
  for (const { name, page } of modules) write(`${name}.md`, page)
  write("index.md", index(modules))
  const isPublic = new Set(entries().flatMap(({ names }) => names))
  for (const { name, page } of modules.filter(({ name }) => isPublic.has(name))) {
    for (const missing of unmentioned(name, page)) {
      console.error(
        `${name}: ${missing} stands in no page: say what it is for in docs/MODULES.md, or nearer to its use`
      )
      process.exitCode = 1
    }
  }
} catch (error) {
  process.stdout.write(error.stdout ?? `${error}\n`)
  process.exitCode = 1
} finally {
  rmSync(generated, { recursive: true, force: true })
}

function write(name, page) {
  const target = join(pages, name)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, page)
}

/** The modules that each entry point of the package exports. */
function entries() {
  return ["", "cluster", "http", "journal", "journal/sql", "report", "shared", "testing", "testing/http"].map(
    (entry) => {
      const exported = readFileSync(join("src", entry, "index.ts"), "utf8").matchAll(/from "([^"]+)\.js"/g)
      return { entry, names: [...exported].map(([, source]) => join(entry, source)) }
    }
  )
}

function index(modules) {
  const lines = ["# API reference", "", "What each module is for, in words: [MODULES.md](../MODULES.md)."]
  for (const { entry, names } of entries()) {
    lines.push("", `## ${join("effect-aimd", entry)}`, "")
    for (const name of names) {
      const { page } = modules.find((module) => module.name === name) ?? { page: "" }
      const [, sentence] = /## \w+ overview\s+(.*?\.)\s/s.exec(page) ?? []
      lines.push(`- [${name.split("/").at(-1)}](${name}.md): ${sentence?.replaceAll("\n", " ") ?? ""}`)
    }
  }
  return `${lines.join("\n")}\n`
}

function unmentioned(name, page) {
  const written = ["README.md", ...readdirSync("docs").map((file) => `docs/${file}`)].filter((file) =>
    file.endsWith(".md")
  )
  const text = written.map((file) => readFileSync(file, "utf8")).join("\n")
  const names = [...page.matchAll(/^## (\w+)(?: \(.*\))?$/gm)].map(([, found]) => found)
  return [name.split("/").at(-1), ...names].filter(
    (found) => found !== "index" && !new RegExp(`\\b${found}\\b`).test(text)
  )
}
