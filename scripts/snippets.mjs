// Code shown in README.md and docs/*.md is a copy of a file that is compiled and run. A fence below
// `<!-- snippet: examples/file.ts#name -->` equals what stands between `// #region name` and `// #endregion name`
// of that file (without `#name`: the whole file). A fence below `<!-- output: examples/file.ts -->` equals what that
// program prints. Checks; with --write, copies.
import { execFileSync } from "node:child_process"
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"

const write = process.argv.includes("--write")
const problems = []
let compared = 0

const docs = existsSync("docs") ? readdirSync("docs").filter((name) => name.endsWith(".md")) : []
for (const page of ["README.md", ...docs.map((name) => `docs/${name}`)]) update(page)

for (const problem of problems) console.error(problem)
if (problems.length > 0) process.exit(1)
console.log(`${compared} snippets ${write ? "written" : "equal their source"}`)

function update(page) {
  if (!existsSync(page)) return problems.push(`${page}: is missing`)
  const lines = readFileSync(page, "utf8").split("\n")
  const out = []
  let marker
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]
    const where = `${page}:${at + 1}`
    out.push(line)
    const [, kind, source] = /^<!-- (snippet|output): (\S+) -->$/.exec(line) ?? []
    if (kind !== undefined) {
      if (marker !== undefined) problems.push(`${marker.where}: no fence follows this marker`)
      marker = { kind, source, where }
      continue
    }
    const [, fence, language] = /^\s*(`{3,}|~{3,})\s*(\w*)/.exec(line) ?? []
    if (fence === undefined) {
      if (marker !== undefined && line.trim() !== "") {
        problems.push(`${marker.where}: no fence follows this marker`)
        marker = undefined
      }
      continue
    }
    const end = lines.findIndex((other, index) => index > at && other.trim() === fence)
    if (end < 0) return problems.push(`${where}: this fence is never closed`)
    const shown = lines.slice(at + 1, end)
    const isTypeScript = /^(ts|mts|tsx|typescript)$/.test(language)
    if (marker?.kind === "snippet" && isTypeScript) out.push(...compare(page, where, marker.source, read, shown))
    else if (marker?.kind === "output" && language === "")
      out.push(...compare(page, where, marker.source, printed, shown))
    else {
      if (marker !== undefined)
        problems.push(`${marker.where}: the fence below this ${marker.kind} is one of ${language || "text"}`)
      else if (isTypeScript && page === "README.md") {
        problems.push(`${where}: this ts fence has no line "<!-- snippet: examples/file.ts#region -->" above it`)
      }
      out.push(...shown)
    }
    out.push(lines[end])
    marker = undefined
    at = end
  }
  if (marker !== undefined) problems.push(`${marker.where}: no fence follows this marker`)
  if (write) writeFileSync(page, out.join("\n"))
}

function compare(page, where, source, find, shown) {
  compared++
  const wanted = find(source)
  if (wanted === undefined) {
    problems.push(`${where}: ${source} does not exist, or lacks one "#region" and "#endregion" of that name`)
    return shown
  }
  if (write) return wanted
  const differs = wanted.findIndex((line, index) => line !== shown[index])
  if (differs >= 0 || wanted.length !== shown.length) {
    const index = differs >= 0 ? differs : wanted.length
    problems.push(
      `${where}: differs from ${source} at its line ${index + 1}:`,
      `  ${page}: ${shown[index] ?? "(no more lines)"}`,
      `  ${source}: ${wanted[index] ?? "(no more lines)"}`,
      "  To copy the source: npm run snippets -- --write"
    )
  }
  return shown
}

function printed(file) {
  return existsSync(file) ? execFileSync("tsx", [file], { encoding: "utf8" }).trimEnd().split("\n") : undefined
}

function read(source) {
  const [file, name] = source.split("#")
  if (!existsSync(file)) return undefined
  let lines = readFileSync(file, "utf8").split("\n")
  if (name !== undefined) {
    const start = lines.findIndex((line) => line.trim() === `// #region ${name}`)
    const end = lines.findIndex((line) => line.trim() === `// #endregion ${name}`)
    if (start < 0 || end < start) return undefined
    lines = lines.slice(start + 1, end)
  }
  lines = lines.filter((line) => !/^\s*\/\/ #(end)?region\b/.test(line))
  while (lines[0]?.trim() === "") lines.shift()
  while (lines.at(-1)?.trim() === "") lines.pop()
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/))
  const indent = Math.min(...indents)
  return lines.map((line) => line.slice(indent))
}
