// The packed tarball is what a user gets: lint it, then install, compile and run against it in an empty project.
import { execFileSync } from "node:child_process"
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const expected = "values 10 20 30 40 50\nretries 1\na page <title>default\n"
const expectedOfHttp = "answers a b c\nretries 1\n"
const expectedOfJournal = "first a1 b2\nsecond a1 b2\n"

const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"))
const folder = mkdtempSync(join(tmpdir(), "effect-aimd-package-"))
const run = (cwd, tool, ...args) => {
  console.log(`> ${tool} ${args.join(" ")}`)
  execFileSync(tool, args, { cwd, stdio: ["ignore", "inherit", "inherit"] })
}

/** Links and pictures of the pages that are in the package, to files that are not. */
function deadLinks(root) {
  const pages = readdirSync(root, { recursive: true }).filter((name) => name.endsWith(".md"))
  return pages.flatMap((page) =>
    [...readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link)
      .filter((link) => !/^(https?:|#)/.test(link) && !existsSync(join(root, dirname(page), link.split("#")[0])))
      .map((link) => `${page}: ${link}`)
  )
}

try {
  run(".", "npm", "pack", "--loglevel", "error", "--pack-destination", folder)
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tgz"))
  )
  run(folder, "tar", "xzf", tarball)
  const dead = deadLinks(join(folder, "package"))
  if (dead.length > 0) throw new Error(`links that lead nowhere in the package:\n${dead.join("\n")}`)
  run(".", "publint", tarball, "--strict")
  run(".", "attw", tarball, "--profile", "esm-only", "--no-emoji")

  for (const name of ["main.ts", "http.ts", "journal.ts"]) copyFileSync(`test/consumer/${name}`, join(folder, name))
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
  const exact = (name) => `${name}@${devDependencies[name]}`
  // No @effect/platform: the core has to work, and type-check, without this optional peer.
  run(
    folder,
    ...["npm", "install", "--no-audit", "--no-fund", "--loglevel", "error"],
    ...[tarball, exact("effect"), exact("typescript")]
  )
  const tsc = join(folder, "node_modules", ".bin", "tsc")
  const consume = (name, expected) => {
    const file = `${name}.ts`
    const strict = ["--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022,dom", file]
    run(folder, tsc, "--noEmit", "--module", "esnext", "--moduleResolution", "bundler", ...strict)
    run(folder, tsc, "--module", "nodenext", "--moduleResolution", "nodenext", ...strict)
    const output = execFileSync("node", [`${name}.js`], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"]
    })
    if (output !== expected) throw new Error(`the consumer printed\n${output}instead of\n${expected}`)
    console.log(output)
  }
  consume("main", expected)
  run(folder, "npm", "install", "--no-audit", "--no-fund", "--loglevel", "error", exact("@effect/platform"))
  consume("http", expectedOfHttp)
  consume("journal", expectedOfJournal)
} catch (error) {
  // What failed has already said why.
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
