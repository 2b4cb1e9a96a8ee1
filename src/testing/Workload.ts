/**
 * Which rows come, and when.
 *
 * @since 0.2.0
 */
import { PCGRandom } from "effect/Utils"
import type { TurnOptions } from "../PooledExecutor.js"

/**
 * A row: its size in tokens, and, for single calls and streams, how long after the party's own start it comes, in
 * milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Row {
  readonly tokens: number
  /** How many of its tokens are output. Default none. */
  readonly output?: number
  /** How many tokens its caller says that it takes, if the client has `costs`. Default its true number. */
  readonly asked?: number
  readonly after?: number
  /** Its priority, tenant and deadline; the deadline counts from when the row comes. Default none. */
  readonly turn?: TurnOptions
}

/**
 * How a stream is read; times in milliseconds.
 *
 * @since 0.2.0
 * @category models
 */
export interface Reading {
  /** Default true. */
  readonly ordered?: boolean
  /** Default 1,000. */
  readonly maxPending?: number
  /** How long the reader takes for an entry. Default 0. */
  readonly reader?: number
  /** The number of entries after which the reader leaves. Default never. */
  readonly leavesAfter?: number
}

/**
 * What somebody does to a pool, or to a row, which is named by its place in the client's workload. `at` is in
 * milliseconds after the client has joined. Single calls cannot be cancelled.
 *
 * @since 0.2.0
 * @category models
 */
export type Act =
  | { readonly kind: "pause"; readonly at: number; readonly lasts: number }
  | { readonly kind: "resize"; readonly at: number; readonly poolSize: number }
  | { readonly kind: "cancel" | "evict"; readonly at: number; readonly row: number }

/**
 * Rows that come together: one batch, one stream, or single calls of `execute`, each at its own time.
 *
 * @since 0.2.0
 * @category models
 */
export interface Party {
  readonly kind: "batch" | "calls" | "stream"
  readonly rows: ReadonlyArray<Row>
  /** When it begins, in milliseconds after its client has joined. Default 0. */
  readonly at?: number
  /** The `timeout` of the batch or the stream, in milliseconds. Default none. */
  readonly timeout?: number
  /** How a stream is read. */
  readonly reading?: Reading
  /** When its caller is interrupted, in milliseconds after its client has joined. Default never. */
  readonly interruptedAt?: number
}

/**
 * The size of rows: always the same, or drawn by chance.
 *
 * @since 0.2.0
 * @category models
 */
export type Tokens = number | ((chance: PCGRandom) => number)

const one: Row = { tokens: 1 }

const row = (tokens: Tokens, chance: PCGRandom): Row =>
  tokens === 1 ? one : { tokens: typeof tokens === "number" ? tokens : tokens(chance) }

const rows = (count: number, tokens: Tokens, seed: number): Array<Row> => {
  const chance = new PCGRandom(seed)
  return Array.from({ length: count }, () => row(tokens, chance))
}

/**
 * One batch with this number of rows.
 *
 * @since 0.2.0
 * @category constructors
 */
export const atOnce = (
  count: number,
  options: { readonly tokens?: Tokens; readonly at?: number; readonly seed?: number } = {}
): ReadonlyArray<Party> => [
  { kind: "batch", rows: rows(count, options.tokens ?? 1, options.seed ?? 1), at: options.at ?? 0 }
]

/**
 * Single calls that come by chance, `rate` a second on average: a Poisson process.
 *
 * @since 0.2.0
 * @category constructors
 */
export const poisson = (options: {
  readonly rate: number
  readonly count: number
  readonly tokens?: Tokens
  readonly seed?: number
}): ReadonlyArray<Party> => {
  const { count, rate, seed = 1, tokens = 1 } = options
  const chance = new PCGRandom(seed)
  let after = 0
  const calls = rows(count, tokens, seed + 1).map((row) => {
    // Rounded, so that a run does not depend on the last bit of a logarithm.
    after += Math.round((-Math.log(1 - chance.number()) / rate) * 1_000_000) / 1000
    return { ...row, after }
  })
  return [{ kind: "calls", rows: calls }]
}

/**
 * Single calls in bursts: `size` at once, every `every` milliseconds, `bursts` times.
 *
 * @since 0.2.0
 * @category constructors
 */
export const bursts = (options: {
  readonly size: number
  readonly every: number
  readonly bursts: number
  readonly tokens?: Tokens
  readonly seed?: number
}): ReadonlyArray<Party> => {
  const { bursts: times, every, seed = 1, size, tokens = 1 } = options
  const calls = rows(size * times, tokens, seed).map((row, index) => ({
    ...row,
    after: Math.floor(index / size) * every
  }))
  return [{ kind: "calls", rows: calls }]
}

/**
 * Several batches at once.
 *
 * @since 0.2.0
 * @category constructors
 */
export const batches = (
  count: number,
  rowsEach: number,
  options: { readonly tokens?: Tokens; readonly every?: number; readonly seed?: number } = {}
): ReadonlyArray<Party> =>
  Array.from({ length: count }, (_, index) => index).flatMap((index) =>
    atOnce(rowsEach, { ...options, at: index * (options.every ?? 0), seed: (options.seed ?? 1) + index })
  )

/**
 * One stream with this number of rows. One row comes every `every` milliseconds; by default each comes when there is
 * room for it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const stream = (
  count: number,
  options: Reading & {
    readonly tokens?: Tokens
    readonly at?: number
    readonly every?: number
    readonly seed?: number
  } = {}
): ReadonlyArray<Party> => {
  const { at = 0, every = 0, seed = 1, tokens = 1, ...reading } = options
  const read = rows(count, tokens, seed)
  return [
    {
      kind: "stream",
      rows: every === 0 ? read : read.map((row, index) => ({ ...row, after: index * every })),
      at,
      reading
    }
  ]
}

/**
 * The same rows, each with its own turn; `index` counts the rows of a party.
 *
 * @since 0.2.0
 * @category combinators
 */
export const inTurn = (
  parties: ReadonlyArray<Party>,
  turnOf: (index: number, row: Row) => TurnOptions | undefined
): ReadonlyArray<Party> =>
  parties.map((party) => ({
    ...party,
    rows: party.rows.map((row, index) => {
      const turn = turnOf(index, row)
      return turn === undefined ? row : { ...row, turn }
    })
  }))

/**
 * Rows of several tenants, which all come at once: the number for each tenant, in its own batch, or as single calls.
 *
 * @since 0.2.0
 * @category constructors
 */
export const tenants = (
  sizes: ReadonlyArray<number>,
  options: {
    readonly kind?: "batch" | "calls"
    readonly tokens?: Tokens
    readonly seed?: number
    /** The turn of a tenant, without its name. */
    readonly turn?: (tenant: number) => Omit<TurnOptions, "tenant">
  } = {}
): ReadonlyArray<Party> => {
  const { kind = "calls", seed = 1, tokens = 1, turn } = options
  return sizes.flatMap((size, tenant) =>
    inTurn([{ kind, rows: rows(size, tokens, seed + tenant) }], () => ({ tenant: `${tenant}`, ...turn?.(tenant) }))
  )
}
