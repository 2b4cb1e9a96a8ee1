/**
 * How an entity comes to power, stays there, and leaves it: what it writes into the memory of its pool is what keeps others
 * from it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Book from "./Book.js"
import type { Kept, PoolMemory, PoolMemoryError } from "./PoolMemory.js"

const Amount = Schema.Struct({
  requests: Schema.Number,
  tokens: Schema.Number,
  inputTokens: Schema.Number,
  outputTokens: Schema.Number
})

const Content = Schema.parseJson(
  Schema.Struct({
    /** The entity has left, and whatever it leased is over so many milliseconds after that; null while it rules. */
    rests: Schema.NullOr(Schema.Number),
    counted: Schema.Array(Schema.Struct({ age: Schema.Number, amount: Amount })),
    allowed: Amount,
    /** What its law has learned. */
    law: Schema.String,
    learned: Schema.Unknown
  })
)

/**
 * What an entity leaves behind.
 *
 * @since 0.2.0
 * @category models
 */
export interface Legacy extends Book.Page {
  readonly rests: number | null
  readonly law: string
  readonly learned: unknown
}

const decodeContent = Schema.decodeEither(Content)
const encodeContent = Schema.encodeSync(Content)

/** What no limit counts is no number in JSON. */
const finite = (amount: Book.Amount): Book.Amount => ({
  requests: amount.requests < Infinity ? amount.requests : 0,
  tokens: amount.tokens < Infinity ? amount.tokens : 0,
  inputTokens: amount.inputTokens < Infinity ? amount.inputTokens : 0,
  outputTokens: amount.outputTokens < Infinity ? amount.outputTokens : 0
})

/**
 * Reads what is kept; undefined for what nobody can read.
 *
 * @since 0.2.0
 * @category decoding
 */
export const decode = ({ content }: Kept): Legacy | undefined => Either.getOrUndefined(decodeContent(content))

/**
 * Makes of a legacy what is kept.
 *
 * @since 0.2.0
 * @category encoding
 */
export const encode = (legacy: Legacy): string => encodeContent({ ...legacy, allowed: finite(legacy.allowed) })

/**
 * An entity in power.
 *
 * @since 0.2.0
 * @category models
 */
export interface Reign {
  readonly epoch: number
  /** What the one before has left; undefined where there was none. */
  readonly legacy: Legacy | undefined
  /** When that was read first, in milliseconds of the monotonic clock. */
  readonly readAt: number
  /** Writes; false where another entity is in power. */
  readonly write: (legacy: Legacy) => Effect.Effect<boolean, PoolMemoryError>
}

/**
 * What coming to power takes.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly key: string
  readonly memory: PoolMemory
  /** An entity that has written nothing for so long is not in power any more, in milliseconds. */
  readonly term: number
  /** Milliseconds of the monotonic clock. */
  readonly now: () => number
  /** Is told at once of what the one before has left so far. */
  readonly onLegacy: (legacy: Legacy | undefined) => void
  /** Since when this is known to stand in the memory; undefined where it is not known. */
  readonly standsSince: (kept: Kept) => number | undefined
}

/** Clocks of two processes may run so much apart. */
const margin = 1.02

const empty: Legacy = {
  rests: 0,
  counted: [],
  allowed: { requests: 0, tokens: 0, inputTokens: 0, outputTokens: 0 },
  law: "",
  learned: null
}

/**
 * Comes to power: at once where nobody ever was, or the last one has left, and otherwise once nobody has written anything for
 * a whole term, as far as this process knows. Ends when what was leased before is over.
 *
 * @since 0.2.0
 * @category constructors
 */
export const begin = ({
  key,
  memory,
  now,
  onLegacy,
  standsSince,
  term
}: Options): Effect.Effect<Reign, PoolMemoryError> => {
  const reignOf = (epoch: number, from: number, legacy: Legacy | undefined, readAt: number): Reign => {
    let beat = from
    return {
      epoch,
      legacy,
      readAt,
      write: (next) =>
        Effect.suspend(() => {
          beat += 1
          return memory.write(key, { epoch, beat, content: encode(next) })
        })
    }
  }

  const over = (kept: Kept): Effect.Effect<Reign, PoolMemoryError> =>
    Effect.gen(function* () {
      const legacy = decode(kept)
      onLegacy(legacy)
      const rests = legacy?.rests ?? undefined
      // Not before the answer: the page may have been written till then.
      const readAt = standsSince(kept) ?? now()
      if (rests === undefined) yield* Effect.sleep(Math.max(0, term * margin - (now() - readAt)))
      const { beat, epoch } = kept
      const left = { ...(legacy ?? empty), rests: null }
      const next = { epoch: epoch + 1, beat: beat + 1, content: encode(left) }
      if (!(yield* memory.take(key, kept, next))) return yield* attempt
      const reign = reignOf(next.epoch, next.beat, legacy, readAt)
      return (yield* stay(reign.write(left), (rests ?? 0) * margin)) ? reign : yield* attempt
    })

  /** Stays in power for so long; says whether that went well. */
  const stay = (
    write: Effect.Effect<boolean, PoolMemoryError>,
    millis: number
  ): Effect.Effect<boolean, PoolMemoryError> => {
    if (millis <= 0) return Effect.succeed(true)
    const goOn = Effect.flatMap(write, (isMine) => (isMine ? stay(write, millis - term / 4) : Effect.succeed(false)))
    return Effect.delay(goOn, Math.min(millis, term / 4))
  }

  const attempt: Effect.Effect<Reign, PoolMemoryError> = Effect.suspend(() =>
    Effect.flatMap(memory.read(key), (kept) => {
      if (kept !== undefined) return over(kept)
      onLegacy(undefined)
      const first = { epoch: 1, beat: 1, content: encode({ ...empty, rests: null }) }
      return Effect.flatMap(memory.create(key, first), (isFirst) =>
        isFirst ? Effect.succeed(reignOf(1, 1, undefined, now())) : attempt
      )
    })
  )
  return attempt
}
