/**
 * The demo: the command `effect-aimd run` on rows from disk, against a server that limits it; and then what the server's limit
 * was, what the law has found of it, and what the vectors are good for.
 */
import { FileSystem, Path } from "@effect/platform"
import { Console, Effect, Option } from "effect"
import * as Cli from "../../cli/src/Cli.js"
import { InputError, reasonOf } from "../../cli/src/Failure.js"
import * as Screen from "../../cli/src/output/Screen.js"
import * as Summary from "../../cli/src/output/Summary.js"
import * as Corpus from "./corpus.js"
import * as Hashing from "./hashing.js"
import * as Neighbours from "./neighbours.js"
import * as Server from "./server.js"

export interface Options {
  /** Most rows; without it, all. */
  readonly rows: Option.Option<number>
  readonly poolSize: number
  /** A folder, made where there is none. */
  readonly out: string
  readonly fresh: boolean
}

interface Answer {
  readonly question: string
  readonly nearest: ReadonlyArray<{ readonly id: string; readonly similarity: number; readonly text: string }>
}

/** What came of it. */
export interface Report {
  /** What was run. */
  readonly command: string
  readonly server: typeof limit
  readonly summary: Summary.Summary
  /** How long somebody takes who knows the limit; null where no row was left to do. */
  readonly idealSeconds: number | null
  readonly shareOfIdeal: number | null
  readonly answers: ReadonlyArray<Answer>
}

/** What the local server allows: a pool of the default size is soon over it, and all rows take half a minute. */
const limit = { burst: 40, perSecond: 120 }

const body = '{"model":"hashed-bag-of-words","input":{{text}}}'

/** A word of a command line as a shell reads it. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)

const round = (x: number): number => Math.round(x * 1000) / 1000

/** Runs the command, and keeps what it prints. */
const runCommand = (args: ReadonlyArray<string>, screen: Screen.Screen) =>
  Effect.gen(function* () {
    const printed: Array<string> = []
    const console = yield* Console.consoleWith(Effect.succeed)
    const log = (...texts: ReadonlyArray<unknown>) => Effect.sync(() => void printed.push(texts.map(String).join(" ")))
    const exit = yield* Effect.exit(
      Effect.withConsole(Cli.main(["node", "effect-aimd", ...args], screen), { ...console, log })
    )
    return { code: Cli.exitCode(exit), printed: printed.join("\n") }
  })

interface Line {
  readonly custom_id: string
  readonly response: {
    readonly body: { readonly data: readonly [{ readonly embedding: ReadonlyArray<number> }] }
  } | null
}

/** The answer to each question: the comments whose vectors lie nearest. */
const answers = (results: string, rows: ReadonlyArray<Corpus.Row>): ReadonlyArray<Answer> => {
  const texts = new Map(rows.map((row) => [Corpus.stateId(row), row.text]))
  const found = results
    .split("\n")
    .filter((line) => line !== "")
    // The server of this demo has answered with it.
    .map((line) => JSON.parse(line) as Line)
    .flatMap(({ custom_id: id, response }) =>
      response === null ? [] : [{ id, embedding: response.body.data[0].embedding }]
    )
  return Neighbours.questions.map((question) => ({
    question,
    nearest: Neighbours.nearest(Hashing.embed(question, Server.dimensions), found, 3).map(
      ({ candidate, similarity }) => ({
        id: candidate.id,
        similarity: Math.round(similarity * 100) / 100,
        text: (texts.get(candidate.id) ?? "").split("\n\n", 1).join("").replace(/\s+/g, " ")
      })
    )
  }))
}

const short = (text: string): string => (text.length <= 76 ? text : `${text.slice(0, 75)}…`)

/** The report for people. */
const format = ({ answers, idealSeconds, server, shareOfIdeal, summary }: Report): string =>
  [
    "",
    Summary.format(summary),
    "",
    `The server allows ${server.perSecond} requests a second, and ${server.burst} at once after a pause. Nobody told the command.`,
    idealSeconds === null || shareOfIdeal === null
      ? "All rows were done before: --fresh begins anew."
      : `Who knows that takes ${idealSeconds} s; this took ${summary.seconds} s, which is ${Math.round(shareOfIdeal * 100)} % of the ideal.`,
    ...answers.flatMap(({ nearest, question }) => [
      "",
      `"${question}"`,
      ...nearest.flatMap(({ id, similarity, text }) => [`  ${similarity.toFixed(2)}  ${id}`, `        ${short(text)}`])
    ])
  ].join("\n")

/** Makes the folder where there is none. Not with what is above it: Node never returns where nothing can be made, as in /proc. */
const makeFolder = (folder: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    if (!(yield* fs.exists(folder))) yield* fs.makeDirectory(folder)
  }).pipe(Effect.mapError((error) => new InputError({ message: `${folder} cannot be made: ${reasonOf(error)}` })))

/** Runs the demo; returns the exit code of the command, what to say of it, and a report if it has come to its end. */
export const run = (options: Options, screen: Screen.Screen) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const corpus = yield* Corpus.read
    const rows = corpus.slice(
      0,
      Option.getOrElse(options.rows, () => corpus.length)
    )
    const input = path.join(options.out, "comments.jsonl")
    const out = path.join(options.out, "results.jsonl")
    yield* makeFolder(options.out)
    const lines = rows.map((row) => JSON.stringify({ id: Corpus.stateId(row), text: Corpus.input(row) }))
    yield* fs.writeFileString(input, lines.map((line) => `${line}\n`).join(""))

    const url = yield* Server.start(limit)
    const args = ["run", input, "--out", out, "--url", `${url}/embeddings`, "--body", body, "--json"]
    if (options.poolSize !== 16) args.push("--pool-size", String(options.poolSize))
    if (options.fresh) args.push("--fresh")
    const command = ["effect-aimd", ...args].map(quoted).join(" ")
    yield* Screen.print(screen, `$ ${command}`)
    const { code, printed } = yield* runCommand(args, screen)
    // What `--json` has printed: a summary, or what is wrong with the command line.
    const told = JSON.parse(printed) as Summary.Summary | { readonly error: string }
    if ("error" in told) return { code, text: told.error, report: undefined }
    if (code !== 0) return { code, text: Summary.format(told), report: undefined }
    const summary = told
    const own = summary.rows - summary.recalled
    const idealSeconds = own === 0 ? null : round(Math.max(0, own - limit.burst) / limit.perSecond)
    const shareOfIdeal = idealSeconds === null ? null : round(idealSeconds / summary.seconds)
    const found = answers(yield* fs.readFileString(out), rows)
    const report: Report = { command, server: limit, summary, idealSeconds, shareOfIdeal, answers: found }
    return { code, text: format(report), report }
  }).pipe(Effect.scoped)
