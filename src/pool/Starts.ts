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
import type { Bid, Election, Held, Limiter } from "./Limiter.js"
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
  /** What is kept for it of the limits that the pool was told; undefined where it was told none. */
  readonly held: Held | undefined
}

/**
 * Goes through what would start next, first come, first served, until one is accepted, which `start` then starts. Returns
 * whether one was.
 *
 * @since 0.2.0
 * @category models
 */
export type Elect = (election: Pick<Election, "accepts" | "isOver">) => boolean

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
  /** Asks for starts until `start` returns false. */
  readonly queue: (start: (ticket: Ticket) => boolean, elect: Elect) => Semaphore.Place
  readonly leave: (place: Semaphore.Place) => void
  /** Gives back the permit of a start for which nothing was left to do. */
  readonly decline: (ticket: Ticket) => void
  /** The attempt that started then was rejected. */
  readonly rejected: (startedAt: number) => void
  readonly release: () => void
  /** Whether the gate is closed to whoever waits at it, and opens by the clock. */
  readonly isGated: boolean
  /** Whether it is a limit that the pool was told, or its budget, that lets them wait. */
  readonly isLimited: boolean
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
  pause: Pause,
  told?: Told
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
    isLimited = false
    if (TimerQueue.isDue(opensAt, asked)) return true
    openAt(opensAt)
    return false
  }

  const openAt = (opensAt: number): void => {
    if (opening !== undefined && opening.at === opensAt) return
    if (opening !== undefined) timers.remove(opening)
    opening = timers.add(opensAt, () => {
      opening = undefined
      permits.serve()
    })
  }

  const elects = new WeakMap<() => boolean, Elect>()
  /** What the next start takes, once it was elected. */
  let elected: Bid | undefined
  let isLimited = false

  const chooseOf =
    ({ limiter, onBroke }: Told): Semaphore.Choose =>
    (line) => {
      const election = limiter.elect(asked, permits.permits - permits.inUse, decision().spacing)
      const place = winner(line, elects, election)
      elected = election.elected
      if (place !== undefined) return place
      isLimited = true
      if (election.opensAt < Infinity && !election.isBroke) openAt(election.opensAt)
      if (election.isBroke) onBroke()
      return undefined
    }

  const permits = Semaphore.make(decision().window, isOpen, told && chooseOf(told))

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
    queue: (start, elect) => {
      // The window may have grown while nobody waited.
      if (decision().ramp !== undefined) resize()
      const onPermit = (): boolean => {
        const startedWith = permits.inUse
        history.add(asked, startedWith - 1)
        const bound = gate.pass(decision(), startedWith >= permits.permits)
        const held = elected && told?.limiter.reserve(elected, asked)
        if (elected !== undefined) history.weighs(history.last, elected.asked.tokens)
        return start({ epoch: decision().epoch, startedAt: asked, sequence: history.last, startedWith, bound, held })
      }
      if (told !== undefined) elects.set(onPermit, elect)
      return permits.join(onPermit)
    },
    leave: permits.leave,
    decline: ({ held }) => {
      if (held !== undefined) told?.limiter.undo(held, asked)
      history.takeBack()
      gate.takeBack()
      permits.release()
    },
    rejected: gate.rejected,
    get isGated() {
      return opening !== undefined && permits.waiting > 0
    },
    get isLimited() {
      return isLimited && permits.waiting > 0
    },
    get allowed() {
      return permits.permits
    },
    resumed: () => permits.serve(),
    release: permits.release,
    resize
  }
}

/** Who is served next: the first in line that has something to do for which there is room. */
const winner = (
  line: Iterable<Semaphore.Place>,
  elects: WeakMap<() => boolean, Elect>,
  election: Election
): Semaphore.Place | undefined => {
  for (const place of line) {
    // Whoever stands in this line has said how it elects.
    if (elects.get(place.value)?.(election) === true) return place
    if (election.isOver) return undefined
  }
  return undefined
}
