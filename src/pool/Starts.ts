/**
 * Who may start now: the permits, and the gate before them, opened by timers.
 *
 * @since 0.2.0
 */
import * as Ramp from "../law/Ramp.js"
import type { Bound, Decision } from "../law/ControlLaw.js"
import type { Weight } from "../limit/Cost.js"
import * as Alarm from "../structure/Alarm.js"
import * as Semaphore from "../structure/Semaphore.js"
import * as TimerQueue from "../structure/TimerQueue.js"
import * as Election from "./Election.js"
import * as Gate from "./Gate.js"
import * as History from "./History.js"
import type { Member } from "./Insider.js"
import type { Bid, Held, Limiter } from "./Limiter.js"
import type { Pause } from "./Pause.js"
import * as TurnLine from "./TurnLine.js"

/**
 * The stamp of a started attempt: the congestion epoch and the instant it was admitted in, and what let it wait till then.
 *
 * @since 0.1.0
 * @category models
 */
export interface Ticket {
  readonly epoch: number
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number
  /** Which start of the pool, from 1. */
  readonly sequence: number
  /** Attempts in flight then, this one included. */
  readonly startedWith: number
  readonly bound: Bound
  /** Where the pool is a group: which of its members gave the start. */
  readonly member?: Member | undefined
  /** What is kept for it of the limits that the pool was told; undefined where it was told none. */
  held: Held | undefined
}

/**
 * What decides besides the law who may start.
 *
 * @since 0.2.0
 * @category models
 */
export interface Told {
  readonly limiter: Limiter
  /** The money is spent: nothing starts any more. */
  readonly onBroke: () => void
}

/**
 * The starts of a pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface Starts {
  readonly inFlight: number
  readonly history: History.History
  /** Asks for starts until `start` returns false; `standing` says whose turn it is, where that is said. */
  readonly queue: (
    start: (ticket: Ticket) => boolean,
    elect: Election.Elect,
    standing: (() => TurnLine.Standing) | undefined
  ) => Semaphore.Place
  /** Whoever has this place stands elsewhere now. */
  readonly changed: (place: Semaphore.Place) => void
  readonly leave: (place: Semaphore.Place) => void
  /** Gives back the permit of a start for which nothing was left to do. */
  readonly decline: (ticket: Ticket) => void
  /** The start was never used: nobody was asked for anything. Its permit comes back. */
  readonly giveBack: (ticket: Ticket) => void
  /** Counts an attempt that runs already, whatever is allowed, and that was started under somebody else's eyes. */
  readonly adopt: (asked: Weight) => Ticket
  /** The attempt that started then was rejected. */
  readonly rejected: (startedAt: number) => void
  readonly release: () => void
  /** Whether the gate is closed to whoever waits at it, and opens by the clock. */
  readonly isGated: boolean
  /** When the gate opens to whoever waits at it; undefined where it is open, or nobody waits. */
  readonly opensAt: number | undefined
  /** Whether it is a limit that the pool was told, or its budget, that lets them wait. */
  readonly isLimited: boolean
  /** Attempts that may be in flight now. */
  readonly allowed: number
  /** Nothing starts before all have joined that do. */
  readonly together: (join: () => void) => void
  /** Lets those start that may: a pause is over, or something else would start next. */
  readonly serve: () => void
  /** The decision is another one: serves the line as far as it allows. */
  readonly resize: () => void
}

/**
 * What starts depend on. What is in force is asked for each time.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly timers: TimerQueue.TimerQueue
  /** How many starts are remembered. */
  readonly remembers: number
  readonly decision: () => Decision
  readonly holdUntil: () => number
  readonly pause: Pause
  /** That of the turns, in milliseconds. */
  readonly ageing: number
  /** The pool's own least time between two starts, in milliseconds. */
  readonly minSpacing: number
  readonly told?: Told | undefined
}

/**
 * Opens a gate to nobody yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = ({ ageing, decision, holdUntil, minSpacing, pause, remembers, timers, told }: Options): Starts => {
  const history = History.make(remembers)
  const gate = Gate.make(remembers, history, minSpacing)
  /** When the gate was last asked, which is when whoever it lets through starts. */
  let asked = 0
  /** More are about to join, of whom one may go first. */
  let areJoining = false
  const poll = told && pollOf(told, decision, () => permits.permits - permits.inUse)

  const isOpen = (): boolean => {
    if (areJoining) return false
    asked = timers.now()
    poll?.close()
    if (pause.isPaused) return false
    const opensAt = gate.opensAt(decision(), holdUntil(), asked)
    const isDue = TimerQueue.isDue(opensAt, asked)
    if (!isDue) opening.set(opensAt)
    return isDue
  }

  const choose: Semaphore.Choose | undefined = poll && ((line) => poll.choose(line, asked, opening.set))

  const turns = TurnLine.make(ageing, timers.now, () => asked)
  const permits = Semaphore.make(decision().window, isOpen, choose, turns)
  const opening = Alarm.make(timers, permits.serve)
  /** Set while the window grows, and somebody waits for it. */
  const growing = Alarm.make(timers, () => {
    if (permits.waiting > 0) resize()
  })

  const resize = (): void => {
    const now = timers.now()
    permits.resize(Ramp.windowAt(decision(), now))
    growing.clear()
    growing.set(Ramp.nextAt(decision(), now))
  }

  return {
    get inFlight() {
      return permits.inUse
    },
    history,
    queue: (start, elect, standing) => {
      // The window may have grown while nobody waited.
      if (decision().ramp !== undefined) resize()
      const onPermit = (): boolean => {
        const startedWith = permits.inUse
        history.add(asked, startedWith - 1)
        const bound = gate.pass(decision(), startedWith >= permits.permits)
        const held = poll?.reserve(asked)
        return start({ epoch: decision().epoch, startedAt: asked, sequence: history.last, startedWith, bound, held })
      }
      poll?.note(onPermit, elect)
      if (standing !== undefined) turns.note(onPermit, standing)
      return permits.join(onPermit)
    },
    leave: permits.leave,
    changed: turns.changed,
    decline: ({ held }) => {
      if (held !== undefined) told?.limiter.undo(held, asked)
      history.takeBack()
      gate.takeBack()
      permits.release()
    },
    giveBack: ({ held, sequence, startedAt }) => {
      if (held !== undefined) told?.limiter.undo(held, timers.now())
      history.ended(sequence, "neutral")
      gate.rejected(startedAt)
      permits.release()
    },
    adopt: (asked) => {
      const startedAt = timers.now()
      permits.seize()
      const startedWith = permits.inUse
      history.add(startedAt, startedWith - 1)
      const held = told?.limiter.reserve(told.limiter.bid(asked), startedAt)
      const { epoch } = decision()
      return { epoch, startedAt, sequence: history.last, startedWith, bound: "none", held }
    },
    rejected: gate.rejected,
    get isGated() {
      return opening.at !== undefined && permits.waiting > 0
    },
    get opensAt() {
      return opening.at
    },
    get isLimited() {
      return poll?.isLimited === true && permits.waiting > 0
    },
    get allowed() {
      return permits.permits
    },
    together: (join) => {
      areJoining = true
      join()
      areJoining = false
      permits.serve()
    },
    serve: permits.serve,
    release: permits.release,
    resize
  }
}

/** Who starts next, where the pool was told limits. */
const pollOf = ({ limiter, onBroke }: Told, decision: () => Decision, free: () => number) => {
  const voters = Election.makeLine()
  /** What the next start takes, once it was elected. */
  let elected: Bid | undefined
  let isLimited = false

  return {
    note: voters.note,
    /** Whether a limit lets everybody wait, as far as it was asked. */
    get isLimited(): boolean {
      return isLimited
    },
    close: (): void => {
      isLimited = false
    },
    choose: (line: Election.Standing, now: number, wakeAt: (at: number) => void) => {
      const election = Election.hold({ limiter, now, free: free(), spacing: decision().spacing })
      const place = voters.winner(line, election)
      elected = election.elected
      isLimited = place === undefined
      if (place !== undefined) return place
      if (election.isBroke) onBroke()
      else if (election.opensAt < Infinity) wakeAt(election.opensAt)
      return undefined
    },
    /** Keeps for a start what was elected. */
    reserve: (now: number): Held | undefined => elected && limiter.reserve(elected, now)
  }
}
