/**
 * What answers of many providers are taken for, and how long they ask to wait: of each kind of fault that users of other
 * clients have reported, several. One answer stands on each line of `field.jsonl`, with who judges it: what all APIs have in
 * common, what is known of the host, or both.
 */
import { readFileSync } from "node:fs"
import { Headers, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, TestClock } from "effect"
import { RetryAfter } from "effect-aimd"
import { Classifier } from "effect-aimd/http"

const now = Date.parse("2027-01-01T00:00:00Z")
const json = { "content-type": "application/json" }

interface Given {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: unknown
  readonly host?: string
  readonly path?: string
}

/** The verdict in a few words: its name, the code of a final one, and the wait of one that names one. */
const judge = (
  classify: Classifier.Classifier,
  { body, headers = {}, host = "api.test", path = "v1", status }: Given
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(now)
    const all = Headers.fromInput({ ...(typeof body === "string" ? {} : json), ...headers })
    const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body)
    const request = HttpClientRequest.get(`https://${host}/${path}`)
    const verdict = yield* classify({ request, status, headers: all, body: Effect.succeed(text) })
    if (Option.isNone(verdict)) return "no opinion"
    const { value } = verdict
    if (value._tag === "QuotaExhausted") return `never: ${value.code}${value.isSure ? "" : ", if time agrees"}`
    if (value._tag === "Refused") return `refused: ${value.code}`
    if (value._tag !== "Capacity") return value._tag
    const wait = Option.orElse(value.retryAfter, () =>
      Option.orElse(RetryAfter.fromHeaders(all, now), () => RetryAfter.fromBody(text, now))
    )
    return Option.match(wait, { onNone: () => "not now", onSome: (wait) => `not now: ${Duration.toMillis(wait)}` })
  })

interface Line extends Given {
  readonly kind: string
  readonly name: string
  readonly by: keyof typeof judges
  readonly verdict: string
}

const judges = {
  standard: Classifier.standard(),
  known: Classifier.known,
  all: Classifier.all(Classifier.known)
}

const lines = readFileSync("test/http/field.jsonl", "utf8")
  .trim()
  .split("\n")
  // The file is our own.
  .map((line) => JSON.parse(line) as Line)

for (const kind of new Set(lines.map(({ kind }) => kind))) {
  describe(kind, () => {
    for (const line of lines.filter((line) => line.kind === kind)) {
      it.effect(line.name, () =>
        Effect.map(judge(judges[line.by], line), (judged) => assert.strictEqual(judged, line.verdict))
      )
    }
  })
}

describe("classifiers for hosts", () => {
  it.effect("are picked by name, or by the longest end, and compose with the standard one", () =>
    Effect.gen(function* () {
      const say =
        (code: string): Classifier.Classifier =>
        () =>
          Effect.succeedSome(Classifier.refused(code))
      const classify = Classifier.all(
        Classifier.forHost({ "a.test": say("a"), ".test": say("end"), ".long.test": say("longer") })
      )
      const hosts = ["a.test", "b.test", "x.long.test", "test", "other"]
      assert.deepStrictEqual(yield* Effect.forEach(hosts, (host) => judge(classify, { host, status: 429 })), [
        "refused: a",
        "refused: end",
        "refused: longer",
        "not now",
        "not now"
      ])
    })
  )
})

describe("the table of providers in docs/HTTP.md", () => {
  it("says what the profiles say", () => {
    const list = (codes: ReadonlyArray<string> = []) => codes.map((code) => `\`${code}\``).join(", ")
    const rows = Object.entries(Classifier.providers).map(([provider, { lost, never, notNow, refused, waitFrom }]) =>
      [`\`${provider}\``, list(notNow), list([...(never ?? []), ...(refused ?? [])]), list(lost), waitFrom].join(" | ")
    )
    const cells = (line: string) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
        .join(" | ")
    const [, table = ""] = readFileSync("docs/HTTP.md", "utf8").split("<!-- providers -->")
    assert.deepStrictEqual(table.trim().split("\n").slice(2).map(cells), rows)
  })

  it("is followed by where each profile's facts come from", () => {
    const [, list = ""] = readFileSync("docs/HTTP.md", "utf8").split("<!-- sources -->")
    const named = list
      .trim()
      .split(/^- /m)
      .slice(1)
      .map((line) => /^`(\w+)`: .*\(https:/s.exec(line)?.[1])
    assert.deepStrictEqual(named, Object.keys(Classifier.providers))
  })
})
