/**
 * A pool as a member of a group: it asks the group for a row whenever it may start one, and hears what came of it. To the
 * pool, a group is one of its parties, and each attempt a row of its own.
 *
 * @since 0.2.0
 */
import * as Ramp from "../law/Ramp.js"
import type { Hints } from "../law/ControlLaw.js"
import * as Limit from "../limit/Limit.js"
import * as PoolStats from "../PoolStats.js"
import * as Route from "../route/Route.js"
import type { Place } from "../structure/Semaphore.js"
import type { Admission } from "./Admission.js"
import type { Election } from "./Election.js"
import type { Member as Tag } from "./Insider.js"
import type { Outcome, Subject } from "./Messenger.js"
import * as Outlook from "./Outlook.js"
import type { Party } from "./Parties.js"
import type { Ticket } from "./Starts.js"

/**
 * What a member asks its group for, and tells it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Group {
  /** The member may start a row: starts it, or declines. Returns whether the group wants another start of it. */
  readonly offered: (member: GroupMember, ticket: Ticket) => boolean
  /** Says what the member would start next, where it keeps limits. */
  readonly elect: (member: GroupMember, election: Election) => boolean
  /** The member is shut down, or its money is spent: it starts nothing any more. */
  readonly onGone: () => void
}

/** A row as the pool of a member knows it. */
interface Known {
  readonly row: number
  readonly attempts: number
  /** The pool's latest start when it rejected the row first. */
  readonly since: number
}

/**
 * A member of a group.
 *
 * @since 0.2.0
 * @category models
 */
export class GroupMember implements Tag {
  readonly name: string
  readonly admission: Admission
  /** How much longer a row would rather wait for another member, in milliseconds. */
  readonly handicap: number
  isGone = false
  /** Its law lets nobody start there before this who was just rejected. */
  restsUntil = 0
  private readonly party: Party
  private readonly counter: PoolStats.Counter
  /** Rows that it has rejected; the group's other members know them by other numbers. */
  private readonly rejected = new WeakMap<Subject, Known>()
  private latency: number | undefined = undefined
  /** What its pool was told, and what a row takes of late of whatever those limits count. */
  private readonly told: ReadonlyArray<Limit.Told>
  private readonly takes = new Map<Limit.Told, number>()
  private place: Place | undefined = undefined
  /** Whether the group wants it to ask. */
  private isWanted = false
  /** It joins the line of its pool, or is served there: no time to join again. */
  private isEngaged = false

  constructor(name: string, admission: Admission, handicap: number, group: Group) {
    this.name = name
    this.admission = admission
    this.handicap = handicap
    this.counter = PoolStats.makeCounter(admission.tally, admission.labels)
    this.told = Limit.tell(admission.config.limits ?? [])
    this.isGone = admission.isShutdown || admission.brokeBy !== undefined
    const gone = (): void => {
      this.leave()
      group.onGone()
    }
    this.party = {
      start: (ticket) => {
        this.isWanted = false
        this.isEngaged = true
        const wantsAnother = group.offered(this, ticket)
        this.isEngaged = false
        return (this.isWanted ||= wantsAnother)
      },
      elect: (election) => group.elect(this, election),
      broke: gone,
      giveUp: () => {},
      parked: () => 0,
      resumed: () => {},
      held: () => {},
      shutdown: gone
    }
    admission.enter(this.party)
  }

  /** Where its pool counts; names the pool, too. */
  get tally(): PoolStats.Tally {
    return this.admission.tally
  }

  /** Whether it asks for a row as soon as it may start one. */
  get isCalled(): boolean {
    return this.place?.queued === true
  }

  /** The mean time from a start to its answer, of late; undefined before the first. */
  get worksFor(): number | undefined {
    return this.latency
  }

  /** It has rejected everything of late: nobody waits for it, but it gets its probes. */
  get isSilent(): boolean {
    return this.admission.decision.saturatedSince !== undefined || this.admission.silence.since !== undefined
  }

  /** Whether it asks for one, and a limit that it was told holds back the first that it could start. */
  get isLimited(): boolean {
    return this.isCalled && this.admission.heldBackBy === "limit"
  }

  /** Lets it ask for rows. It may do so at once. */
  call(): void {
    this.isWanted = true
    if (this.isEngaged) return
    this.isEngaged = true
    this.place = this.admission.queue(this.party)
    this.isEngaged = false
    this.leaveIfUnwanted()
  }

  /** There is nothing to ask for. */
  dismiss(): void {
    this.isWanted = false
    if (this.place?.queued === true) this.admission.leave(this.place)
  }

  /** It may have been dismissed before it had a place to leave. */
  private leaveIfUnwanted(): void {
    if (!this.isWanted) this.dismiss()
  }

  /** It goes out of the group. */
  leave(): void {
    this.isGone = true
    this.dismiss()
    this.admission.exit(this.party)
  }

  /** A row has started that it had asked for. */
  started(): void {
    this.counter.submitted(1)
    this.counter.started(0)
  }

  /** Tells the pool what came of its attempt, see `Admission.observe`. */
  observe(ticket: Ticket, subject: Subject, outcome: Outcome, hints: Hints | undefined): boolean {
    const { admission, counter } = this
    const now = admission.timers.now()
    const known = this.rejected.get(subject)
    const row = known?.row ?? admission.nextRow()
    const attempts = (known?.attempts ?? 0) + 1
    const since = known?.since ?? Infinity
    for (const limit of this.told) {
      if (limit.unit !== "concurrent")
        this.takes.set(limit, Route.follow(this.takes.get(limit), subject.asked[limit.unit]))
    }
    counter.ended()
    if (hints?.usage !== undefined) counter.used(admission.limiter?.price(subject.asked, hints.usage) ?? hints.usage)
    if (outcome === "success") this.latency = Route.follow(this.latency, now - ticket.startedAt)
    try {
      return admission.observe(
        ticket,
        { row, attempts, rejectedSince: since, asked: subject.asked },
        outcome,
        now,
        hints
      )
    } finally {
      const { delay } = admission.decision
      if (typeof outcome !== "string") {
        this.rejected.set(subject, { row, attempts, since: Math.min(since, admission.sequence) })
        this.restsUntil = now + delay
        counter.rejected(delay)
      }
      counter.finished(outcome === "success", 0, delay)
      if (PoolStats.pending(admission.tally) === 0) admission.settled()
    }
  }

  /** When its starts are closed till, as far as it knows. */
  get heldUntil(): number {
    return Math.max(this.admission.hintUntil, this.admission.decision.holdUntil)
  }

  /** What it can do; `guess` is how long it works on a row where nobody knows yet. */
  view(now: number, guess: number): Route.View {
    const window = Ramp.windowAt(this.admission.decision, now)
    const takes = (limit: Limit.Told): number => this.takes.get(limit) ?? 0
    const view = Outlook.of(this.admission, { window, latency: this.latency ?? guess, told: this.told, takes }, now)
    return { ...view, opensAt: Math.max(view.opensAt, this.restsUntil), handicap: this.handicap }
  }
}
