/** A store that does what that of Redis does, whole milliseconds and errors included, and that can be lost, restored, cut off. */
import { RateLimiter } from "@effect/experimental"
import { type Clock, Duration, Effect } from "effect"

interface Kept {
  readonly count: number
  readonly expiresAt: number
}

export interface FakeRedis {
  readonly store: RateLimiter.RateLimiterStore["Type"]
  /** How many commands it has seen. */
  readonly commands: number
  /** It has lost all that it knew. */
  readonly forget: () => void
  /** It knows what it knew when this was called, and nothing of what came later. */
  readonly snapshot: () => () => void
}

const wrong = (message: string): RateLimiter.RateLimitStoreError => new RateLimiter.RateLimitStoreError({ message })

export const make = (clock: Clock.Clock): FakeRedis => {
  let keys = new Map<string, Kept>()
  let commands = 0

  /** `SET key count PX life`, and the answer: integers. */
  const set = (key: string, count: number, life: number, now: number) => {
    if (!Number.isInteger(life)) return Effect.fail(wrong("ERR value is not an integer or out of range"))
    if (life <= 0) return Effect.fail(wrong("ERR invalid expire time in 'set' command"))
    keys.set(key, { count, expiresAt: now + life })
    return Effect.succeed([count, life] as const)
  }

  return {
    store: RateLimiter.RateLimiterStore.of({
      fixedWindow: ({ key, limit, refillRate, tokens }) =>
        Effect.suspend(() => {
          commands += 1
          const now = Math.floor(Number(clock.unsafeCurrentTimeNanos()) / 1e6)
          const added = Duration.toMillis(refillRate) * tokens
          const known = keys.get(key)
          if (known === undefined || now > known.expiresAt) return set(key, tokens, added, now)
          const next = known.count + tokens
          if (limit !== undefined && next > limit) return Effect.succeed([next, known.expiresAt - now] as const)
          return set(key, next, known.expiresAt - now + added, now)
        }),
      tokenBucket: () => Effect.die("a shared limit uses no bucket")
    }),
    get commands() {
      return commands
    },
    forget: () => keys.clear(),
    snapshot: () => {
      const then = new Map(keys)
      return () => {
        keys = new Map(then)
      }
    }
  }
}
