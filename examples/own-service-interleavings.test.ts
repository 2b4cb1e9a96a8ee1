// A service of one's own, without a pool: callers share an access token, and the one who meets a 401 renews it for all. It
// passes every ordinary test; among a thousand interleavings is one in which two callers renew at once.
import { assert, describe, it } from "@effect/vitest"
import { Data, Deferred, Effect, Ref, Schedule } from "effect"
import { VirtualTime } from "effect-aimd/testing"

class Unauthorized extends Data.TaggedError("Unauthorized") {}
class LoggedInTwice extends Data.TaggedError("LoggedInTwice") {}

/** An API whose calls and logins take a while. */
const makeApi = () => {
  let valid = 1
  return {
    login: Effect.zipRight(
      Effect.sleep("20 millis"),
      Effect.sync(() => ++valid)
    ),
    call: (token: number) =>
      Effect.flatMap(Effect.sleep("10 millis"), () =>
        token === valid ? Effect.succeed("served") : new Unauthorized()
      ),
    logins: () => valid - 1
  }
}

// #region service
type Renewal = Deferred.Deferred<void>

/** Returns the renewal that is under way. If there is none, `mine` becomes the renewal. */
const naive = (current: Ref.Ref<Renewal | undefined>, mine: Renewal) =>
  Effect.gen(function* () {
    const underWay = yield* Ref.get(current)
    if (underWay === undefined) yield* Ref.set(current, mine)
    return underWay
  })

const atomic = (current: Ref.Ref<Renewal | undefined>, mine: Renewal) =>
  Ref.modify(current, (underWay) => [underWay, underWay ?? mine])

const makeService = (api: ReturnType<typeof makeApi>, join: typeof naive) =>
  Effect.gen(function* () {
    const token = yield* Ref.make(0)
    const current = yield* Ref.make<Renewal | undefined>(undefined)
    const renew = Effect.gen(function* () {
      const mine = yield* Deferred.make<void>()
      const underWay = yield* join(current, mine)
      if (underWay !== undefined) return yield* Deferred.await(underWay)
      yield* Ref.set(token, yield* api.login)
      yield* Ref.set(current, undefined)
      yield* Deferred.succeed(mine, undefined)
    })
    const call = Effect.tapError(Effect.flatMap(Ref.get(token), api.call), () => renew)
    return { call: Effect.retry(call, Schedule.recurs(2)) }
  })
// #endregion service

// #region explore
const program = (join: typeof naive) =>
  Effect.gen(function* () {
    const api = makeApi()
    const service = yield* makeService(api, join)
    yield* Effect.all([service.call, service.call, service.call], { concurrency: "unbounded" })
    if (api.logins() > 1) return yield* new LoggedInTwice()
  })

describe("A token that is renewed for all", () => {
  it("passes as it is run every day", VirtualTime.test(program(naive)))

  it("is renewed twice in one interleaving of a thousand", () => {
    const { failure } = VirtualTime.explore(program(naive), { seeds: 1000, preemption: 0.05 })
    assert.match(failure?.message ?? "", /LoggedInTwice[^]*replay it with\s+VirtualTime\.run\(program, /)
  })

  it(
    "is renewed once where joining is one step",
    VirtualTime.testAll(program(atomic), { seeds: 1000, preemption: 0.05 })
  )
})
// #endregion explore
