/** The command as its users have it: a process, files, and a server. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { writeFile } from "node:fs/promises"
import { version } from "../../cli/src/Version.js"
import type { Summary } from "../../cli/src/output/Summary.js"
import { batchLines, type Ended, folder, lines, reply, run, serve, served, tunnel, write } from "./support.js"

const names = (count: number) => Array.from({ length: count }, (_, i) => `row-${i}`)

const json = { "content-type": "application/json" }
const digits = "98765432109876543210"

const summaryOf = ({ code, stderr, stdout }: Ended) => {
  assert.notStrictEqual(stdout, "", `there is no summary; the exit code is ${code}, and stderr says: ${stderr}`)
  return JSON.parse(stdout) as Summary
}

/** A folder with an input of so many rows, and where the results go. */
const files = (count: number) =>
  Effect.map(folder, (path) => ({
    path,
    input: write(path, "requests.jsonl", batchLines(count)),
    out: `${path}/results.jsonl`
  }))

describe("effect-aimd run", () => {
  it.scopedLive("sends a file of OpenAI's batch format, and writes its output format, in order", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((asked, response) =>
        reply(response, 200, served(asked), { "x-request-id": `req-${asked.body}` })
      )
      const { input, out } = yield* files(30)
      const args = ["run", input, "--out", out, "--url", `${url}/v1`, "--header", "X-Team: blue", "--json"]
      const ended = yield* run(args, { env: { OPENAI_API_KEY: "sk-1" } })
      assert.strictEqual(ended.code, 0, ended.stderr)
      assert.include(summaryOf(ended), { status: "done", rows: 30, succeeded: 30, failed: 0, lines: 30, cost: null })
      assert.deepStrictEqual(summaryOf(ended).tokens, { input: 300, output: 150 })
      assert.deepStrictEqual(
        lines(out).map(({ custom_id, error, response }) => [
          custom_id,
          response?.status_code,
          response?.request_id,
          error
        ]),
        names(30).map((name, i) => [name, 200, `req-{"i":${i}}`, null])
      )
      assert.deepStrictEqual(
        lines(out)[3]?.response?.body,
        served({ nth: 0, method: "", url: "", headers: {}, body: '{"i":3}' })
      )
      assert.deepStrictEqual(
        new Set(asked.map(({ method, url }) => `${method} ${url}`)),
        new Set(["POST /v1/chat/completions"])
      )
      const [first] = asked
      assert.deepInclude(first?.headers, {
        authorization: "Bearer sk-1",
        "content-type": "application/json",
        "user-agent": `effect-aimd-cli/${version}`,
        "x-team": "blue"
      })
      assert.strictEqual(new Set(asked.map(({ headers }) => headers["idempotency-key"])).size, 30)
      // No key is kept anywhere.
      for (const file of [out, `${out}.journal`]) assert.notInclude(readFileSync(file, "utf8"), "sk-1")
    })
  )

  it.scopedLive("retries 429s until each row has its answer", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((asked, response) =>
        asked.nth % 7 === 0
          ? reply(response, 429, { error: { message: "slow down" } }, { "retry-after-ms": "1" })
          : reply(response, 200, served(asked))
      )
      const { input, out } = yield* files(20)
      const ended = yield* run(["run", input, "--out", out, "--url", url, "--json"])
      assert.strictEqual(ended.code, 0, ended.stderr)
      const { attempts, rejected } = summaryOf(ended)
      assert.deepStrictEqual([attempts, rejected], [asked.length, asked.length - 20])
      assert.deepStrictEqual(
        lines(out).map(({ custom_id }) => custom_id),
        names(20)
      )
    })
  )

  it.scopedLive(
    "has a line for each row that failed: 400 with its answer, a lost answer asked for again by its key",
    () =>
      Effect.gen(function* () {
        const { asked, url } = yield* serve((asked, response) => {
          if (asked.body === '{"i":1}') return reply(response, 400, { error: { message: "no such model" } })
          if (asked.body === '{"i":2}') return void response.destroy()
          reply(response, 200, served(asked))
        })
        const { input, out } = yield* files(4)
        const ended = yield* run(["run", input, "--out", out, "--url", url, "--json"])
        assert.strictEqual(ended.code, 1, ended.stderr)
        assert.include(summaryOf(ended), { status: "failedRows", succeeded: 2, failed: 2, unfinished: 0, lines: 4 })
        const [, refused, lost] = lines(out)
        assert.deepInclude(refused, { error: null })
        assert.deepStrictEqual(refused?.response, {
          status_code: 400,
          request_id: null,
          body: { error: { message: "no such model" } }
        })
        assert.deepInclude(lost, { custom_id: "row-2", response: null })
        assert.strictEqual(lost?.error?.code, "connection_error")
        const again = asked.filter(({ body }) => body === '{"i":2}').map(({ headers }) => headers["idempotency-key"])
        assert.deepStrictEqual(again, [again[0], again[0], again[0]])
      })
  )

  it.scopedLive(
    "does the rows again that had no answer, and puts their lines in place; others on demand, or never",
    () =>
      Effect.gen(function* () {
        let isWell = false
        const { asked, url } = yield* serve((asked, response) => {
          if (!isWell && asked.body === '{"i":1}') return reply(response, 400, {})
          if (!isWell && asked.body === '{"i":2}') return reply(response, 500, {})
          reply(response, 200, served(asked))
        })
        const { input, out } = yield* files(4)
        const args = ["run", input, "--out", out, "--url", url, "--json"]
        const statuses = () => lines(out).map(({ response }) => response?.status_code)
        assert.strictEqual((yield* run(args)).code, 1)
        assert.deepStrictEqual(statuses(), [200, 400, 500, 200])
        isWell = true
        const before = asked.length
        assert.strictEqual((yield* run([...args, "--retry", "never"])).code, 1)
        assert.deepStrictEqual([statuses(), asked.length], [[200, 400, 500, 200], before])
        const second = yield* run(args)
        assert.deepStrictEqual([second.code, summaryOf(second).recalled, asked.length], [1, 3, before + 1])
        assert.deepStrictEqual(statuses(), [200, 400, 200, 200])
        assert.strictEqual((yield* run([...args, "--retry", "failed"])).code, 0)
        assert.deepStrictEqual([statuses(), asked.length], [[200, 200, 200, 200], before + 2])
        assert.strictEqual((yield* run(args)).code, 0)
        assert.strictEqual(asked.length, before + 2)
      })
  )

  it.scopedLive("takes rows of CSV and of stdin by a template", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((asked, response) => reply(response, 200, served(asked)))
      const path = yield* folder
      const csv = write(path, "rows.csv", '\uFEFFid,text,n\r\na,"x, ""y""",5\r\nb,z,6\r\n')
      const body = '{"model":"m","input":{{text}},"n":{{n:json}}}'
      const out = `${path}/csv.jsonl`
      assert.strictEqual(
        (yield* run(["run", csv, "--out", out, "--url", `${url}/v1/embeddings`, "--body", body])).code,
        0
      )
      assert.deepStrictEqual(
        lines(out).map(({ custom_id, response }) => [custom_id, (response?.body as { echo: unknown }).echo]),
        [
          ["a", { model: "m", input: 'x, "y"', n: 5 }],
          ["b", { model: "m", input: "z", n: 6 }]
        ]
      )
      const stdin = '{"text":"one"}\n{"text":"two"}\n'
      const piped = ["run", "-", "--out", `${path}/piped.jsonl`, "--url", `${url}/v1`, "--endpoint", "/v1/embeddings"]
      assert.strictEqual((yield* run([...piped, "--body", "{{.}}"], { stdin })).code, 0)
      assert.deepStrictEqual(
        lines(`${path}/piped.jsonl`).map(({ custom_id }) => custom_id),
        ["row-1", "row-2"]
      )
      assert.deepStrictEqual(new Set(asked.map(({ url }) => url)), new Set(["/v1/embeddings"]))
    })
  )

  it.scopedLive("reads a pipe, which can be read only once", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((asked, response) => reply(response, 200, served(asked)))
      const { out, path } = yield* files(0)
      execFileSync("mkfifo", [`${path}/pipe`])
      const [ended] = yield* Effect.all(
        [
          run(["run", `${path}/pipe`, "--out", out, "--url", url]),
          Effect.promise(() => writeFile(`${path}/pipe`, batchLines(3)))
        ],
        { concurrency: 2 }
      )
      assert.strictEqual(ended.code, 0, ended.stderr)
      assert.strictEqual(lines(out).length, 3)
    })
  )

  it.scopedLive("sends rows without a body, to addresses of their own", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((asked, response) => reply(response, 200, served(asked)))
      const path = yield* folder
      const csv = write(path, "rows.csv", "id\na b\nc\n")
      const ended = yield* run(["run", csv, "--out", `${path}/out.jsonl`, "--url", `${url}/items/{{id}}?full=1`])
      assert.strictEqual(ended.code, 0, ended.stderr)
      assert.deepStrictEqual(
        asked.map(({ headers, method, url }) => [method, url, headers["idempotency-key"]]).sort(),
        [
          ["GET", "/items/a%20b?full=1", undefined],
          ["GET", "/items/c?full=1", undefined]
        ]
      )
    })
  )

  it.scopedLive("begins anew where it is told to, and keeps what was there", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((asked, response) => reply(response, 200, served(asked)))
      const { input, out } = yield* files(3)
      const args = ["run", input, "--out", out, "--url", url]
      assert.strictEqual((yield* run(args)).code, 0)
      assert.strictEqual((yield* run([...args, "--fresh"])).code, 0)
      assert.strictEqual(asked.length, 6)
      assert.deepStrictEqual([lines(out).length, lines(`${out}.old`).length], [3, 3])
      assert.isTrue(existsSync(`${out}.journal.old`))
    })
  )
})

describe("effect-aimd run: the page about it", () => {
  it.scopedLive("is written beside the results, and tells of what failed", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((asked, response) => reply(response, asked.body === '{"i":2}' ? 400 : 200, {}))
      const { input, out, path } = yield* files(5)
      const page = `${path}/report.html`
      const ended = yield* run(["run", input, "--out", out, "--url", url, "--report", page])
      assert.strictEqual(ended.code, 1, ended.stderr)
      const html = readFileSync(page, "utf8")
      assert.match(html, /^<!doctype html>/)
      for (const part of [`effect-aimd run ${input}`, "row-2", "status 400"]) assert.include(html, part)
      const nowhere = yield* run(["run", input, "--out", out, "--url", url, "--report", `${path}/no/such.html`])
      assert.deepStrictEqual([nowhere.code, nowhere.stdout], [6, ""])
    })
  )
})

describe("effect-aimd run: money", () => {
  it.scopedLive("starts no request that may pass the ceiling, says what was spent, and goes on with a larger one", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((asked, response) => reply(response, 200, served(asked)))
      const { input, out } = yield* files(10)
      // An answer costs 10 + 5; a body of 7 bytes may cost 7, and the largest answer so far, which is 5.
      const prices = ["--price-input", "1000000", "--price-output", "1000000", "--json"]
      const args = ["run", input, "--out", out, "--url", url, ...prices]
      const first = yield* run([...args, "--max-cost", "50"])
      assert.strictEqual(first.code, 3, first.stderr)
      // After two answers 30 are spent: a third may cost 12, and a fourth does not fit behind 45.
      assert.include(summaryOf(first), { status: "budget", succeeded: 3, unfinished: 7, cost: 45 })
      assert.strictEqual(asked.length, 3)
      const second = yield* run([...args, "--max-cost", "50"])
      assert.deepStrictEqual([second.code, asked.length, summaryOf(second).cost], [3, 3, 45])
      const last = yield* run(args)
      assert.deepStrictEqual([last.code, asked.length, summaryOf(last).cost], [0, 10, 150])
      assert.deepStrictEqual(summaryOf(last).tokens, { input: 100, output: 50 })
    })
  )
})

describe("effect-aimd run: an API that is of no use", () => {
  it.scopedLive("ends with 5 where nobody answers, however few rows there are", () =>
    Effect.gen(function* () {
      const { input, out } = yield* files(2)
      const ended = yield* run(["run", input, "--out", out, "--url", "http://127.0.0.1:1", "--json"])
      assert.strictEqual(ended.code, 5, ended.stderr)
      assert.include(summaryOf(ended), { status: "dead", failed: 2, unfinished: 0 })
      assert.deepStrictEqual(
        lines(out).map(({ error }) => error?.code),
        ["connection_error", "connection_error"]
      )
    })
  )

  it.scopedLive("stops after so many failures in a row, and goes on when the API is well", () =>
    Effect.gen(function* () {
      let isWell = false
      const { url } = yield* serve((asked, response) =>
        isWell ? reply(response, 200, served(asked)) : reply(response, 502, {})
      )
      const { input, out } = yield* files(100)
      const args = ["run", input, "--out", out, "--url", url, "--pool-size", "1", "--give-up-after", "3", "--json"]
      const ended = yield* run(args)
      assert.strictEqual(ended.code, 5, ended.stderr)
      assert.match(summaryOf(ended).stopped ?? "", /3 failures in a row, the last: status 502/)
      assert.include(summaryOf(ended), { failed: 3, unfinished: 97, lines: 3 })
      isWell = true
      assert.strictEqual((yield* run(args)).code, 0)
      assert.deepStrictEqual(
        lines(out).map(({ response }) => response?.status_code),
        Array(100).fill(200)
      )
    })
  )

  it.scopedLive("stops at a wrong key, and at a quota that is used up", () =>
    Effect.gen(function* () {
      const quota = { error: { message: "You exceeded your current quota", code: "insufficient_quota" } }
      const { asked, url } = yield* serve((asked, response) =>
        asked.url.startsWith("/key") ? reply(response, 401, {}) : reply(response, 429, quota)
      )
      for (const [path, why] of [
        ["/key", /--key or OPENAI_API_KEY/],
        ["/quota", /quota is used up/]
      ] as const) {
        const { input, out } = yield* files(50)
        const before = asked.length
        const ended = yield* run(["run", input, "--out", out, "--url", url + path, "--pool-size", "1", "--json"])
        assert.strictEqual(ended.code, 5, ended.stderr)
        assert.match(summaryOf(ended).stopped ?? "", why)
        assert.strictEqual(asked.length - before, 1)
        // What the API said of the quota is there to read.
        const [first] = lines(out)
        if (path === "/quota") {
          assert.deepStrictEqual(
            [first?.response?.status_code, first?.response?.body, first?.error?.code],
            [429, quota, "quota_exhausted"]
          )
        }
      }
    })
  )
})

describe("effect-aimd run: what passes through", () => {
  it.scopedLive("keeps every digit of what is sent and of what is answered, now and when it goes on", () =>
    Effect.gen(function* () {
      const large = '{"seed":12345678901234567890}'
      const { asked, url } = yield* serve((_, response) => response.writeHead(200, json).end(`{\n "id": ${digits}\n}`))
      const path = yield* folder
      const input = write(path, "in.jsonl", `{"custom_id":"a","url":"/x","body":${large}}\n`)
      const args = ["run", input, "--out", `${path}/out.jsonl`, "--url", url]
      const ended = yield* run(args)
      assert.strictEqual(ended.code, 0, ended.stderr)
      const first = readFileSync(`${path}/out.jsonl`, "utf8")
      assert.include(first, `"body":{"id":${digits}}`)
      yield* run(args)
      assert.strictEqual(readFileSync(`${path}/out.jsonl`, "utf8"), first)
      assert.deepStrictEqual(
        asked.map(({ body }) => body),
        [large]
      )
    })
  )

  it.scopedLive("goes through the proxy of the environment, but for hosts of this machine", () =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((asked, response) => reply(response, 200, served(asked)))
      const proxy = yield* tunnel(url)
      const { input, out } = yield* files(2)
      const args = (to: string, out: string) => ["run", input, "--out", out, "--url", to, "--give-up-after", "1"]
      const env = { HTTP_PROXY: proxy.url }
      const through = yield* run(args("http://api.test:8080", out), { env })
      assert.deepStrictEqual([through.code, asked.length], [0, 2], through.stderr)
      assert.deepStrictEqual(new Set(proxy.asked), new Set(["api.test:8080"]))
      const own = yield* run(args(url, `${out}.own`), { env })
      assert.deepStrictEqual([own.code, asked.length, new Set(proxy.asked).size], [0, 4, 1], own.stderr)
      const wrong = yield* run(args(url, `${out}.wrong`), { env: { HTTPS_PROXY: "socks5://a" } })
      assert.strictEqual(wrong.code, 2)
      assert.match(wrong.stderr, /^effect-aimd: HTTPS_PROXY: expected a URL/)
    })
  )
})

describe("effect-aimd run: what is wrong is told, and nothing is sent or overwritten", () => {
  const wrong = (args: ReadonlyArray<string>, stdin = "") =>
    Effect.gen(function* () {
      const { asked, url } = yield* serve((asked, response) => reply(response, 200, served(asked)))
      const ended = yield* run([...args.slice(0, 2), "--url", url, ...args.slice(2)], { stdin })
      assert.strictEqual(ended.code, 2, ended.stderr)
      assert.deepStrictEqual([asked.length, ended.stdout], [0, ""])
      return ended.stderr.trim()
    })

  it.scopedLive("in the input", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const out = ["--out", `${path}/out.jsonl`]
      const twice = write(path, "twice.jsonl", batchLines(2) + batchLines(1))
      assert.strictEqual(
        yield* wrong(["run", twice, ...out]),
        `effect-aimd: ${twice}, line 3: the name "row-0" is on line 1 already`
      )
      const bad = write(path, "bad.jsonl", `${batchLines(1)}{oops\n`)
      assert.match(yield* wrong(["run", bad, ...out]), /^effect-aimd: .*bad\.jsonl, line 2: it is no JSON: /)
      const empty = write(path, "empty.jsonl", "\n")
      assert.strictEqual(yield* wrong(["run", empty, ...out]), `effect-aimd: ${empty}: there is no row in it`)
      const none = `${path}/none.jsonl`
      assert.strictEqual(
        yield* wrong(["run", none, ...out]),
        `effect-aimd: ${none}: it cannot be read: there is no such file or folder`
      )
      const csv = write(path, "rows.csv", "id,title\n1,a\n")
      assert.strictEqual(
        yield* wrong(["run", csv, ...out, "--body", '{"a":{{text}}}']),
        `effect-aimd: ${csv}, line 2: there is no field "text"; the fields are: id, title`
      )
      assert.match(yield* wrong(["run", "-", ...out]), /stdin: there is no row in it$/)
      assert.isFalse(existsSync(`${path}/out.jsonl.journal`) && readFileSync(`${path}/out.jsonl`, "utf8") !== "")
    })
  )

  it.scopedLive("in the options", () =>
    Effect.gen(function* () {
      const { input, out } = yield* files(1)
      const message = (...args: ReadonlyArray<string>) => wrong(["run", input, ...args])
      const wrongs: ReadonlyArray<readonly [args: ReadonlyArray<string>, why: RegExp]> = [
        [["--out", out, "--pool-size", "0"], /--pool-size: expected a whole number of at least 1, got "0"/],
        [["--out", out, "--timeout", "5 parsecs"], /--timeout: expected a duration such as 30s/],
        [["--out", out, "--header", "sk-secret"], /--header: expected a header as 'name: value'/],
        [["--out", out, "--max-cost", "5"], /--max-cost needs --price-input/],
        [["--out", out, "--body", "{{x}"], /--body: it is no JSON/],
        [["--out", out, "--format", "jsonl", "--method", "POST"], /a POST of rows of your own needs --body/],
        [["--out", out, "--body", "{{.}}", "--format", "batch"], /--body is for rows of your own/],
        [["--out", out, "--limit", "5/s"], /--limit and --latency are for --dry-run/],
        [["--out", input], /--out is the input itself/],
        [[], /--out is missing/],
        [["--out", out, "--nonsense"], /--nonsense/]
      ]
      for (const [args, why] of wrongs) assert.match(yield* message(...args), why)
      const ended = yield* run(["run", input, "--out", out, "--url", "nonsense"])
      assert.deepStrictEqual([ended.code, ended.stdout], [2, ""])
      assert.match(ended.stderr, /--url: expected an http or https URL/)
    })
  )

  it.scopedLive("in what is there already", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((asked, response) => reply(response, 200, served(asked)))
      const { input, out, path } = yield* files(3)
      assert.strictEqual((yield* run(["run", input, "--out", out, "--url", url])).code, 0)
      const [results, journal] = [readFileSync(out, "utf8"), readFileSync(`${out}.journal`, "utf8")]
      write(path, "requests.jsonl", batchLines(3).replace('"i":1', '"i":7'))
      const changed = yield* wrong(["run", input, "--out", out])
      assert.match(changed, /row "row-1" is not the one that was recorded under this name; .*--fresh/)
      assert.strictEqual(readFileSync(out, "utf8"), results)
      assert.isTrue(readFileSync(`${out}.journal`, "utf8").startsWith(journal))

      const foreign = write(path, "foreign.jsonl", "my own file\n")
      assert.match(yield* wrong(["run", input, "--out", foreign]), /foreign\.jsonl is there, and its journal .* is not/)
      assert.strictEqual(readFileSync(foreign, "utf8"), "my own file\n")
      write(path, "other.jsonl.journal", "my own file\n")
      assert.match(yield* wrong(["run", input, "--out", `${path}/other.jsonl`]), /no journal of this package.*--fresh/)
      assert.strictEqual(readFileSync(`${path}/other.jsonl.journal`, "utf8"), "my own file\n")
    })
  )

  it.scopedLive("as JSON, too", () =>
    Effect.gen(function* () {
      const none = yield* run(["run", "none.jsonl", "--out", "out.jsonl", "--json"])
      const error = "none.jsonl: it cannot be read: there is no such file or folder"
      assert.deepStrictEqual(JSON.parse(none.stdout), { exitCode: 2, status: "input", error })
      const option = yield* run(["run", "none.jsonl", "--json"])
      assert.deepInclude(JSON.parse(option.stdout), { exitCode: 2, status: "input" })
      assert.deepStrictEqual([none.code, option.code], [2, 2])
    })
  )

  it.scopedLive("with 6 where the results cannot be written", () =>
    Effect.gen(function* () {
      const { input, path } = yield* files(1)
      const ended = yield* run(["run", input, "--out", `${path}/no/such/folder.jsonl`])
      assert.deepStrictEqual([ended.code, ended.stdout], [6, ""])
      assert.match(ended.stderr, /folder\.jsonl cannot be written: there is no such file or folder/)
    })
  )
})

describe("effect-aimd", () => {
  it.scopedLive("has a help with examples and exit codes, without colours where nobody sees them", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* run(["run", "--help"])
      assert.strictEqual(code, 0)
      for (const part of [
        "Examples:",
        "effect-aimd run requests.jsonl --out results.jsonl",
        "Exit codes:",
        "--max-cost"
      ]) {
        assert.include(stdout, part)
      }
      assert.notInclude(stdout, "\u001b")
    })
  )

  it.scopedLive("tells how long a run would take, and sends nothing", () =>
    Effect.gen(function* () {
      const { input, out } = yield* files(120)
      const args = [
        "run",
        input,
        "--out",
        out,
        "--url",
        "http://127.0.0.1:1",
        "--dry-run",
        "--latency",
        "200ms",
        "--json"
      ]
      const limited = yield* run([...args, "--limit", "10/s"])
      assert.strictEqual(limited.code, 0, limited.stderr)
      const forecast = JSON.parse(limited.stdout) as { rows: number; seconds: number }
      assert.strictEqual(forecast.rows, 120)
      // A bucket of ten holds a second's worth: no client can have 120 through it in less than eleven seconds.
      assert.isAtLeast(forecast.seconds, 11)
      assert.isBelow(forecast.seconds, 20)
      assert.isFalse(existsSync(out))
    })
  )
})
