/**
 * What a runner and the entity of a pool say to each other.
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

const Cost = Schema.Struct({
  requests: Schema.Number,
  tokens: Schema.Number,
  inputTokens: Schema.Number,
  outputTokens: Schema.Number,
  model: Schema.UndefinedOr(Schema.String)
})

const Quota = Schema.Struct({
  limit: optional(Schema.Number),
  remaining: optional(Schema.Number),
  resetAfter: optional(Schema.Number)
})

const Hints = Schema.Struct({
  requests: optional(Quota),
  tokens: optional(Quota),
  usage: optional(
    Schema.Struct({
      tokens: optional(Schema.Number),
      inputTokens: optional(Schema.Number),
      outputTokens: optional(Schema.Number),
      money: optional(Schema.Number)
    })
  )
})

const Started = Schema.TaggedStruct("started", { lease: Schema.Number })

const Returned = Schema.TaggedStruct("returned", { lease: Schema.Number })

const Ended = Schema.TaggedStruct("ended", {
  lease: Schema.Number,
  /** What came of the attempt: served, failed by itself, cut short, rejected, or rejected by its row's own trouble. */
  outcome: Schema.Literal("success", "failure", "neutral", "capacity", "own"),
  /** Of a rejection. */
  status: optional(Schema.Number),
  retryAfter: optional(Schema.Number),
  latency: Schema.Number,
  row: Schema.Number,
  attempt: Schema.Number,
  hints: optional(Hints)
})

/**
 * What became of a lease.
 *
 * @since 0.2.0
 * @category schemas
 */
export const Report = Schema.Union(Started, Returned, Ended)

/**
 * What became of a lease.
 *
 * @since 0.2.0
 * @category models
 */
export type Report = typeof Report.Type

/**
 * From a runner to the entity. A runner numbers its messages, and each says all that is not known to have arrived: one that
 * is lost, late or comes twice does no harm.
 *
 * @since 0.2.0
 * @category schemas
 */
export const Message = Schema.Struct({
  /** Names the pool on that runner; nobody else has this name. */
  tenant: Schema.String,
  /** Under which name the entity knows the tenant; empty for none. */
  term: Schema.String,
  number: Schema.Number,
  /** Numbers of messages whose replies would still be heard. */
  open: Schema.Array(Schema.Number),
  /** The leases that it has and has not used. */
  holds: Schema.Array(Schema.Number),
  reports: Schema.Array(Report),
  /** The leases whose attempts run, where the entity may not know of them. */
  running: Schema.Array(Schema.Number),
  /** So many starts are waited for. */
  waiting: Schema.Number,
  /** So many more would be used soon. */
  spare: Schema.Number,
  /** What the first of them takes, and what each of the others does at most. */
  first: Cost,
  each: Cost
})

/**
 * From a runner to the entity.
 *
 * @since 0.2.0
 * @category models
 */
export type Message = typeof Message.Type

/**
 * From the entity to a runner.
 *
 * @since 0.2.0
 * @category schemas
 */
export const Reply = Schema.Struct({
  /** Under which name the entity knows the tenant from now on; empty for none. */
  term: Schema.String,
  /** Whether the message was heard; one that came after a later one was not. */
  isHeard: Schema.Boolean,
  leases: Schema.Array(Schema.Struct({ lease: Schema.Number, cost: Cost })),
  /** How long the leases last from when the message was sent, in milliseconds. */
  lasts: Schema.Number,
  /** How long attempts that run there are certainly counted, from when the message was sent, in milliseconds. */
  keeps: Schema.Number,
  /** Somebody else waits for a start: nobody keeps one that is not used at once. */
  isContended: Schema.Boolean,
  /** What the law has decided: how many attempts the cluster may have in flight, and how long a rejected row waits. */
  window: Schema.Number,
  delay: Schema.Number,
  chance: Schema.Number,
  reason: Schema.String
})

/**
 * From the entity to a runner.
 *
 * @since 0.2.0
 * @category models
 */
export type Reply = typeof Reply.Type
