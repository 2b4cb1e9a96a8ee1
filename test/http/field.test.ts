/**
 * Answers of many providers, from public reports of users: what each is taken for, and how long it asks to wait. One stands
 * on each line of `field.jsonl`, in order of their kinds.
 */
import { readFileSync } from "node:fs"
import { Classifier } from "effect-aimd/http"
import { cases, type Given } from "./judging.js"

interface Line extends Given {
  readonly kind: string
  readonly name: string
  readonly verdict: string
}

const lines = readFileSync("test/http/field.jsonl", "utf8")
  .trim()
  .split("\n")
  // The file is our own.
  .map((line) => JSON.parse(line) as Line)

for (const kind of new Set(lines.map(({ kind }) => kind))) {
  const rows = lines.filter((line) => line.kind === kind)
  cases(
    kind,
    Classifier.all(Classifier.known),
    rows.map((given) => [given.name, given, given.verdict])
  )
}
