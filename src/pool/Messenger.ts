/**
 * Tells everybody of a pool what came of an attempt.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type { CapacityError } from "../Capacity.js"
import type { Hints, Cost as LawCost, Sample } from "../law/ControlLaw.js"
import * as Cost from "../limit/Cost.js"
import type { Holds } from "./Holds.js"
import type { Limiter } from "./Limiter.js"
import type { Parties } from "./Parties.js"
import type { Silence } from "./Silence.js"
import type { Starts, Ticket } from "./Starts.js"
import type { Steering } from "./Steering.js"
import * as Trouble from "./Trouble.js"

/**
 * What came of an attempt, as far as the pool cares: served, failed with an error of its own, which the law does not care
 * about, ended before there was an answer, or rejected.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = "success" | "failure" | "neutral" | CapacityError

/**
 * The row or call that an attempt is of.
 *
 * @since 0.2.0
 * @category models
 */
export interface Subject {
  /** Its number in the pool, from 1. */
  readonly row: number
  /** Its attempts so far, this one included. */
  readonly attempts: number
  /** The pool's latest start when the row was rejected first. */
  readonly rejectedSince: number
  /** What an attempt of it takes, as its caller says. */
  readonly asked: Cost.Weight
  /** How long the attempt took, where that is not from its start till now, in milliseconds. */
  readonly latency?: number | undefined
}

/**
 * Whom a messenger tells.
 *
 * @since 0.2.0
 * @category models
 */
export interface Told {
  readonly holds: Holds
  readonly silence: Silence
  readonly starts: Starts
  readonly steering: Steering
  readonly limiter: Limiter | undefined
  readonly parties: Parties
  readonly notify: (notice: string) => void
}

/**
 * The messenger of a pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface Messenger {
  /** How many attempts were served. */
  readonly served: number
  /**
   * Steps the law with an outcome and applies what it decides. The permit stays taken. Returns whether it was a rejection
   * that is the row's own trouble. Throws, once, where the law is broken.
   */
  readonly observe: (
    ticket: Ticket,
    subject: Subject,
    outcome: Outcome,
    now: number,
    hints: Hints | undefined
  ) => boolean
}

const success: SampleOf = { _tag: "success" }

/**
 * Makes a messenger: first it tells who holds starts back, then the law, which may start the next.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ holds, limiter, notify, parties, silence, starts, steering }: Told): Messenger => {
  const trouble = Trouble.make()
  let served = 0

  const sampleOf = (outcome: Outcome, isOwn: boolean, now: number): SampleOf => {
    if (outcome === "success") return success
    if (typeof outcome === "string" || isOwn) return { _tag: "neutral", ownRejection: isOwn }
    const asked = outcome.retryAfter
    const spread = steering.decision.alone ?? 0
    const retryAfter = asked === undefined ? undefined : holds.heed(Duration.toMillis(asked), spread, now)
    if (asked !== undefined) parties.held(holds.until)
    return { _tag: "capacity", status: outcome.status, retryAfter }
  }

  return {
    get served() {
      return served
    },
    observe: (ticket, { asked, attempts, latency, rejectedSince, row }, outcome, now, hints) => {
      const { bound, epoch, sequence, startedAt, startedWith } = ticket
      const isRejected = typeof outcome !== "string"
      const isOwn = isRejected && trouble.isOwn({ row, rejections: attempts, since: rejectedSince })
      if (outcome === "success") served += 1
      if (outcome === "success" || outcome === "failure") silence.letThrough(now)
      if (outcome === "success" || (isRejected && !isOwn)) trouble.note(row, sequence, !isRejected)
      if (isRejected) starts.rejected(startedAt)
      const what = sampleOf(outcome, isOwn, now)
      if (isRejected && !isOwn) silence.rejected(outcome, now)
      else if (isOwn || outcome === "neutral") silence.ended(now)
      const inFlight = starts.inFlight
      // Each row's: spread objects would cost more than the rest of it.
      const attempt: Attempt = {
        _tag: "success",
        row,
        attempt: attempts,
        epoch,
        inFlight,
        latency: latency ?? now - startedAt,
        sequence,
        startedWith,
        bound,
        hints
      }
      const cost = settle(limiter, ticket, asked, outcome, hints, now)
      try {
        starts.history.ended(sequence, what._tag, what._tag === "capacity" ? what.status : 0)
        if (cost !== undefined) starts.history.weighs(sequence, cost.tokens)
        if (cost !== undefined) attempt.cost = cost
        steering.step(what._tag === "success" ? attempt : { ...attempt, ...what }, now, starts.history)
      } catch (defect) {
        notify(`${String(defect)}; the delay law goes on in its place`)
        throw defect
      }
      return isOwn
    }
  }
}

const ends = { success: "answered", failure: "failed", neutral: "broken" } as const

/** Settles what was kept for an attempt; returns what it weighs, where anybody says. */
const settle = (
  limiter: Limiter | undefined,
  { held }: Ticket,
  asked: Cost.Weight,
  outcome: Outcome,
  hints: Hints | undefined,
  now: number
): LawCost | undefined => {
  const usage = hints?.usage
  if (held !== undefined && limiter !== undefined) {
    limiter.settle(held, typeof outcome === "string" ? ends[outcome] : "rejected", hints, now)
  }
  if (usage === undefined && asked === Cost.one) return undefined
  // What a rejection says it used is nothing: it is what it asked for that was too much.
  const { requests, tokens } = usage === undefined || typeof outcome !== "string" ? asked : Cost.took(asked, usage)
  return { requests, tokens }
}

/** A sample of an attempt that was served, whose cost is known last. */
type Attempt = Omit<Extract<Sample, { readonly _tag: "success" }>, "cost"> & { cost?: LawCost }

type WithoutFields<S> = S extends unknown
  ? Omit<
      S,
      "row" | "attempt" | "epoch" | "inFlight" | "latency" | "sequence" | "startedWith" | "bound" | "hints" | "cost"
    >
  : never

/** What differs from one sample to another. */
type SampleOf = WithoutFields<Sample>
