// The packed tarball is what a user gets: lint it, then install, compile and run against it in an empty project.
import { execFileSync } from "node:child_process"
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const expected = "values 10 20 30 40 50\nretries 1\n"
const expectedOfHttp = "answers a b c\nretries 1\n"

const { devDependencies } = JSON.parse(readFileSync("package.json", "utf8"))
const folder = mkdtempSync(join(tmpdir(), "effect-aimd-package-"))
const run = (cwd, tool, ...args) => {
  console.log(`> ${tool} ${args.join(" ")}`)
  execFileSync(tool, args, { cwd, stdio: ["ignore", "inherit", "inherit"] })
}

try {
  run(".", "npm", "pack", "--loglevel", "error", "--pack-destination", folder)
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tgz"))
  )
  run(".", "publint", tarball, "--strict")
  run(".", "attw", tarball, "--profile", "esm-only", "--no-emoji")

  for (const name of ["main.ts", "http.ts"]) copyFileSync(`test/consumer/${name}`, join(folder, name))
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
} catch (error) {
  // What failed has already said why.
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
