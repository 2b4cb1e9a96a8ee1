/**
 * How the fibers of an attempt know that they run in it.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Capacity from "../Capacity.js"
import * as Usage from "../answer/Usage.js"
import type { Hints } from "../law/ControlLaw.js"
import type { Tally } from "../PoolStats.js"

/**
 * The pool of a group that runs an attempt.
 *
 * @since 0.2.0
 * @category models
 */
export interface Member {
  readonly name: string
  /** Where that pool counts; names the pool, too. */
  readonly tally: Tally
}

/**
 * An attempt of a pool, as the fibers know it that run in it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Insider {
  inFlight: boolean
  /** Where its pool counts; names the pool, too. */
  readonly tally: Tally
  /** The attempt, of another pool, that this one runs in. */
  readonly outer: Insider | undefined
  /** Where its pool is a group: which of its members runs it. */
  readonly member: Member | undefined
  /** What the attempt reported of its answer. */
  hints?: Hints
  /** What the attempt leaves open when it ends, and its permit is kept for. */
  holds?: Array<Hold>
  /** Whether, and how often, the attempt may be run again when it takes too long: its answer is lost. */
  rerun?: { left: number; isAllowed: boolean }
  /** Waits for room for another request of the attempt, in a pool that keeps limits. */
  readonly again?: (() => Effect.Effect<void>) | undefined
}

/**
 * Where a fiber that runs one attempt after the other has the one that it runs now. What it forks keeps the one it was
 * forked in.
 *
 * @since 0.2.0
 * @category models
 */
export class Seat {
  occupant: Insider | undefined = undefined
}

/**
 * What keeps a permit beyond the end of its attempt: an answer of which the caller has the beginning. Each pool that the
 * attempt ran in settles it when the hold ends.
 *
 * @since 0.2.0
 * @category models
 */
export class Hold {
  private readonly settles: Array<(exit: Exit.Exit<unknown, unknown>) => void> = []
  private exit: Exit.Exit<unknown, unknown> | undefined = undefined
  /** Breaks off what is left open, because a pool closes. It ends the hold. */
  readonly abandon: () => void
  /** What was used for it, as far as anybody knows. */
  usage: Usage.Usage | undefined = undefined
  /** The attempt that left it open. */
  attempt: Insider | undefined = undefined

  constructor(abandon: () => void) {
    this.abandon = abandon
  }

  get isOver(): boolean {
    return this.exit !== undefined
  }

  /** What it ended with, where that says that there is no capacity. */
  get rejection(): Capacity.CapacityError | undefined {
    if (this.exit === undefined || Exit.isSuccess(this.exit)) return undefined
    return Option.getOrUndefined(Option.filter(Cause.failureOption(this.exit.cause), Capacity.isCapacityError))
  }

  /** Calls back when the hold ends, or now if it is over. */
  onEnd(settle: (exit: Exit.Exit<unknown, unknown>) => void): void {
    if (this.exit === undefined) this.settles.push(settle)
    else settle(this.exit)
  }

  /** The permits go back; the first outcome counts. */
  end(exit: Exit.Exit<unknown, unknown>): void {
    if (this.exit !== undefined) return
    this.exit = exit
    if (this.attempt !== undefined && this.usage !== undefined) addUsage(this.attempt, this.usage)
    for (const settle of this.settles.splice(0)) settle(exit)
  }
}

/**
 * The attempt that a fiber runs in, of whatever pool; of nested pools the innermost.
 *
 * @since 0.2.0
 * @category references
 */
export const current: FiberRef.FiberRef<Seat | Insider | undefined> = FiberRef.unsafeMake<Seat | Insider | undefined>(
  undefined,
  {
    fork: (self) => occupantOf(self),
    // A fiber stays itself when it joins one of an attempt that is over, a timed one for instance.
    join: (self) => self
  }
)

/**
 * The attempt itself.
 *
 * @since 0.2.0
 * @category references
 */
export const occupantOf = (self: Seat | Insider | undefined): Insider | undefined =>
  self instanceof Seat ? self.occupant : self

/**
 * The attempt in flight of a pool, of all that a fiber runs in.
 *
 * @since 0.2.0
 * @category references
 */
export const find = (self: Seat | Insider | undefined, pool: Tally): Insider | undefined => {
  for (let insider = occupantOf(self); insider !== undefined; insider = insider.outer) {
    if ((insider.tally === pool || insider.member?.tally === pool) && insider.inFlight) return insider
  }
  return undefined
}

const withCurrent = (f: (attempt: Insider) => void): Effect.Effect<void> =>
  Effect.map(FiberRef.get(current), (self) => {
    const attempt = occupantOf(self)
    if (attempt !== undefined) f(attempt)
  })

/**
 * The name of the member of a group that runs the innermost attempt; undefined outside an attempt, and where no group is.
 *
 * @since 0.2.0
 * @category references
 */
export const currentMember: Effect.Effect<string | undefined> = Effect.map(FiberRef.get(current), (self) => {
  for (let insider = occupantOf(self); insider !== undefined; insider = insider.outer) {
    if (insider.member !== undefined) return insider.member.name
  }
  return undefined
})

/**
 * Keeps the permit of the innermost attempt that runs this until the hold is over; does nothing outside an attempt, and in
 * the row of a batch, which ends when it ends.
 *
 * @since 0.2.0
 * @category holding
 */
export const keep = (hold: Hold): Effect.Effect<void> =>
  withCurrent((attempt) => {
    hold.attempt ??= attempt
    ;(attempt.holds ??= []).push(hold)
  })

/**
 * What an attempt left open and closed again, saying in the middle of it that there is no capacity any more.
 *
 * @since 0.2.0
 * @category holding
 */
export const lateRejection = ({ holds }: Insider): Hold | undefined =>
  holds?.find(({ rejection }) => rejection !== undefined)

/**
 * Counts a request that is sent again, because its answer was lost, in the pool of the innermost attempt.
 *
 * @since 0.2.0
 * @category reporting
 */
export const counted: Effect.Effect<void> = withCurrent(({ tally }) => void (tally.resends += 1))

/**
 * The same for one that is sent again inside its attempt: waits until the limits that the pool was told allow another.
 *
 * @since 0.2.0
 * @category reporting
 */
export const resent: Effect.Effect<void> = Effect.flatMap(FiberRef.get(current), (self) => {
  const attempt = occupantOf(self)
  if (attempt === undefined) return Effect.void
  return Effect.zipRight(counted, attempt.again?.() ?? Effect.void)
})

/**
 * Says whether the innermost attempt may be run again when it takes longer than the pool allows, and how often at most.
 *
 * @since 0.2.0
 * @category reporting
 */
export const allowReruns = (isAllowed: boolean, most: number): Effect.Effect<void> =>
  withCurrent((attempt) => {
    attempt.rerun = { left: attempt.rerun?.left ?? most, isAllowed }
  })

/** What an attempt used, those around it used as well. */
const addUsage = (attempt: Insider, usage: Usage.Usage): void => {
  const whole = Usage.whole(usage)
  if (Usage.isNone(whole)) return
  for (let each: Insider | undefined = attempt; each !== undefined; each = each.outer) {
    each.hints = { ...each.hints, usage: Usage.sum(each.hints?.usage ?? Usage.none, whole) }
  }
}

/**
 * Adds to what the innermost attempt that runs this reports of its answer; does nothing outside an attempt.
 *
 * @since 0.2.0
 * @category reporting
 */
export const report = ({ usage, ...limits }: Hints): Effect.Effect<void> =>
  withCurrent((attempt) => {
    attempt.hints = { ...attempt.hints, ...limits }
    if (usage !== undefined) addUsage(attempt, usage)
  })

/**
 * What the innermost attempt that runs this has reported.
 *
 * @since 0.2.0
 * @category reporting
 */
export const reported: Effect.Effect<Hints> = Effect.map(FiberRef.get(current), (self) => occupantOf(self)?.hints ?? {})

/**
 * A pool that this one stands before learns from the same answer. What was used it knows already.
 *
 * @since 0.2.0
 * @category reporting
 */
export const passOn = ({ hints, outer }: Insider): void => {
  if (hints === undefined || outer === undefined) return
  const { usage: _, ...limits } = hints
  outer.hints = { ...outer.hints, ...limits }
}
