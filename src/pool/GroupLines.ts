/**
 * Who waits at a group, and which of its members gets a row: one line for rows that may go anywhere, and one for each member
 * that is the home of rows.
 *
 * @since 0.2.0
 */
import * as Route from "../route/Route.js"
import * as Semaphore from "../structure/Semaphore.js"
import * as TimerQueue from "../structure/TimerQueue.js"
import * as Election from "./Election.js"
import type { GroupMember } from "./GroupMember.js"
import type { Ticket } from "./Starts.js"
import * as TurnLine from "./TurnLine.js"
import * as TurnQueue from "../turn/TurnQueue.js"

/**
 * Who waits: parties, each with any number of rows.
 *
 * @since 0.2.0
 * @category models
 */
export interface Line {
  readonly places: Semaphore.Semaphore
  /** Whose turn it is of its parties. */
  readonly turns: TurnLine.TurnLine
  /** Its parties, as an election asks them. */
  readonly voters: Election.Line
  /** Where its rows go, unless that takes too long; undefined for anywhere. */
  readonly home: GroupMember | undefined
  /** How many rows wait, at least. */
  readonly rows: () => number
}

/**
 * What the lines of a group are made of.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  readonly members: ReadonlyArray<GroupMember>
  readonly timers: TimerQueue.TimerQueue
  /** How much longer a row would rather wait for its home, in milliseconds. */
  readonly stickiness: number
  /** See the option of pools, in milliseconds. */
  readonly ageing: number
  /** Whether nothing may start. */
  readonly isClosed: () => boolean
  /** Rows that wait in all lines. */
  readonly waiting: () => number
  /** Rows that have come so far. */
  readonly submitted: () => number
}

/**
 * The lines of a group.
 *
 * @since 0.2.0
 * @category models
 */
export interface Lines {
  /** Opens a line of rows with a home, of which so many wait. */
  readonly open: (home: GroupMember, rows: () => number) => Line
  readonly anywhere: Line
  /** Queues up for starts, as `Semaphore.join` does; `start` gets the ticket and whose it is. */
  readonly join: (
    line: Line,
    start: (member: GroupMember, ticket: Ticket) => boolean,
    elect: Election.Elect,
    standing: (() => TurnLine.Standing) | undefined
  ) => Semaphore.Place
  readonly leave: (line: Line, place: Semaphore.Place) => void
  /** A member may start a row: hands the start to whose turn it is; returns whether the member is to ask again. */
  readonly offered: (member: GroupMember, ticket: Ticket) => boolean
  /** Finds what a member that keeps limits would start next; says whether there is room for it. That start comes now. */
  readonly elect: (member: GroupMember, election: Election.Election) => boolean
  /** Nobody asks for a row before all have joined that do. */
  readonly together: (join: () => void) => void
  /** Something has changed: lets those members ask that should. */
  readonly call: () => void
  readonly close: () => void
}

interface Offer {
  readonly member: GroupMember
  readonly ticket: Ticket
}

/** Whom an election has found. */
interface Winner {
  readonly line: Line
  readonly place: Semaphore.Place
}

/**
 * Makes the lines of a group; nobody waits yet.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Lines => {
  const { isClosed, members, timers } = options
  let offer: Offer | undefined
  const isOffered = (): boolean => offer !== undefined
  const voting = votingOf(isOffered, () => TurnLine.make(options.ageing, timers.now))
  const homes: Array<Line> = []
  const anywhere: Line = {
    ...voting.open(),
    home: undefined,
    rows: () => Math.max(1, options.waiting() - homes.reduce((sum, line) => sum + line.rows(), 0))
  }
  const lines = (): ReadonlyArray<Line> => [anywhere, ...homes]
  const isEmpty = (): boolean => anywhere.places.waiting === 0 && homes.every(({ places }) => places.waiting === 0)
  const choice = choiceOf(options, () => call())
  let turn = 0

  /** The lines that a member may serve now, those first whose turn it is. */
  const linesFor = (member: GroupMember): ReadonlyArray<Line> => {
    const now = timers.now()
    const mayServe = lines().filter((line) => line.places.waiting > 0 && choice.mayServe(member, line, now))
    const from = mayServe.length === 0 ? 0 : turn % mayServe.length
    const inTurn = [...mayServe.slice(from), ...mayServe.slice(0, from)]
    if (inTurn.every(({ turns }) => turns.head === undefined)) return inTurn
    const headOf = ({ turns }: Line): TurnQueue.Head => turns.head ?? { priority: 0, since: now }
    return inTurn.sort((a, b) => TurnQueue.compare(headOf(a), headOf(b), options.ageing))
  }

  const dismissAll = (): void => {
    choice.settled()
    for (const member of members) member.dismiss()
  }

  /** A row's start is being found or made, and no other may be found meanwhile. */
  let isBusy = false
  /** More are about to join, of whom one may go first. */
  let areJoining = false
  /** Somebody called meanwhile. */
  let isCallDue = false

  const callIfDue = (): void => {
    if (!isCallDue) return
    isCallDue = false
    call()
  }

  /** Another row may fit where the first does not. */
  const lookAgain = (member: GroupMember): void => {
    if (isBusy) isCallDue = true
    else member.admission.lookAgain()
  }

  const call = (): void => {
    if (voting.isOpen || areJoining) {
      isCallDue = true
      return
    }
    if (isClosed()) return
    if (isEmpty()) return dismissAll()
    const idle = members.filter(({ isCalled, isGone, isLimited }) => !isGone && (!isCalled || isLimited))
    if (idle.length === 0) return
    for (const member of choice.order(idle)) {
      // It may have been called meanwhile, by what the one before it started. A busy one is asked what it is worth in time.
      if (member.isLimited) lookAgain(member)
      else if (!member.isCalled && (choice.isBusy(member) || linesFor(member).length > 0)) member.call()
      if (isEmpty()) return dismissAll()
    }
  }

  return {
    anywhere,
    open: (home, rows) => {
      const line: Line = { ...voting.open(), home, rows }
      homes.push(line)
      return line
    },
    join: (line, start, elect, standing) => {
      const onStart = (): boolean => {
        // Nobody is served without one.
        const taken = offer
        if (taken === undefined) return true
        offer = undefined
        choice.settled()
        return start(taken.member, taken.ticket)
      }
      line.voters.note(onStart, elect)
      if (standing !== undefined) line.turns.note(onStart, standing)
      const place = line.places.join(onStart)
      call()
      return place
    },
    leave: (line, place) => {
      line.places.leave(place)
      if (isEmpty()) dismissAll()
    },
    offered: (member, ticket) => {
      const line = ticket.held === undefined ? (isClosed() ? undefined : linesFor(member)[0]) : voting.winner?.line
      if (line === undefined) {
        member.admission.decline(ticket)
        return false
      }
      turn += 1
      offer = { member, ticket }
      const isOutermost = !isBusy
      isBusy = true
      line.places.serve()
      voting.over()
      if (isOutermost) isBusy = false
      const isTaken = !isOffered()
      if (!isTaken) {
        // The line is being served right now, and nobody else is to be served in the middle of that.
        offer = undefined
        member.admission.decline(ticket)
      }
      if (isOutermost) callIfDue()
      return isTaken && !isEmpty()
    },
    elect: (member, election) => {
      const isLater = isBusy || voting.isOpen
      const some = isLater || isClosed() ? [] : linesFor(member)
      if (isLater) isCallDue = true
      const isFound = some.some((line) => !election.isOver && voting.hold(line, election))
      // Nobody would wake it: it is called when that changes.
      if (some.length === 0) member.dismiss()
      if (!isFound && !isLater) callIfDue()
      return isFound
    },
    together: (join) => {
      areJoining = true
      join()
      areJoining = false
      callIfDue()
    },
    call,
    close: choice.settled
  }
}

/** How a line says whom it would serve next, before there is a start for them. */
const votingOf = (isOffered: () => boolean, makeTurns: () => TurnLine.TurnLine) => {
  let election: Election.Election | undefined
  let asked: Election.Line | undefined
  let winner: Winner["place"] | undefined
  let found: Winner | undefined

  return {
    /** Whether an election is held, or its winner has not started yet. */
    get isOpen(): boolean {
      return election !== undefined || found !== undefined
    },
    get winner(): Winner | undefined {
      return found
    },
    open: (): Pick<Line, "places" | "turns" | "voters"> => {
      const voters = Election.makeLine()
      const turns = makeTurns()
      const places = Semaphore.make(
        Infinity,
        () => isOffered() || asked === voters,
        (line) => {
          if (election !== undefined) {
            winner = voters.winner(line, election)
            return undefined
          }
          if (found !== undefined) return found.place
          return turns.first
        },
        turns
      )
      return { places, turns, voters }
    },
    hold: (line: Line, held: Election.Election): boolean => {
      election = held
      asked = line.voters
      line.places.serve()
      election = undefined
      asked = undefined
      if (winner !== undefined) found = { line, place: winner }
      winner = undefined
      return found !== undefined
    },
    over: (): void => {
      found = undefined
    }
  }
}

/** Which members should serve whom, by what each of them knows. */
const choiceOf = ({ members, stickiness, submitted, timers }: Options, onLate: () => void) => {
  let rate: Route.Rate = { at: 0, value: 0 }
  let seen = 0
  /** Nobody waits longer than this for a better member: what was expected did not come. */
  let patientUntil: number | undefined
  let timer: TimerQueue.Timer | undefined

  const guess = (): number => {
    const known = members.flatMap(({ worksFor }) => (worksFor === undefined ? [] : [worksFor]))
    return known.length === 0 ? 0 : Math.min(...known)
  }

  const arrivals = (now: number): number => {
    rate = Route.arrived(rate, submitted() > seen, now)
    seen = submitted()
    return rate.value
  }

  const settled = (): void => {
    patientUntil = undefined
    if (timer !== undefined) timers.remove(timer)
    timer = undefined
  }

  /** Looks again then, or sooner. */
  const wakeAt = (at: number): void => {
    if (timer !== undefined) {
      if (timer.at <= at) return
      timers.remove(timer)
    }
    timer = timers.add(at, () => {
      timer = undefined
      onLate()
    })
  }

  /** Whether rows are better off with it, which may start one now, than waiting for another. */
  const isWorth = (member: GroupMember, rows: number, now: number): boolean => {
    if (member.isSilent || (patientUntil !== undefined && TimerQueue.isDue(patientUntil, now))) return true
    const often = guess()
    // The permit that it has in hand counts as taken.
    const here = { ...member.view(now, often), opensAt: now }
    const others = members
      .filter((other) => other !== member && !other.isGone && !other.isSilent)
      .map((other) => other.view(now, often))
    if (Route.isWorth(here, others, rows, arrivals(now))) return true
    patientUntil ??= now + Route.gain(here, others)
    wakeAt(patientUntil)
    return false
  }

  /** Whether the rows of a line would wait too long for their home. */
  const isLate = ({ home, rows }: Line, now: number): boolean => {
    if (home === undefined || home.isGone || home.isSilent) return true
    const { every, opensAt } = home.view(now, guess())
    return opensAt + every * rows() - now > stickiness
  }

  return {
    settled,
    /** Whether it cannot start anybody right now. */
    isBusy: (member: GroupMember): boolean => {
      const now = timers.now()
      return TimerQueue.isDue(member.restsUntil, now) && member.view(now, 0).opensAt > now
    },
    mayServe: (member: GroupMember, line: Line, now: number): boolean => {
      if (!TimerQueue.isDue(member.restsUntil, now)) {
        wakeAt(member.restsUntil)
        return false
      }
      if (line.home === member) return true
      if (!isLate(line, now)) {
        // Their home may be late by then, though nothing happens till then.
        if (stickiness < Infinity) wakeAt(now + stickiness + 1)
        return false
      }
      return isWorth(member, line.rows(), now)
    },
    /** Those first that serve a row soonest. */
    order: (some: ReadonlyArray<GroupMember>): ReadonlyArray<GroupMember> => {
      const now = timers.now()
      const often = guess()
      return some
        .map((member) => ({ member, score: Route.score(member.view(now, often)) }))
        .sort((a, b) => a.score - b.score)
        .map(({ member }) => member)
    }
  }
}
