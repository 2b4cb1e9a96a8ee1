/** Runs that are stopped: by Ctrl-C, by their time, by a kill; and go on. Judged by what is asked, written and said. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Summary } from "../../cli/src/output/Summary.js"
import { batchLines, folder, lines, reply, run, serve, served, start, write } from "./support.js"

/** A server that answers the first so many requests, and keeps the others waiting until it is told. */
const sticking = (answered: number) =>
  Effect.gen(function* () {
    const held: Array<() => void> = []
    let isOpen = false
    let onStuck: (() => void) | undefined
    const stuck = new Promise<void>((resolve) => (onStuck = resolve))
    const server = yield* serve((asked, response) => {
      const answer = () => reply(response, 200, served(asked))
      if (isOpen || asked.nth <= answered) return answer()
      held.push(answer)
      onStuck?.()
    })
    const release = () => {
      isOpen = true
      for (const answer of held.splice(0)) answer()
    }
    return { ...server, stuck, release }
  })

const files = (count: number) =>
  Effect.map(folder, (path) => ({
    input: write(path, "requests.jsonl", batchLines(count)),
    out: `${path}/results.jsonl`
  }))

const names = (count: number) => Array.from({ length: count }, (_, i) => `row-${i}`)
const namesIn = (out: string) => lines(out).map(({ custom_id }) => custom_id)

describe("Ctrl-C", () => {
  it.scopedLive("once lets what is in flight end, keeps it, and says how to go on", () =>
    Effect.gen(function* () {
      const { asked, release, stuck, url } = yield* sticking(5)
      const { input, out } = yield* files(50)
      const args = ["run", input, "--out", out, "--url", url, "--pool-size", "2"]
      const running = yield* Effect.promise(() => start(args))
      yield* Effect.promise(async () => {
        await stuck
        running.kill("SIGINT")
        await running.says("stopping: interrupted")
        release()
      })
      const ended = yield* Effect.promise(() => running.ended)
      assert.strictEqual(ended.code, 130, ended.stderr)
      assert.match(ended.stdout, /To go on, run the same command again\.\n$/)
      // All that was asked was answered, and is there.
      assert.deepStrictEqual(namesIn(out), names(asked.length))
      const before = asked.length
      assert.strictEqual((yield* run(args)).code, 0)
      assert.deepStrictEqual([namesIn(out), asked.length], [names(50), 50])
      assert.isBelow(before, 10)
    })
  )

  it.scopedLive("twice ends at once, and what was finished is kept", () =>
    Effect.gen(function* () {
      const { asked, release, stuck, url } = yield* sticking(5)
      const { input, out } = yield* files(50)
      const args = ["run", input, "--out", out, "--url", url, "--pool-size", "1"]
      const running = yield* Effect.promise(() => start(args))
      yield* Effect.promise(async () => {
        await stuck
        running.kill("SIGINT")
        // The same key comes twice where npm passes it on: it counts once.
        running.kill("SIGINT")
        await running.says("Ctrl-C once more ends it at once")
        running.kill("SIGINT")
      })
      const ended = yield* Effect.promise(() => running.ended)
      assert.deepStrictEqual([ended.code, ended.stdout], [130, ""])
      assert.match(ended.stderr, /to go on, run the same command again\n$/)
      release()
      assert.strictEqual((yield* run(args)).code, 0)
      // One was in flight when it ended, and was asked again.
      assert.deepStrictEqual([namesIn(out), asked.length], [names(50), 51])
    })
  )

  it.scopedLive("bounds how long it waits for answers that do not come", () =>
    Effect.gen(function* () {
      const { stuck, url } = yield* sticking(3)
      const { input, out } = yield* files(10)
      const args = ["run", input, "--out", out, "--url", url, "--pool-size", "1", "--grace", "1ms", "--json"]
      const running = yield* Effect.promise(() => start(args))
      yield* Effect.promise(async () => {
        await stuck
        running.kill("SIGTERM")
      })
      const ended = yield* Effect.promise(() => running.ended)
      assert.strictEqual(ended.code, 143, ended.stderr)
      const { lines, status, unfinished } = JSON.parse(ended.stdout) as Summary
      assert.deepStrictEqual({ lines, status, unfinished }, { lines: 3, status: "terminated", unfinished: 7 })
      assert.deepStrictEqual(namesIn(out), names(3))
    })
  )
})

describe("--timeout", () => {
  it.scopedLive("stops with 4, and the same command goes on", () =>
    Effect.gen(function* () {
      const { asked, release, url } = yield* sticking(3)
      const { input, out } = yield* files(10)
      const args = ["run", input, "--out", out, "--url", url, "--pool-size", "1", "--grace", "1ms"]
      const ended = yield* run([...args, "--timeout", "1s", "--json"])
      assert.strictEqual(ended.code, 4, ended.stderr)
      assert.include(JSON.parse(ended.stdout), { status: "timeout", stopped: "--timeout is over" })
      release()
      assert.strictEqual((yield* run(args)).code, 0)
      assert.deepStrictEqual(namesIn(out), names(10))
      assert.isAtMost(asked.length, 11)
    })
  )
})

describe("A run that is killed", () => {
  it.scopedLive(
    "goes on, again and again: every row once, in order, at most --pool-size of them asked again each time",
    () =>
      Effect.gen(function* () {
        const [count, poolSize, kills] = [120, 8, [3, 30, 21, 40]]
        let next = 0
        let onKill: (() => void) | undefined
        const { asked, url } = yield* serve((asked, response) => {
          if (asked.nth % 41 === 0) return reply(response, 429, {}, { "retry-after-ms": "1" })
          // An answer of its own for each request.
          reply(response, asked.body === '{"i":50}' ? 400 : 200, { nth: asked.nth })
          if (asked.nth >= next) onKill?.()
        })
        const { input, out } = yield* files(count)
        const args = ["run", input, "--out", out, "--url", url, "--pool-size", String(poolSize)]
        let killed = 0
        for (const more of kills) {
          const running = yield* Effect.promise(() => start(args))
          next = asked.length + more
          onKill = () => {
            onKill = undefined
            running.kill("SIGKILL")
          }
          const ended = yield* Effect.promise(() => running.ended)
          if (ended.signal === "SIGKILL") killed += 1
          // At any time the file is a beginning of the whole.
          assert.deepStrictEqual(namesIn(out), names(namesIn(out).length))
        }
        onKill = undefined
        const ended = yield* run(args)
        assert.strictEqual(ended.code, 1, ended.stderr)
        assert.strictEqual(killed, kills.length)
        assert.deepStrictEqual(namesIn(out), names(count))
        const answers = lines(out).map(({ response }) => (response?.body as { nth: number }).nth)
        assert.strictEqual(new Set(answers).size, count)
        // Each row has the last answer that it was given.
        const last = new Map(asked.filter(({ nth }) => nth % 41 !== 0).map(({ body, nth }) => [body, nth]))
        assert.deepStrictEqual(
          answers,
          names(count).map((_, i) => last.get(`{"i":${i}}`))
        )
        const answered = asked.filter(({ nth }) => nth % 41 !== 0).length
        assert.isAtMost(answered - count, killed * poolSize)
      })
  )

  it.scopedLive("keeps others away while it lives", () =>
    Effect.gen(function* () {
      const { release, stuck, url } = yield* sticking(1)
      const { input, out } = yield* files(3)
      const args = ["run", input, "--out", out, "--url", url]
      const running = yield* Effect.promise(() => start(args))
      yield* Effect.promise(() => stuck)
      for (const more of [[], ["--fresh"]]) {
        const other = yield* run([...args, ...more])
        assert.strictEqual(other.code, 2)
        assert.match(other.stderr, /another process or batch works with it/)
      }
      release()
      assert.strictEqual((yield* Effect.promise(() => running.ended)).code, 0)
      assert.deepStrictEqual(namesIn(out), names(3))
    })
  )
})
