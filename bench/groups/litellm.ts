/**
 * The router of LiteLLM, restated from its documentation (docs.litellm.ai/docs/routing: strategies, cooldowns, retries), and
 * from its sources where that says too little. Credit for the strategies is theirs.
 *
 * - `simple-shuffle`, the default: a random deployment, by the weight of its `rpm` where it has one
 * - `least-busy`: the one with the fewest calls in flight
 * - `usage-based-routing`: the one with the lowest usage this minute, of those under their `rpm`
 * - `latency-based-routing`: the one with the lowest mean of ten latencies, those not used yet first
 *
 * Every strategy picks among the deployments that do not cool down. One cools down for 5 seconds after a 429, and after more
 * than half of its calls of this minute have failed. A call that was rejected is made again at once while another deployment
 * is there; else after half a second, doubled each time up to 8, or what the answer asks for. Here it is made again until it
 * is served, where LiteLLM would give up after two retries: so no row is lost, and all of them can be compared.
 */
import { Clock, Duration, Effect, Option, Random } from "effect"
import type { Capacity } from "effect-aimd"

export const strategies = ["simple-shuffle", "least-busy", "usage-based-routing", "latency-based-routing"] as const

export type Strategy = (typeof strategies)[number]

interface Deployment {
  readonly name: string
  readonly rpm: number | undefined
  inFlight: number
  coolsUntil: number
  minute: number
  /** Calls of this minute that were served, and that failed. */
  served: number
  failed: number
  latencies: Array<number>
}

const cooldown = 5000
const mostLatencies = 10

export interface Router {
  readonly run: <A>(call: (deployment: string) => Effect.Effect<A, Capacity.CapacityError>) => Effect.Effect<A>
}

export const make = (
  strategy: Strategy,
  servers: ReadonlyArray<{ readonly name: string; readonly rpm: number | undefined }>
): Router => {
  const deployments: ReadonlyArray<Deployment> = servers.map(({ name, rpm }) => ({
    name,
    rpm,
    inFlight: 0,
    coolsUntil: 0,
    minute: 0,
    served: 0,
    failed: 0,
    latencies: []
  }))

  const turnMinute = (now: number): void => {
    const minute = Math.floor(now / 60_000)
    for (const deployment of deployments) {
      if (deployment.minute === minute) continue
      Object.assign(deployment, { minute, served: 0, failed: 0 })
    }
  }

  const healthy = (now: number): ReadonlyArray<Deployment> => deployments.filter(({ coolsUntil }) => coolsUntil <= now)

  const pick = (now: number): Effect.Effect<Deployment | undefined> => {
    turnMinute(now)
    const some = healthy(now)
    const first = some[0]
    if (first === undefined) return Effect.succeed(undefined)
    switch (strategy) {
      case "simple-shuffle": {
        const weights = some.map(({ rpm }) => (first.rpm === undefined ? 1 : (rpm ?? 0)))
        return Effect.map(Random.next, (drawn) => {
          let left = drawn * weights.reduce((sum, weight) => sum + weight, 0)
          return some.find((_, i) => (left -= weights[i] ?? 0) < 0) ?? first
        })
      }
      case "least-busy":
        return Effect.succeed(some.reduce((best, other) => (other.inFlight < best.inFlight ? other : best)))
      case "usage-based-routing": {
        const under = some.filter(({ rpm = Infinity, served }) => served + 1 < rpm)
        return Effect.succeed(
          under.length === 0 ? undefined : under.reduce((best, other) => (other.served < best.served ? other : best))
        )
      }
      case "latency-based-routing": {
        const mean = ({ latencies }: Deployment): number =>
          latencies.reduce((sum, latency) => sum + latency, 0) / Math.max(1, latencies.length)
        const under = some.filter(({ rpm = Infinity, served }) => served + 1 <= rpm)
        if (under.length === 0) return Effect.succeed(undefined)
        return Effect.map(Random.shuffle(under), (shuffled) =>
          [...shuffled].reduce((best, other) => (mean(other) < mean(best) ? other : best))
        )
      }
    }
  }

  const failed = (deployment: Deployment, status: number, now: number): void => {
    turnMinute(now)
    deployment.failed += 1
    const calls = deployment.served + deployment.failed
    if (status === 429 || (calls > 1 && deployment.failed / calls > 0.5)) deployment.coolsUntil = now + cooldown
  }

  const run = <A>(call: (deployment: string) => Effect.Effect<A, Capacity.CapacityError>): Effect.Effect<A> => {
    const attempt = (retries: number): Effect.Effect<A> =>
      Effect.gen(function* () {
        const startedAt = yield* Clock.currentTimeMillis
        const deployment = yield* pick(startedAt)
        // "No deployments available for selected model, Try again in 5 seconds."
        if (deployment === undefined) {
          yield* Effect.sleep(cooldown)
          return yield* attempt(retries)
        }
        deployment.inFlight += 1
        const exit = yield* Effect.either(call(deployment.name))
        deployment.inFlight -= 1
        const now = yield* Clock.currentTimeMillis
        if (exit._tag === "Right") {
          turnMinute(now)
          deployment.served += 1
          if (deployment.latencies.length < mostLatencies) deployment.latencies.push(now - startedAt)
          else deployment.latencies[mostLatencies - 1] = now - startedAt
          return exit.right
        }
        failed(deployment, exit.left.status, now)
        if (healthy(now).length === 0) {
          const backoff = Math.min(8000, 500 * 2 ** retries)
          const asked = Option.fromNullable(exit.left.retryAfter).pipe(
            Option.map(Duration.toMillis),
            Option.filter((millis) => millis > 0 && millis <= 60_000)
          )
          yield* Effect.sleep(Option.getOrElse(asked, () => backoff))
        }
        return yield* attempt(retries + 1)
      })
    return attempt(0)
  }

  return { run }
}
