/**
 * Who may start now: the permits, and the gate before them, opened by timers.
 *
 * @since 0.2.0
 */
import * as Ramp from "../law/Ramp.js"
import type { Bound, Decision } from "../law/ControlLaw.js"
import * as Semaphore from "../structure/Semaphore.js"
import * as TimerQueue from "../structure/TimerQueue.js"
import * as Gate from "./Gate.js"
import * as History from "./History.js"
import type { Member } from "./Insider.js"
import type { Pause } from "./Pause.js"

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
  /** Asks for starts until `start` returns false. */
  readonly queue: (start: (ticket: Ticket) => boolean) => Semaphore.Place
  readonly leave: (place: Semaphore.Place) => void
  /** Gives back the permit of a start for which nothing was left to do. */
  readonly decline: () => void
  /** The attempt that started then was rejected. */
  readonly rejected: (startedAt: number) => void
  readonly release: () => void
  /** Whether the gate is closed to whoever waits at it, and opens by the clock. */
  readonly isGated: boolean
  /** When the gate opens to whoever waits at it; undefined where it is open, or nobody waits. */
  readonly opensAt: number | undefined
  /** Attempts that may be in flight now. */
  readonly allowed: number
  /** Lets those start that may, since a pause is over. */
  readonly resumed: () => void
  /** The decision is another one: serves the line as far as it allows. */
  readonly resize: () => void
}

/**
 * Opens a gate to nobody yet. What is in force is asked for each time.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  timers: TimerQueue.TimerQueue,
  remembers: number,
  decision: () => Decision,
  holdUntil: () => number,
  pause: Pause
): Starts => {
  const gate = Gate.make(remembers)
  const history = History.make(remembers)
  /** When the gate was last asked, which is when whoever it lets through starts. */
  let asked = 0
  /** Opens the gate; undefined while the gate is open or nobody waits at it. */
  let opening: TimerQueue.Timer | undefined
  /** Lets the window grow when that is due; undefined while it does not grow, or nobody waits for it. */
  let growing: TimerQueue.Timer | undefined

  const isOpen = (): boolean => {
    asked = timers.now()
    if (pause.isPaused) return false
    const opensAt = gate.opensAt(decision(), holdUntil(), asked)
    if (TimerQueue.isDue(opensAt, asked)) return true
    if (opening === undefined || opening.at !== opensAt) {
      if (opening !== undefined) timers.remove(opening)
      opening = timers.add(opensAt, () => {
        opening = undefined
        permits.serve()
      })
    }
    return false
  }

  const permits = Semaphore.make(decision().window, isOpen)

  const resize = (): void => {
    if (growing !== undefined) timers.remove(growing)
    const now = timers.now()
    permits.resize(Ramp.windowAt(decision(), now))
    const growsAt = Ramp.nextAt(decision(), now)
    growing = growsAt === undefined ? undefined : timers.add(growsAt, grow)
  }

  const grow = (): void => {
    growing = undefined
    if (permits.waiting > 0) resize()
  }

  return {
    get inFlight() {
      return permits.inUse
    },
    history,
    queue: (start) => {
      // The window may have grown while nobody waited.
      if (decision().ramp !== undefined) resize()
      return permits.join(() => {
        const startedWith = permits.inUse
        history.add(asked, startedWith - 1)
        const bound = gate.pass(decision(), startedWith >= permits.permits)
        return start({ epoch: decision().epoch, startedAt: asked, sequence: history.last, startedWith, bound })
      })
    },
    leave: permits.leave,
    decline: () => {
      history.takeBack()
      gate.takeBack()
      permits.release()
    },
    rejected: gate.rejected,
    get isGated() {
      return opening !== undefined && permits.waiting > 0
    },
    get opensAt() {
      return opening?.at
    },
    get allowed() {
      return permits.permits
    },
    resumed: () => permits.serve(),
    release: permits.release,
    resize
  }
}
