// Streams so many rows from a generator, in a process that does nothing else and loads nothing but the package; prints what a
// row took and the most memory that the process had. JavaScript, so that no loader is in that memory.
import { Effect, Stream } from "effect"
import { PooledExecutor } from "effect-aimd"

const [rows, poolSize] = process.argv.slice(2).map(Number)

function* generate() {
  for (let row = 0; row < rows; row++) yield row
}

let next = 0
let most = 0
const take = (chunk) =>
  Effect.sync(() => {
    for (const { submitIndex } of chunk) {
      if (submitIndex !== next++) throw new Error(`entry ${submitIndex} comes as number ${next - 1}`)
    }
    most = Math.max(most, process.memoryUsage.rss())
  })
const program = Effect.gen(function* () {
  const pool = yield* PooledExecutor.make({ poolSize })
  yield* Stream.runForEachChunk(
    pool.stream(generate(), (row) => Effect.succeed(row * 2)),
    take
  )
}).pipe(Effect.scoped)

const start = performance.now()
await Effect.runPromise(program)
const micros = ((performance.now() - start) * 1000) / rows
if (next !== rows) throw new Error(`${next} entries for ${rows} rows`)
console.log(JSON.stringify({ micros, megabytes: most / 1e6 }))
