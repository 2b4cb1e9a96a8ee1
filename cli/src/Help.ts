/** The help, as short as one can read it: a line or two for each option. */
import { codes, meanings, type Status } from "./ExitCode.js"
import { about } from "./Options.js"

/** Examples: what for, and the command line. */
export const examples: ReadonlyArray<readonly [what: string, line: string]> = [
  ["A file made for OpenAI's Batch API, now:", "effect-aimd run requests.jsonl --out results.jsonl"],
  [
    "Rows of your own, to any OpenAI-compatible server:",
    `effect-aimd run rows.csv --out vectors.jsonl --url http://localhost:8000/v1/embeddings \\
    --body '{"model":"m","input":{{text}}}'`
  ],
  [
    "How long would it take?",
    "effect-aimd run requests.jsonl --out results.jsonl --dry-run --limit 600/min --latency 2s"
  ],
  [
    "For no more than 5:",
    "effect-aimd run requests.jsonl --out results.jsonl --max-cost 5 --price-input 0.15 --price-output 0.6"
  ],
  [
    "From another program, with a key of another kind:",
    `... | effect-aimd run - --out results.jsonl --url https://api.example.com --key '' --header "x-api-key: $KEY"`
  ]
]

// Every status has a code, and nothing else has.
const statuses = Object.keys(codes) as ReadonlyArray<Status>

const width = 100
const indent = 24

/** A text in lines of so many characters, all but the first after an indent. */
const wrap = (text: string): string => {
  const lines: Array<string> = [""]
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? ""
    if (line !== "" && indent + line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`
  }
  return lines.join(`\n${" ".repeat(indent)}`)
}

const entry = (name: string, what: string): string =>
  name.length > indent - 4
    ? `  ${name}\n${" ".repeat(indent)}${wrap(what)}`
    : `  ${name.padEnd(indent - 2)}${wrap(what)}`

/** The help of the program, which has one command. */
export const text = (version: string): string =>
  [
    `effect-aimd ${version}`,
    "",
    "  effect-aimd run <input> --out <file> [options]",
    "",
    "Sends each row of a file (or of stdin, as -) as a request, as fast as the API allows, and writes a",
    "line for each, in order, in OpenAI's batch output format. A run that was stopped, whatever the",
    "reason, goes on when the same command is run again.",
    "",
    "Options:",
    ...Object.entries(about).map(([name, [takes, what]]) => entry(`--${name} ${takes}`.trimEnd(), what)),
    entry("--version", "the version of this program"),
    "",
    "Examples:",
    ...examples.flatMap(([what, line]) => [`  ${what}`, `  $ ${line}`, ""]),
    "Exit codes:",
    ...statuses.map((status) => entry(String(codes[status]), meanings[status]))
  ].join("\n")

/** What a page would take for HTML, or a template, is code. */
const cell = (text: string): string => text.replaceAll("|", "\\|").replace(/\S*<\w+>[^\s;]*|\{\{\w+\}\}/g, "`$&`")

const table = (head: readonly [string, string], rows: ReadonlyArray<readonly [string, string]>): string =>
  [head, ["---", "---"] as const, ...rows.map(([name, what]) => [`\`${name}\``, cell(what)] as const)]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n")

/** The options as the page has them. */
export const optionTable = table(
  ["option", "meaning"],
  Object.entries(about).map(([name, [takes, what]]) => [`--${name} ${takes}`.trimEnd(), what])
)

/** The exit codes as the page has them. */
export const codeTable = table(
  ["code", "when"],
  statuses.map((status) => [String(codes[status]), meanings[status]])
)
