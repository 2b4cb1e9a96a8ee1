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
import * as Profile from "../../src/http/Profile.js"

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

describe("a profile", () => {
  const profile = Profile.make({
    hosts: ["api.test"],
    notNow: ["BUSY"],
    never: ["gone"],
    refused: ["bad"],
    lost: ["oops"],
    says: /come later/,
    saysNever: /for ever/,
    spentStatuses: [403],
    pause: "7 seconds",
    inside200: /v1$/,
    waitFrom: "nowhere"
  })
  const error = (code: string | number, more = {}) => ({ error: { code, ...more } })
  const spent = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "60" }
  const cases: Record<string, readonly [given: Given, verdict: string]> = {
    "its word for not now, in any case": [{ status: 400, body: error("busy") }, "not now: 7000"],
    "its word for never": [{ status: 429, body: error("gone") }, "never: gone"],
    "its sentence for never": [{ status: 400, body: { message: "closed for ever" } }, "never: by its message"],
    "its sentence for not now": [{ status: 400, body: { message: "please come later" } }, "not now: 7000"],
    "its word for a wrong request": [{ status: 400, body: error("bad") }, "refused: bad"],
    "its word for an answer that got lost": [{ status: 400, body: error("oops") }, "Lost"],
    "a word that it does not know": [{ status: 400, body: error("other") }, "no opinion"],
    "a 429 without a word and without a wait": [{ status: 429 }, "not now: 7000"],
    "a 429 that says how long": [{ status: 429, headers: { "retry-after": "1" } }, "no opinion"],
    "another status without a word": [{ status: 428 }, "no opinion"],
    "a status of its own, where nothing remains": [{ status: 403, headers: spent }, "not now: 60000"],
    "the same status, where something remains": [{ status: 403 }, "no opinion"],
    "another status, where nothing remains": [{ status: 402, headers: spent }, "no opinion"],
    "an error inside a 200 with its word": [{ status: 200, body: error("busy") }, "not now: 7000"],
    "a 200 that is not ok, with its word": [{ status: 200, body: { ok: false, code: "busy" } }, "not now: 7000"],
    "a 200 that is no error, with its word": [{ status: 200, body: { code: "busy" } }, "no opinion"],
    "a 200 at another address": [{ status: 200, path: "v2", body: error("busy") }, "no opinion"],
    "a 200 that is no JSON": [
      { status: 200, headers: { "content-type": "text/plain" }, body: error("busy") },
      "no opinion"
    ],
    "an error inside a 200 that stands for 429": [{ status: 200, body: error("other", { status: 429 }) }, "not now"],
    "an error inside a 200 that stands for 500": [{ status: 200, body: error("other", { status: 500 }) }, "Lost"],
    "an error inside a 200 that stands for 499": [{ status: 200, body: error("other", { status: 499 }) }, "no opinion"],
    "a bucket that says how fast it fills": [
      { status: 400, body: error("busy", { requestedQueryCost: 100, currentlyAvailable: 40, restoreRate: 50 }) },
      "not now: 1200"
    ],
    "a bucket that has just filled": [
      { status: 400, body: error("busy", { requestedQueryCost: 40, currentlyAvailable: 40, restoreRate: 50 }) },
      "not now: 0"
    ],
    "a bucket that had enough": [
      { status: 400, body: error("busy", { requestedQueryCost: 10, currentlyAvailable: 40, restoreRate: 50 }) },
      "not now: 7000"
    ]
  }
  for (const [name, [given, verdict]] of Object.entries(cases)) {
    it.effect(`says of ${name}: ${verdict}`, () =>
      Effect.map(judge(profile, given), (judged) => assert.strictEqual(judged, verdict))
    )
  }
})

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
