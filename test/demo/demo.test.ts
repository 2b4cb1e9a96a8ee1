import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { Command, FileSystem } from "@effect/platform"
import * as Cli from "../../examples/demo/cli.js"
import * as Corpus from "../../examples/demo/corpus.js"
import * as Hashing from "../../examples/demo/hashing.js"
import type { Summary } from "../../examples/demo/summary.js"
import { demo, garbage, limited, live, read, refused, serve, served, start } from "./support.js"

const summaryOf = (stdout: ReadonlyArray<string>) => JSON.parse(stdout.join("")) as Summary

const upTo = (rows: number) => Array.from({ length: rows }, (_, i) => i)

describe("Demo: a run", () => {
  it.scopedLive("embeds rows on the local server, and answers questions from them", () =>
    Effect.gen(function* () {
      const { exit, files, stdout } = yield* demo("--limit", "50", "--json")
      const summary = summaryOf(stdout)
      assert.strictEqual(exit, 0)
      assert.include(summary, { rows: 50, succeeded: 50, failed: 0, unfinished: 0, stopped: null })
      const rows = (yield* Corpus.read).slice(0, 50)
      assert.deepStrictEqual(
        files.results,
        rows.map((row, submitIndex) => ({
          submitIndex,
          stateId: Corpus.stateId(row),
          ...row,
          embedding: Hashing.embed(Corpus.input(row), 1024)
        }))
      )
      assert.deepStrictEqual(
        summary.answers.map(({ nearest }) => nearest.length),
        [3, 3, 3, 3]
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("retries 429s, and leaves a result and an audit record for each row, in order", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((nth) => (nth % 3 === 0 && nth <= 12 ? limited : served))
      const { exit, files, stdout } = yield* demo("--url", url, "--limit", "40", "--json")
      const summary = summaryOf(stdout)
      assert.strictEqual(exit, 0)
      assert.include(summary, { rows: 40, succeeded: 40, failed: 0, attempts: 44, capacityRetries: 4 })

      const rows = (yield* Corpus.read).slice(0, 40)
      assert.deepStrictEqual(
        files.results.map(({ stateId }) => stateId),
        rows.map(Corpus.stateId)
      )
      assert.deepStrictEqual(
        files.audit.map(({ outcome, stateId, submitIndex }) => [submitIndex, stateId, outcome]),
        rows.map((row, i) => [i, Corpus.stateId(row), "success"])
      )
      assert.deepStrictEqual(
        files.audit.map(({ completeIndex }) => Number(completeIndex)).sort((a, b) => a - b),
        upTo(40)
      )
      const attempts = files.audit.map((record) => Number(record["attempts"]))
      assert.strictEqual(
        attempts.reduce((sum, n) => sum + n, 0),
        44
      )
      assert.deepStrictEqual(
        files.audit.map(({ lastStatus }) => lastStatus),
        attempts.map((n) => (n > 1 ? 429 : undefined))
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("prints a summary for people, and progress beside it", () =>
    Effect.gen(function* () {
      const { exit, stderr, stdout } = yield* demo("--limit", "5", "--pool-size", "2")
      assert.strictEqual(exit, 0)
      assert.match(stdout.join(""), /^\n5 of 5 rows done in [\d.]+ s .*, 0 failed, 0 unfinished\n5 attempts, /)
      // A slow machine has time for lines of progress behind it.
      assert.match(stderr(), /^5 doc comments, 2 at a time, to http:\/\/127\.0\.0\.1:\d+\/v1\n/)
    }).pipe(Effect.provide(live))
  )
})

describe("Demo: bad input ends with one message and exit code 1", () => {
  const message = (...args: ReadonlyArray<string>) =>
    Effect.map(demo(...args), ({ exit, stderr, stdout }) => {
      assert.strictEqual(exit, 1)
      assert.deepStrictEqual(stdout, [])
      return stderr()
        .replace(/^\d+ doc comments.*\n/, "")
        .trim()
    })

  it.scopedLive("options out of range", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* message("--pool-size", "0"), "--pool-size: expected an integer of at least 1, got 0")
      assert.strictEqual(yield* message("--limit", "-1"), "--limit: expected an integer of at least 1, got -1")
      assert.strictEqual(
        yield* message("--url", "nonsense"),
        "--url: expected a base URL such as https://api.openai.com/v1, got nonsense"
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("an unwritable folder", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* message("--out", "package.json/out"),
        "demo: cannot write package.json/out: a file is in the way; choose another folder with --out"
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("an unreachable URL", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        yield* message("--url", "http://127.0.0.1:1/v1"),
        "demo: cannot reach http://127.0.0.1:1/v1/embeddings: connect ECONNREFUSED 127.0.0.1:1"
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("a 401, after one request", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* serve(() => refused(401))
      assert.strictEqual(
        yield* message("--url", url),
        `demo: ${url}/embeddings answered 401: because 401 (give the right key with --key or OPENAI_API_KEY)`
      )
      assert.strictEqual(requests(), 1)
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("malformed JSON, after one request", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* serve(() => garbage)
      assert.strictEqual(
        yield* message("--url", url),
        `demo: ${url}/embeddings answered without an embedding; is it OpenAI-compatible? It said: <html>welcome</html>`
      )
      assert.strictEqual(requests(), 1)
    }).pipe(Effect.provide(live))
  )
})

describe("Demo: a run that does not go well", () => {
  it.scopedLive("writes the other rows where one fails, and exits with 1", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((nth) => (nth === 4 ? garbage : nth === 5 ? refused(500) : served))
      const { exit, files, stdout } = yield* demo("--url", url, "--limit", "6", "--pool-size", "1", "--json")
      assert.strictEqual(exit, 1)
      assert.include(summaryOf(stdout), { rows: 6, succeeded: 4, failed: 2, unfinished: 0, stopped: null })
      assert.deepStrictEqual(
        files.results.map(({ submitIndex }) => submitIndex),
        [0, 1, 4, 5]
      )
      assert.deepStrictEqual(
        files.audit.map(({ error }) => error),
        [undefined, undefined, "MalformedAnswerError", "ApiError", undefined, undefined]
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("stops at a 401 in the middle, and keeps what is done", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* serve((nth) => (nth > 3 ? refused(401) : served))
      const { exit, files, stdout } = yield* demo("--url", url, "--pool-size", "1", "--limit", "1000", "--json")
      const summary = summaryOf(stdout)
      assert.strictEqual(exit, 1)
      assert.match(summary.stopped ?? "", /answered 401/)
      assert.strictEqual(summary.succeeded, 2)
      assert.strictEqual(summary.failed + summary.unfinished, 998)
      assert.isBelow(requests(), 10)
      assert.deepStrictEqual([files.results.length, files.audit.length], [2, 1000])
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("stops after 20 failures in a row", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* serve((nth) => (nth > 1 ? refused(500) : served))
      const { exit, stdout } = yield* demo("--url", url, "--pool-size", "1", "--limit", "1000", "--json")
      assert.strictEqual(exit, 1)
      assert.match(summaryOf(stdout).stopped ?? "", /^20 failures in a row; the last: .* answered 500: because 500$/)
      assert.isBelow(requests(), 30)
    }).pipe(Effect.provide(live))
  )
})

describe("Demo: Ctrl-C", () => {
  /** A server that serves the probe and seven rows and then answers no more; `stuck` tells when. */
  const sticking = Effect.gen(function* () {
    const stuck = yield* Deferred.make<void>()
    const { url } = yield* serve((nth) =>
      nth <= 8 ? served : Effect.zipRight(Deferred.succeed(stuck, undefined), Effect.never)
    )
    const out = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
    const args = ["--url", url, "--out", out, "--pool-size", "1", "--limit", "500", "--json"]
    return { args, out, stuck: Deferred.await(stuck) }
  })

  it.scopedLive("gives up answers that do not come, writes what is done, and says so", () =>
    Effect.gen(function* () {
      const { args, out, stuck } = yield* sticking
      const run = yield* start(args)
      const fiber = yield* Effect.fork(run.main)
      yield* stuck
      const exit = yield* Fiber.interrupt(fiber)
      assert.strictEqual(Cli.exitCode(exit), 130)
      assert.include(summaryOf(run.stdout), { succeeded: 7, failed: 0, unfinished: 493, stopped: "interrupted" })
      assert.match(run.stderr(), /stopping: interrupted\n$/)
      const { audit, results } = yield* read(out)
      assert.deepStrictEqual(
        results.map(({ submitIndex }) => submitIndex),
        upTo(7)
      )
      assert.deepStrictEqual(
        audit.map(({ error }) => error),
        upTo(500).map((i) => (i < 7 ? undefined : "PoolShutdownError"))
      )
    }).pipe(Effect.provide(live))
  )

  it.scopedLive("ends the process with 130, also where it arrives twice as it does under tsx", () =>
    Effect.gen(function* () {
      const { args, out, stuck } = yield* sticking
      const program = Command.make(process.execPath, "--import", "tsx", "examples/demo/main.ts", ...args)
      const child = yield* Command.start(program)
      const stdout = yield* Effect.fork(Stream.mkString(Stream.decodeText(child.stdout)))
      yield* stuck
      process.kill(child.pid, "SIGINT")
      yield* child.stderr.pipe(
        Stream.decodeText(),
        Stream.splitLines,
        Stream.takeUntil((line) => line.startsWith("stopping")),
        Stream.runDrain
      )
      process.kill(child.pid, "SIGINT")
      assert.strictEqual(yield* child.exitCode, 130)
      assert.include(summaryOf([yield* Fiber.join(stdout)]), {
        succeeded: 7,
        unfinished: 493,
        stopped: "interrupted"
      })
      const { audit, results } = yield* read(out)
      assert.deepStrictEqual([results.length, audit.length], [7, 500])
    }).pipe(Effect.provide(live))
  )
})
