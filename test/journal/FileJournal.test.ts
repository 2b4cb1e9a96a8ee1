import { describe, it } from "@effect/vitest"
import { assert } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { FileJournal, type Journal } from "effect-aimd/journal"
import { VirtualTime } from "effect-aimd/testing"
import { makeDisk, type Disk, type Fate } from "../support/disk.js"
import { entryOf, letters, noMind, recall, record, trouble } from "./support.js"

const path = "run.jsonl"
const on = (disk: Disk, fate?: Fate) => {
  const layer = Layer.provideMerge(FileJournal.layer(path), disk.mount(fate))
  return <A, E, R>(program: Effect.Effect<A, E, Journal.Journal | R>) => Effect.provide(program, layer)
}
const header = '{"journal":"effect-aimd","version":1,"batch":"letters","fingerprint":""}\n'

/** A journal with rows a and b. */
const begun = Effect.gen(function* () {
  const disk = makeDisk()
  yield* on(disk)(record(["a", "b"]))
  return { disk, text: disk.text(path) ?? "" }
})

describe("FileJournal", () => {
  it.effect("writes lines of JSON: the header, who writes, and a finished row each", () =>
    Effect.gen(function* () {
      const { disk, text } = yield* begun
      const [first, second, row, ...rest] = text.split("\n")
      assert.strictEqual(`${first}\n`, header)
      assert.deepStrictEqual(Object.keys(JSON.parse(second ?? "") as object), ["run"])
      assert.deepStrictEqual(JSON.parse(row ?? ""), {
        stateId: "0",
        row: "61a1ae4bcb443094",
        exit: { _tag: "Success", value: "A" },
        submitIndex: 0,
        completeIndex: 0,
        submittedAt: 1,
        startedAt: 2,
        completedAt: 3,
        throttleWait: 4,
        attempts: 1
      })
      assert.strictEqual(rest.length, 2)
      assert.deepStrictEqual(disk.paths(), [path])
    })
  )

  it.effect("gives back what was recorded, and nothing for other rows", () =>
    Effect.gen(function* () {
      const { disk } = yield* begun
      assert.deepStrictEqual(yield* on(disk)(recall(["a", "b", "c"])), ["A", "B", undefined])
    })
  )

  it.effect("takes the last of two records of a row", () =>
    Effect.gen(function* () {
      const { disk, text } = yield* begun
      disk.put(path, text + `${text.split("\n")[2]}\n`.replace('"A"', '"again"'))
      assert.deepStrictEqual(yield* on(disk)(recall(["a"])), ["again"])
    })
  )

  it("drops a last line that was cut off, wherever that was, and goes on behind the last whole one", () => {
    const program = Effect.gen(function* () {
      const { text } = yield* begun
      for (let length = 0; length < text.length; length += 3) {
        const disk = makeDisk()
        disk.put(path, text.slice(0, length))
        const whole = text.slice(0, length).split("\n").length - 1
        const known = ["A", "B"].map((value, i) => (whole > i + 2 ? value : undefined))
        assert.deepStrictEqual(yield* on(disk)(recall(["a", "b"])), known)
        yield* on(disk)(record(["a", "b"]))
        assert.deepStrictEqual(yield* on(disk)(recall(["a", "b"])), ["A", "B"])
        for (const line of (disk.text(path) ?? "").trimEnd().split("\n")) JSON.parse(line)
      }
    })
    assert.deepStrictEqual(VirtualTime.run(program).exit, Exit.void)
  })

  it.effect("refuses a damaged line that is not the last, and leaves the file as it is", () =>
    Effect.gen(function* () {
      const { text } = yield* begun
      for (const damage of ["}", "[]", '{"other":1}', "\u0000\u0000"]) {
        const disk = makeDisk()
        const damaged = text.replace(/\n\{"stateId":"0".*\n/, `\n${damage}\n`)
        disk.put(path, damaged)
        const expected = `Corrupt: journal ${path}: line 3 is damaged; what comes before it is whole`
        assert.strictEqual(yield* on(disk)(trouble(recall(["a"]))), expected)
        assert.strictEqual(disk.text(path), damaged)
      }
    })
  )

  it.effect("refuses a record whose result is not what the schema says", () =>
    Effect.gen(function* () {
      const { disk, text } = yield* begun
      disk.put(path, text.replace('"value":"A"', '"value":1'))
      const error = yield* on(disk)(trouble(recall(["a"])))
      assert.match(error, /^Corrupt: journal run.jsonl: the record of row "0" is wrong: /)
    })
  )

  it.effect("refuses files that are not this journal, and leaves them as they are", () =>
    Effect.gen(function* () {
      const foreign = {
        "shopping list": "what is there is no journal of this package, and is left alone",
        'milk\n{"eggs":6}\n': "what is there is no journal of this package, and is left alone",
        [header.replace("letters", "words")]: 'it is of the batch "words", not of "letters"',
        [header.replace('"fingerprint":""', '"fingerprint":"v2"')]:
          'its results are of the fingerprint "v2", not of ""',
        [header.replace('"version":1', '"version":2')]: "its format has version 2, this package writes version 1",
        [header.replace(",", ", ")]: "its header was changed"
      }
      for (const [text, detail] of Object.entries(foreign)) {
        const disk = makeDisk()
        disk.put(path, text)
        assert.strictEqual(yield* on(disk)(trouble(recall(["a"]))), `Foreign: journal ${path}: ${detail}`)
        assert.strictEqual(disk.text(path), text)
        assert.deepStrictEqual(disk.paths(), [path])
      }
    })
  )

  it("keeps a second batch away as long as the first works, in the same process or another", () => {
    const disk = makeDisk()
    const program = Effect.gen(function* () {
      yield* on(disk)(letters(noMind))
      yield* Effect.sleep("1 hour")
      return yield* on(disk)(trouble(recall(["a"])))
    })
    assert.deepStrictEqual(
      VirtualTime.run(program).exit,
      Effect.runSyncExit(
        Effect.succeed(`InUse: journal ${path}: another process or batch works with it, as ${path}.lock says`)
      )
    )
  })

  it("takes over from a process that has died, after three heartbeats", () => {
    const disk = makeDisk()
    disk.put(`${path}.lock`, '{"token":"dead"}')
    const { elapsed, exit } = VirtualTime.run(on(disk)(recall(["a"])))
    assert.deepStrictEqual(exit, Exit.succeed([undefined]))
    assert.strictEqual(String(elapsed), "Duration(3s)")
    assert.deepStrictEqual(disk.paths(), [path])
  })

  it("stops a process that was taken for dead at its next write, and loses nothing", () => {
    const disk = makeDisk()
    const program = Effect.gen(function* () {
      const slow = yield* Effect.fork(
        Effect.scoped(
          on(disk)(
            Effect.gen(function* () {
              const keeper = yield* letters(noMind)
              yield* Effect.sleep("1 minute")
              return yield* trouble(keeper.commit([]))
            })
          )
        )
      )
      yield* Effect.sleep("1 second")
      // What a process does that has seen no sign of life.
      disk.put(`${path}.lock`, '{"token":"another"}')
      disk.put(path, `${disk.text(path)}{"run":"another"}\n`)
      return yield* slow
    })
    const { exit } = VirtualTime.run(program)
    assert.deepStrictEqual(
      exit,
      Exit.succeed(`InUse: journal ${path}: another process has written to it, or has moved it`)
    )
    assert.deepStrictEqual(disk.text(`${path}.lock`), '{"token":"another"}')
  })

  it("looks once a heartbeat whether anybody has changed the file, and stops where it was moved", () => {
    const operations: Array<string> = []
    const crash = (operation: string): undefined => void operations.push(operation)
    const disk = makeDisk()
    const program = Effect.gen(function* () {
      const keeper = yield* on(disk, { crash })(letters(noMind))
      const commit = (row: number) =>
        Effect.suspend(() => {
          operations.length = 0
          const write = Effect.zipRight(
            keeper.recall([{ row: "x", rowIndex: row, stateId: String(row) }]),
            keeper.commit([entryOf(row, Exit.succeed("X"))])
          )
          return Effect.map(write, () => operations.filter((one) => one === "stat").length)
        })
      const looks = [yield* commit(0)]
      yield* Effect.sleep("999 millis")
      looks.push(yield* commit(1))
      yield* Effect.sleep("1 millis")
      looks.push(yield* commit(2), yield* commit(3))
      // The same text in another file.
      disk.put(path, disk.text(path) ?? "")
      yield* Effect.sleep("1 second")
      return [looks, yield* trouble(commit(4))]
    })
    const { exit } = VirtualTime.run(Effect.scoped(program))
    const moved = `InUse: journal ${path}: another process has written to it, or has moved it`
    assert.deepStrictEqual(exit, Exit.succeed([[0, 0, 1, 0], moved]))
  })

  it("waits after each write until the disk has it, where that is wanted, and writes nothing of nothing", () => {
    const syncs = (sync: boolean | undefined) => {
      const operations: Array<string> = []
      const crash = (operation: string): undefined => void operations.push(operation)
      const layer = Layer.provide(FileJournal.layer(path, { sync }), makeDisk().mount({ crash }))
      const program = Effect.scoped(Effect.flatMap(letters(noMind), (keeper) => keeper.commit([])))
      const { exit } = VirtualTime.run(Effect.provide(program, layer))
      return [
        Exit.isSuccess(exit),
        ...["writeAll", "sync"].map((name) => operations.filter((one) => one === name).length)
      ]
    }
    assert.deepStrictEqual(
      [syncs(undefined), syncs(true)],
      [
        [true, 1, 0],
        [true, 1, 1]
      ]
    )
  })

  it.effect("says that the disk is full, and goes on when it is not", () =>
    Effect.gen(function* () {
      const { disk, text } = yield* begun
      let writes = 0
      // The third write: the lock, who writes, the rows.
      const fault = () => (++writes < 3 ? undefined : { share: 0.5, message: "no space left on device" })
      const error = yield* on(disk, { fault })(trouble(record(["a", "b", "c", "d"], 2)))
      assert.match(error, /^Write: journal run.jsonl: it cannot be written: .*no space left on device/)
      assert.isTrue(disk.text(path)?.startsWith(text))
      yield* on(disk)(record(["a", "b", "c", "d"], 2))
      assert.deepStrictEqual(yield* on(disk)(recall(["a", "b", "c", "d"])), ["A", "B", "C", "D"])
    })
  )
})
