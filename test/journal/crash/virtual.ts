/** Thousands of crashes in virtual time: at any operation on the disk, in the middle of a write, at any instant. */
import { assert } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Layer, Option, Random, Schema } from "effect"
import { Capacity, PooledExecutor } from "effect-aimd"
import { FileJournal, Journal, JournalError } from "effect-aimd/journal"
import { VirtualTime } from "effect-aimd/testing"
import { makeDisk, type Fate } from "../../support/disk.js"

const rows = Array.from({ length: 60 }, (_, i) => `row ${i}`)
const poolSize = 8
const path = "run.jsonl"

type Death = "operation" | "instant" | "full" | "none"

/** One process of many: how it ends, what it has asked for, and what came out of it. */
interface Life {
  readonly death: Death
  readonly asked: Set<number>
  readonly exit: Exit.Exit<ReadonlyArray<number>, unknown> | undefined
}

class Refused extends Schema.TaggedError<Refused>()("Refused", { why: Schema.String }) {}

/** A world of one seed: lives until the batch is done. */
const world = (seed: number) => {
  const chance = Random.make(seed)
  const below = (most: number) => Effect.runSync(chance.nextIntBetween(0, most))
  const disk = makeDisk()
  const lives = new Array<Life>()
  /** The last answer that each row got; each answer is another. */
  const answers = new Map<number, number>()
  let given = 0

  const live = (death: Death) =>
    Effect.gen(function* () {
      const asked = new Set<number>()
      const end = yield* Deferred.make<void>()
      let alive = true
      let operations = 1 + below(45)
      const isAlive = (): boolean => alive
      const die = (): void => {
        alive = false
        Deferred.unsafeDone(end, Exit.void)
      }
      const fate: Fate = {
        latency: () => below(4),
        crash: () => {
          if (alive && death === "operation" && --operations === 0) die()
          return alive ? undefined : below(101) / 100
        },
        fault: () =>
          death === "full" && --operations <= 0 ? { share: below(100) / 100, message: "no space left" } : undefined
      }
      const ask = (rowIndex: number) =>
        Effect.gen(function* () {
          yield* Effect.sleep(1 + below(20))
          if (below(10) === 0) return yield* new Capacity.CapacityError({ status: 429 })
          if (alive) {
            asked.add(rowIndex)
            answers.set(rowIndex, ++given)
          }
          return rowIndex % 20 === 7 ? yield* new Refused({ why: String(given) }) : given
        })
      const batch = Effect.gen(function* () {
        const pool = yield* PooledExecutor.make({ poolSize })
        const { entries } = yield* pool.executeBatch(rows, (_, { rowIndex }) => ask(rowIndex), {
          stateId: (row) => row,
          journal: Journal.batch({ id: "crash", success: Schema.Number, failure: Refused })
        })
        return entries.map(({ exit }) => Exit.match(exit, { onFailure: refusal, onSuccess: (value) => value }))
      }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(FileJournal.layer(path), disk.mount(fate))))
      if (death === "instant") {
        const killed = Effect.map(Effect.sleep(1 + below(300)), die)
        yield* Effect.forkScoped(killed)
      }
      const exit = yield* Effect.raceFirst(
        Effect.asSome(Effect.exit(batch)),
        Effect.as(Deferred.await(end), Option.none())
      )
      // Whatever a dead process says.
      lives.push({ death, asked, exit: isAlive() ? Option.getOrUndefined(exit) : undefined })
    }).pipe(Effect.scoped)

  const done = () => lives.some(({ exit }) => exit !== undefined && Exit.isSuccess(exit))
  const program = Effect.gen(function* () {
    for (let life = 0; !done(); life++) {
      const deaths = ["operation", "instant", "operation", "full"] as const
      yield* live(life < 20 ? (deaths[below(4)] ?? "none") : "none")
    }
  })
  return { program, disk, lives, answers }
}

const refusal = (cause: Cause.Cause<unknown>): number => {
  const error = Cause.squash(cause)
  return error instanceof Refused ? Number(error.why) : NaN
}

/** What is wrong with a world, a line for each. */
const wrongs = ({ answers, disk, lives }: ReturnType<typeof world>): ReadonlyArray<string> => {
  const lines = new Array<string>()
  lives.forEach(({ asked, death, exit }, life) => {
    const again = [...asked].filter((row) => lives.slice(life + 1).some((later) => later.asked.has(row)))
    if (again.length > poolSize) lines.push(`${again.length} answers were lost with life ${life}`)
    if (exit === undefined || Exit.isSuccess(exit)) return
    const error = Cause.squash(exit.cause)
    const isFull = death === "full" && error instanceof JournalError.JournalError && error.reason === "Write"
    if (!isFull) lines.push(`life ${life} (${death}) failed: ${String(exit.cause)}`)
  })
  const results = Option.fromNullable(lives.at(-1)?.exit).pipe(
    Option.map(Exit.getOrElse((): ReadonlyArray<number> => [])),
    Option.getOrElse(() => [])
  )
  if (results.length !== rows.length) lines.push(`${results.length} results`)
  results.forEach((result, row) => {
    if (result !== answers.get(row)) lines.push(`row ${row} has ${result}, its last answer was ${answers.get(row)}`)
  })
  // Who died between the two steps of a takeover leaves a lock behind that nobody looks at.
  const paths = disk.paths().filter((name) => !name.startsWith(`${path}.lock.`))
  if (paths.length !== 1) lines.push(`on the disk are ${paths.join(", ")}`)
  for (const line of (disk.text(path) ?? "").trimEnd().split("\n")) JSON.parse(line)
  return lines
}

/** Lives through the worlds of these seeds; returns how many processes have died in them. */
export const liveThrough = (first: number, last: number): number => {
  let deaths = 0
  for (let seed = first; seed <= last; seed++) {
    const lived = world(seed)
    const { exit } = VirtualTime.run(lived.program, { seed, interleaving: "random" })
    assert.deepStrictEqual({ seed, exit, wrong: wrongs(lived) }, { seed, exit: Exit.void, wrong: [] })
    deaths += lived.lives.filter(({ death }) => death !== "none").length
  }
  return deaths
}
