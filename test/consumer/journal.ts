// Installed, compiled and run by `npm run package` in a project that holds @effect/platform besides the packed package.
import { KeyValueStore } from "@effect/platform"
import { PooledExecutor } from "effect-aimd"
import { Journal, KeyValueJournal } from "effect-aimd/journal"
import { Effect, Layer, Schema } from "effect"

let requests = 0
const batch = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize: 2 })
  const { entries } = yield* pool.executeBatch(["a", "b"], (row) => Effect.sync(() => `${row}${++requests}`), {
    journal: Journal.batch({ id: "letters", success: Schema.String })
  })
  return entries.map(({ exit }) => (exit._tag === "Success" ? exit.value : "failed"))
}).pipe(Effect.scoped)

const Live = KeyValueJournal.layer().pipe(Layer.provide(KeyValueStore.layerMemory))
const [first, second] = await Effect.runPromise(Effect.provide(Effect.all([batch, batch]), Live))
console.log(`first ${first.join(" ")}`)
console.log(`second ${second.join(" ")}`)
