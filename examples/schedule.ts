// The AIMD delay without a pool: a Schedule for Effect.retry, shared by all who call the same API.
// #region program
import { Console, Duration, Effect, Schedule } from "effect"
import { AimdThrottle, Capacity } from "effect-aimd"

let rejections = 3

const call = Effect.suspend(() =>
  rejections-- > 0 ? Effect.fail(new Capacity.CapacityError({ status: 503 })) : Effect.succeed("served")
)

const program = Effect.gen(function* () {
  const throttle = yield* AimdThrottle.make({ recoveryStep: "10 millis", maxDispatchDelay: "1 second" })
  const policy = AimdThrottle.schedule(throttle).pipe(Schedule.upTo("1 minute"))
  const answer = yield* call.pipe(Effect.retry(policy), Effect.tap(throttle.onSuccess))
  const { capacityRetries, totalThrottleTime } = yield* throttle.stats
  yield* Console.log(`${answer} after ${capacityRetries} retries and ${Duration.format(totalThrottleTime)}`)
})

await Effect.runPromise(program)
// #endregion program
