/** A batch of a cluster in virtual time, at what each of its parts was measured to cost. */
import { Deferred, Duration, Effect, Exit, Ref } from "effect"
import { VirtualTime } from "effect-aimd/testing"

/** Milliseconds of processor time. */
export interface Costs {
  /** A row, at the process that works it. */
  readonly row: number
  /** A start, at the home of the pool's entity. */
  readonly start: number
  /** A row, and a chunk, at the database. */
  readonly written: number
  /** A chunk, from its beginning to its first row and from its last row to its end. */
  readonly chunk: number
}

export interface Plan {
  readonly rows: number
  readonly runners: number
  /** What the API allows in a second. */
  readonly perSecond: number
}

export interface Course {
  readonly hours: number
  /** What part of the time each was busy: the API, the busiest process, the home of the entity, the database. */
  readonly busy: Readonly<Record<"the API" | "a process" | "the entity" | "the database", number>>
}

/** Rows go through all parts in lots of so many. */
const lot = 200
const chunk = 1000
const chunksOfOne = 2

/** Does one thing at a time, and counts how long it did. */
const server = Effect.gen(function* () {
  const turn = yield* Effect.makeSemaphore(1)
  const busy = yield* Ref.make(0)
  return {
    busy: Ref.get(busy),
    work: (millis: number) =>
      turn.withPermits(1)(
        Effect.zipRight(
          Effect.sleep(Duration.millis(millis)),
          Ref.update(busy, (sum) => sum + millis)
        )
      )
  }
})

const run = (costs: Costs, { perSecond, rows, runners }: Plan) =>
  Effect.gen(function* () {
    const api = yield* server
    const entity = yield* server
    const database = yield* server
    const processes = yield* Effect.replicateEffect(server, runners)
    const left = yield* Ref.make(rows / chunk)
    const isDone = yield* Deferred.make<void>()
    const ended = yield* Ref.make(0)
    const begin = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const workers = processes.flatMap((process) =>
      Array.from({ length: chunksOfOne }, () =>
        Effect.gen(function* () {
          while ((yield* Ref.getAndUpdate(left, (count) => count - 1)) > 0) {
            yield* Effect.sleep(Duration.millis(costs.chunk))
            for (let done = 0; done < chunk; done += lot) {
              yield* entity.work(lot * costs.start)
              yield* Effect.all([api.work((1000 * lot) / perSecond), process.work(lot * costs.row)], { concurrency: 2 })
              yield* database.work(lot * costs.written)
            }
            if ((yield* Ref.updateAndGet(ended, (count) => count + 1)) === rows / chunk) {
              yield* Deferred.succeed(isDone, undefined)
            }
          }
        })
      )
    )
    yield* Effect.forEach(workers, Effect.fork)
    yield* Deferred.await(isDone)
    const millis = (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - begin
    const busiest = Math.max(...(yield* Effect.forEach(processes, ({ busy }) => busy)))
    return {
      hours: millis / 3_600_000,
      busy: {
        "the API": (yield* api.busy) / millis,
        "a process": busiest / millis,
        "the entity": (yield* entity.busy) / millis,
        "the database": (yield* database.busy) / millis
      }
    }
  })

export const simulate = (costs: Costs, plan: Plan): Course => {
  const { exit } = VirtualTime.run(run(costs, plan))
  if (Exit.isFailure(exit)) throw new Error(String(exit.cause))
  return exit.value
}
