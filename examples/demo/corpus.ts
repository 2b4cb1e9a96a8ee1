/** The rows of the demo: what the doc comments of the installed `effect` package say. */
import { FileSystem, Path } from "@effect/platform"
import { Effect } from "effect"
import { createRequire } from "node:module"

/** One doc comment. `name` is the export it stands at, `*` for a module as a whole; `line` counts from 1. */
export interface Row {
  readonly module: string
  readonly name: string
  readonly line: number
  readonly text: string
}

/** Names a row in the audit trail. */
export const stateId = (row: Row): string => `${row.module}.${row.name}:${row.line}`

/** What is embedded: the name says as much as the comment does. */
export const input = (row: Row): string => `${row.module}.${row.name}\n${row.text}`

const comment = /^[ \t]*\/\*\*(.*?)\*\//gms
const declaration =
  /^export (?:declare )?(?:abstract )?(?:const|let|function\*?|class|interface|type|namespace|enum) ([\w$]+)/
const listed = /^\s+(?:type )?(?:[\w$]+ as )?([\w$]+),?$/

/**
 * What a comment says: without its frame, its examples (code drowns prose in a bag of words) and its block tags. Empty
 * for a comment that consists of tags.
 */
export const prose = (body: string): string => {
  const lines: Array<string> = []
  let inCode = false
  for (const framed of body.split("\n")) {
    const line = framed.replace(/^\s*\* ?/, "").trim()
    if (line.startsWith("```")) inCode = !inCode
    else if (inCode || line.startsWith("**Example")) continue
    else if (line.startsWith("@")) break
    else lines.push(line)
  }
  return lines
    .join("\n")
    .replace(/\{@link\s+([^}]+)\}/g, "$1")
    .replace(/\n{2,}/g, "\n\n")
    .trim()
}

/**
 * The doc comments of one module's source, in the order of the file. Those of an export's members and overloads are
 * rows of that export, each text once; comments without prose, and those of what is not exported, are no rows.
 */
export const parse = (module: string, source: string): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  const seen = new Set<string>()
  let enclosing: string | undefined
  let line = 1
  let from = 0
  for (const found of source.matchAll(comment)) {
    const end = found.index + found[0].length
    const above = source.slice(from, found.index)
    for (const statement of above.split("\n")) {
      if (/^(?:export|const|declare|function|class|interface|type)\b/.test(statement)) {
        enclosing = declaration.exec(statement)?.[1]
      }
    }
    line += above.split("\n").length - 1
    const next = source.slice(end).trimStart().split("\n", 1)[0] ?? ""
    const name = nameOf(found[0], next, enclosing, source.slice(0, found.index).trim() === "")
    const text = prose(found[1] ?? "")
    if (name !== undefined && text !== "" && !seen.has(`${name}\n${text}`)) {
      seen.add(`${name}\n${text}`)
      rows.push({ module, name, line, text })
    }
    line += found[0].split("\n").length - 1
    from = end
  }
  return rows
}

const nameOf = (comment: string, next: string, enclosing: string | undefined, isFirst: boolean): string | undefined => {
  const declared = declaration.exec(next)?.[1]
  if (isFirst && declared === undefined) return "*"
  return /^\s/.test(comment) ? (enclosing ?? listed.exec(` ${next}`)?.[1]) : declared
}

/** Reads every public module of the installed `effect` package: several thousand rows, in the order of module and line. */
export const read = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(path.dirname(createRequire(import.meta.url).resolve("effect/package.json")), "src")
  const files = (yield* fs.readDirectory(folder))
    // The index repeats the header of each module.
    .filter((file) => file.endsWith(".ts") && file !== "index.ts")
    .sort()
  const modules = yield* Effect.forEach(
    files,
    (file) =>
      Effect.map(fs.readFileString(path.join(folder, file)), (source) => parse(path.basename(file, ".ts"), source)),
    { concurrency: 8 }
  )
  return modules.flat()
})
