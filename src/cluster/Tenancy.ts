/**
 * A runner as the entity of a pool knows it: what was leased to it, what it runs, and what it waits for.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Capacity from "../Capacity.js"
import type { Weight } from "../limit/Cost.js"
import type { Ticket } from "../pool/Starts.js"
import type { Lending } from "../pool/Admission.js"
import type { Message, Report } from "./Message.js"

/**
 * A start that was leased. It is sent to its tenant by the reply to a message; an attempt begins when the tenant says so.
 *
 * @since 0.2.0
 * @category models
 */
export interface Leased {
  readonly id: number
  readonly ticket: Ticket
  readonly cost: Weight
  /** The number of the message whose reply took it along. */
  sentIn: number | undefined
  hasBegun: boolean
}

/**
 * A runner.
 *
 * @since 0.2.0
 * @category models
 */
export interface Tenancy {
  readonly term: string
  /** Milliseconds of the monotonic clock. */
  readonly heardAt: number
  /** Its latest message. */
  readonly number: number
  /** It has said what it runs: from then on what it says is complete. */
  readonly isIntroduced: boolean
  /** So many starts are waited for; so many would be used soon, those included. */
  readonly waiting: number
  readonly spare: number
  /** Leases that are not sent. */
  readonly ready: number
  /** All leases, and attempts that run. */
  readonly size: number
  /** What the next start of it takes. */
  readonly next: Weight
  /** It has shown a sign of life, whatever it says. */
  readonly seen: (number: number, now: number) => void
  /** Takes in a message that is the latest. */
  readonly hear: (message: Message, now: number) => void
  /** A start is leased to it. */
  readonly lease: (ticket: Ticket) => void
  /** What the reply to a message takes along. */
  readonly send: (number: number) => ReadonlyArray<{ readonly lease: number; readonly cost: Weight }>
  /** Nothing was heard of it for too long, or the entity ends: its permits come back. */
  readonly end: () => void
}

/** An attempt that runs counts where it was started. */
const weightless: Weight = { requests: 0, tokens: 0, inputTokens: 0, outputTokens: 0, model: undefined }

/** More rows than this are numbered by nobody. */
const rowsOfOne = 2 ** 32

/** So many rows that were rejected are remembered. */
const mostRejected = 4096

/** Since when rows are rejected: the pool's latest start when each was rejected first. */
const makeRejections = () => {
  const rejectedSince = new Map<number, number>()
  return (row: number, sequence: number, isRejected: boolean): number => {
    if (!isRejected) {
      rejectedSince.delete(row)
      return sequence
    }
    const since = rejectedSince.get(row)
    if (since !== undefined) return since
    const [oldest] = rejectedSince.keys()
    if (oldest !== undefined && rejectedSince.size >= mostRejected) rejectedSince.delete(oldest)
    rejectedSince.set(row, sequence)
    return sequence
  }
}

/** Leases that the tenant does not have: they are on their way to it, or their reply will never be heard. */
const findAbsent = (
  leases: Iterable<Leased>,
  { holds, open }: Message
): { underway: number; lost: ReadonlyArray<Leased> } => {
  const alive = new Set(open)
  const held = new Set(holds)
  const absent = [...leases].filter(({ hasBegun, id, sentIn }) => sentIn !== undefined && !hasBegun && !held.has(id))
  const lost = absent.filter(({ sentIn }) => sentIn === undefined || !alive.has(sentIn))
  return { underway: absent.length - lost.length, lost }
}

/** What becomes of leases, by what their tenant says; `index` tells its rows from those of others. */
const followerOf = (admission: Lending, index: number, leases: Map<number, Leased>) => {
  const sinceOf = makeRejections()

  const begin = (leased: Leased, now: number): void => {
    if (leased.hasBegun) return
    leased.hasBegun = true
    const { held } = leased.ticket
    if (held !== undefined) admission.limiter?.ledger.begin(held.reservation, now)
  }

  const giveBack = (leased: Leased): void => {
    leases.delete(leased.id)
    admission.giveBack(leased.ticket)
  }

  const end = (leased: Leased, report: Extract<Report, { readonly _tag: "ended" }>, now: number): void => {
    const { cost, id, ticket } = leased
    leases.delete(id)
    begin(leased, now)
    const { attempt, hints, latency, outcome, retryAfter, row, status = 503 } = report
    const wait = retryAfter === undefined ? undefined : { retryAfter: Duration.millis(retryAfter) }
    const what =
      outcome === "capacity" ? new Capacity.CapacityError({ status, ...wait }) : outcome === "own" ? "neutral" : outcome
    const subject = {
      row: index * rowsOfOne + row,
      attempts: attempt,
      rejectedSince: sinceOf(row, ticket.sequence, outcome === "capacity"),
      asked: cost,
      latency
    }
    // What was adopted is counted where it was started, and what it used as well.
    const told = cost === weightless && hints !== undefined ? { ...hints, usage: {} } : hints
    try {
      admission.observe(ticket, subject, what, now, told)
    } catch {
      // A law that is broken: its guard has said so, and put another one in its place.
    }
    admission.release(ticket)
  }

  const learn = (report: Report, now: number): void => {
    const leased = leases.get(report.lease)
    if (leased === undefined) return
    if (report._tag === "started") begin(leased, now)
    else if (report._tag === "returned") giveBack(leased)
    else end(leased, report, now)
  }

  return { giveBack, end, learn }
}

/**
 * Opens a tenancy. `index` tells its rows from those of others.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (admission: Lending, term: string, index: number): Tenancy => {
  const leases = new Map<number, Leased>()
  const { end, giveBack, learn } = followerOf(admission, index, leases)
  let heardAt = -Infinity
  let number = 0
  let isIntroduced = false
  let nextId = 1
  let ready: Array<Leased> = []
  let demand: Pick<Message, "waiting" | "spare" | "first" | "each"> = {
    waiting: 0,
    spare: 0,
    first: weightless,
    each: weightless
  }
  let hasFirst = false

  const adopt = ({ reports, running }: Message): void => {
    for (const id of running) {
      leases.set(id, { id, ticket: admission.adopt(weightless), cost: weightless, sentIn: 0, hasBegun: true })
    }
    // It goes on to speak of these: none of them may be another one's number.
    nextId = Math.max(0, ...running, ...reports.map(({ lease }) => lease)) + 1
  }

  return {
    term,
    get heardAt() {
      return heardAt
    },
    get number() {
      return number
    },
    get isIntroduced() {
      return isIntroduced
    },
    get waiting() {
      return demand.waiting
    },
    get spare() {
      return demand.spare
    },
    get ready() {
      return ready.length
    },
    get size() {
      return leases.size
    },
    get next() {
      return hasFirst ? demand.first : demand.each
    },
    seen: (latest, now) => {
      number = Math.max(number, latest)
      heardAt = now
    },
    hear: (message, now) => {
      number = message.number
      heardAt = now
      if (!isIntroduced) adopt(message)
      isIntroduced = true
      for (const report of message.reports) learn(report, now)
      const { lost, underway } = findAbsent(leases.values(), message)
      for (const leased of lost) giveBack(leased)
      const { each, first, spare, waiting } = message
      // What it has not seen yet answers its wish already.
      const unseen = ready.length + underway
      demand = { waiting: Math.max(0, waiting - unseen), spare: Math.max(0, waiting + spare - unseen), first, each }
      hasFirst = waiting > 0 && unseen === 0
    },
    lease: (ticket) => {
      const cost = hasFirst ? demand.first : demand.each
      const leased: Leased = { id: nextId++, ticket, cost, sentIn: undefined, hasBegun: false }
      // It begins when its tenant says so.
      if (ticket.held !== undefined) admission.limiter?.ledger.begin(ticket.held.reservation, Infinity)
      leases.set(leased.id, leased)
      ready.push(leased)
      hasFirst = false
      demand = { ...demand, waiting: Math.max(0, demand.waiting - 1), spare: Math.max(0, demand.spare - 1) }
    },
    send: (by) => {
      const sent = ready
      ready = []
      for (const leased of sent) leased.sentIn = by
      return sent.map(({ cost, id }) => ({ lease: id, cost }))
    },
    end: () => {
      const now = admission.timers.now()
      for (const leased of [...leases.values()]) {
        if (leased.sentIn === undefined) giveBack(leased)
        else {
          const lost = { lease: leased.id, outcome: "neutral", latency: 0, row: 0, attempt: 1 } as const
          end(leased, { _tag: "ended", ...lost }, now)
        }
      }
      ready = []
    }
  }
}
