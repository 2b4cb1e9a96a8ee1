// The packed tarball is what a user gets: lint it, then install, compile and run against it in an empty project.
import { execFile, execFileSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"

const expected = "values 10 20 30 40 50\nretries 1\na page <title>default\n"
const expectedOfHttp = "answers a b c\nretries 1\n"
const expectedOfJournal = "first a1 b2\nsecond a1 b2\n"
const expectedOfShared = "tripled 3 6 9\n"
const expectedOfCluster = "doubled 2 4 6\n"

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

/** Packs a package of this repository; returns the tarball. */
function pack(name) {
  const into = join(folder, `${name}-packed`)
  mkdirSync(into)
  run(".", "npm", "pack", "--loglevel", "error", "--workspace", name, "--pack-destination", into)
  const [tarball] = readdirSync(into)
  return join(into, tarball)
}

/** The command is installed beside the library, tells of itself, and sends three rows, of which one is rejected once. */
async function tryCommand(library, command) {
  const project = join(folder, "command")
  mkdirSync(project)
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", private: true }))
  run(project, "npm", "install", "--no-audit", "--no-fund", "--loglevel", "error", library, command)
  run(project, "npx", "--no", "effect-aimd", "run", "--help")
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    if (requests === 2) response.writeHead(429, { "retry-after-ms": "1" }).end()
    else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(request.url))
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  const row = (id) => JSON.stringify({ custom_id: id, method: "POST", url: "/v1/echo", body: {} })
  writeFileSync(join(project, "requests.jsonl"), ["a", "b", "c"].map((id) => `${row(id)}\n`).join(""))
  const args = [
    "run",
    "requests.jsonl",
    "--out",
    "results.jsonl",
    "--url",
    `http://127.0.0.1:${server.address().port}/v1`
  ]
  console.log(`> npx effect-aimd ${args.join(" ")}`)
  try {
    const { stdout } = await promisify(execFile)("npx", ["--no", "effect-aimd", ...args], { cwd: project })
    console.log(stdout)
  } finally {
    server.close()
  }
  const lines = readFileSync(join(project, "results.jsonl"), "utf8").trimEnd().split("\n")
  const answers = lines
    .map((line) => JSON.parse(line))
    .map(({ custom_id, response }) => `${custom_id} ${response.body}`)
  const expected = "a /v1/echo, b /v1/echo, c /v1/echo after 4 requests"
  const found = `${answers.join(", ")} after ${requests} requests`
  if (found !== expected) throw new Error(`the command got\n${found}\ninstead of\n${expected}`)
}

try {
  const tarball = pack("effect-aimd")
  run(folder, "tar", "xzf", tarball)
  const dead = deadLinks(join(folder, "package"))
  if (dead.length > 0) throw new Error(`links that lead nowhere in the package:\n${dead.join("\n")}`)
  if (existsSync(join(folder, "package", "cli"))) throw new Error("the library's package holds the command")
  run(".", "publint", tarball, "--strict")
  run(".", "attw", tarball, "--profile", "esm-only", "--no-emoji")

  for (const name of ["main.ts", "http.ts", "journal.ts", "shared.ts", "cluster.ts"]) {
    copyFileSync(`test/consumer/${name}`, join(folder, name))
  }
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
  const add = (...names) =>
    run(folder, "npm", "install", "--no-audit", "--no-fund", "--loglevel", "error", ...names.map(exact))
  add("@effect/platform")
  consume("http", expectedOfHttp)
  consume("journal", expectedOfJournal)
  // Its module about rate limits has types of Redis, which nobody has to install who brings another store.
  add("@effect/experimental")
  consume("shared", expectedOfShared)
  // Types of what @effect/rpc packs messages with need those of Node.
  add("@effect/cluster", "@effect/rpc", "@effect/sql", "@effect/workflow", "@types/node")
  consume("cluster", expectedOfCluster)

  const command = pack("effect-aimd-cli")
  run(".", "publint", command, "--strict")
  await tryCommand(tarball, command)
} catch (error) {
  // What failed has already said why.
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
