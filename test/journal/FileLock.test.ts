import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit } from "effect"
import { VirtualTime } from "effect-aimd/testing"
import * as FileLock from "../../src/journal/FileLock.js"
import { makeDisk, type Disk, type Fate } from "../support/disk.js"
import { trouble } from "./support.js"

const path = "run.jsonl.lock"

/** What Linux says of a process: its number, its name, its state, and in the 22nd place when it was started. */
const stat = (pid: number, state: string, started: number, name = "node"): string =>
  `${pid} (${name}) ${state} ${Array.from({ length: 18 }, (_, i) => i).join(" ")} ${started} 0 0\n`

/** A disk of a machine on which this process is number 7, started at 100. */
const machine = (others: Readonly<Record<number, string>> = {}): Disk => {
  const disk = makeDisk()
  disk.put("/proc/self/stat", stat(7, "R", 100))
  disk.put("/proc/sys/kernel/random/boot_id", "boot-1\n")
  disk.put("/proc/self/ns/pid", "pid:[1]")
  for (const [pid, text] of Object.entries(others)) disk.put(`/proc/${pid}/stat`, text)
  return disk
}
const lockOf = (pid: number, started: number, boot = "boot-1") =>
  JSON.stringify({
    token: "other",
    process: { pid: String(pid), started: String(started), machine: `${boot} pid:[1]` }
  })

const acquire = Effect.flatMap(FileSystem.FileSystem, (fs) => FileLock.acquire(fs, "run.jsonl", Duration.seconds(1)))

/** Takes the lock, gives it back, and says how that went, and how many milliseconds it took. */
const take = (disk: Disk, fate?: Fate) => {
  const taken = Effect.as(Effect.scoped(acquire), "taken")
  const { elapsed, exit } = VirtualTime.run(
    Effect.catchAll(Effect.provide(taken, disk.mount(fate)), (error) => trouble(Effect.fail(error)))
  )
  return [Exit.getOrElse(exit, String), Duration.toMillis(elapsed)] as const
}
const inUse = `InUse: journal run.jsonl: another process or batch works with it, as ${path} says`

describe("The lock of a journal", () => {
  it("names the process that has it while it has it, and is gone afterwards", () => {
    const disk = machine()
    const seen = Effect.scoped(Effect.map(acquire, () => disk.text(path)))
    const { exit } = VirtualTime.run(Effect.provide(seen, disk.mount()))
    const text = Exit.getOrElse(exit, String) ?? ""
    const { process, token } = JSON.parse(text) as { process: unknown; token: string }
    assert.deepStrictEqual(process, { pid: "7", started: "100", machine: "boot-1 pid:[1]" })
    assert.match(token, /^[0-9a-f]{32}$/)
    assert.isUndefined(disk.text(path))
  })

  const holders: ReadonlyArray<readonly [what: string, disk: Disk, lock: string, said: string, millis: number]> = [
    ["that lives keeps it", machine({ 8: stat(8, "S", 200) }), lockOf(8, 200), inUse, 0],
    [
      "with a name of blanks and brackets keeps it",
      machine({ 8: stat(8, "S", 200, "a) Z (b") }),
      lockOf(8, 200),
      inUse,
      0
    ],
    ["that is gone loses it at once", machine(), lockOf(8, 200), "taken", 0],
    ["whose number another has by now loses it at once", machine({ 8: stat(8, "S", 201) }), lockOf(8, 200), "taken", 0],
    [
      "that was killed and not asked for loses it at once",
      machine({ 8: stat(8, "Z", 200) }),
      lockOf(8, 200),
      "taken",
      0
    ],
    ["that is dead loses it at once", machine({ 8: stat(8, "X", 200) }), lockOf(8, 200), "taken", 0],
    ["of another machine loses it after three heartbeats", machine(), lockOf(8, 200, "boot-2"), "taken", 3000],
    ["that says nothing of itself loses it after three heartbeats", machine(), '{"token":"old"}', "taken", 3000],
    ["that cannot be read loses it after three heartbeats", machine(), "{", "taken", 3000],
    [
      "loses it after three heartbeats where this process knows nothing of itself",
      makeDisk(),
      lockOf(8, 200),
      "taken",
      3000
    ]
  ]
  for (const [what, disk, lock, said, millis] of holders) {
    it(`of a process ${what}`, () => {
      disk.put(path, lock)
      assert.deepStrictEqual(take(disk), [said, millis])
      assert.strictEqual(disk.text(path), said === "taken" ? undefined : lock)
    })
  }

  it("is given back where somebody else has taken it meanwhile, and is in use after three tries", () => {
    const disk = machine()
    disk.put(path, lockOf(8, 200))
    let renames = 0
    const crash = (operation: string): undefined => {
      // Just before it is taken away, another process does so, and dies as well.
      if (operation === "rename" && ++renames % 2 === 1) disk.put(path, lockOf(9, renames))
    }
    assert.deepStrictEqual(take(disk, { crash }), [inUse, 0])
    assert.deepStrictEqual([renames, disk.text(path)], [6, lockOf(9, 5)])
  })

  it("is taken where its holder gives it back in the time that he is given", () => {
    const disk = machine()
    disk.put(path, '{"token":"old"}')
    const { elapsed, exit } = VirtualTime.run(
      Effect.provide(
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* Effect.fork(Effect.delay(fs.remove(path), "1 second"))
          yield* Effect.scoped(acquire)
        }),
        disk.mount()
      )
    )
    assert.deepStrictEqual([exit, Duration.toMillis(elapsed)], [Exit.void, 3000])
  })

  it("is left to him where its holder shows that he lives", () => {
    const disk = machine()
    disk.put(path, '{"token":"slow"}')
    const { elapsed, exit } = VirtualTime.run(
      Effect.provide(
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          yield* Effect.fork(Effect.delay(fs.utimes(path, new Date(2000), new Date(2000)), "2 seconds"))
          return yield* trouble(Effect.scoped(acquire))
        }),
        disk.mount()
      )
    )
    assert.deepStrictEqual([exit, Duration.toMillis(elapsed)], [Exit.succeed(inUse), 3000])
  })

  it("leaves no empty file behind where the disk is full, and one of somebody else alone", () => {
    const full = (share: number) => () => ({ share, message: "no space left" })
    const disk = machine()
    const [said] = take(disk, { fault: full(0) })
    assert.match(said, /^Write: journal run.jsonl: its lock cannot be written: .*no space left/)
    assert.isUndefined(disk.text(path))
    take(disk, { fault: full(0.5) })
    assert.match(disk.text(path) ?? "", /^\{"token"/)
  })

  it("is not taken from whoever has it by now when its old holder ends", () => {
    const disk = machine()
    const replaced = Effect.scoped(Effect.map(acquire, () => disk.put(path, "another")))
    assert.deepStrictEqual(VirtualTime.run(Effect.provide(replaced, disk.mount())).exit, Exit.void)
    assert.strictEqual(disk.text(path), "another")
  })
})
