/**
 * Who waits at a group, and which of its members gets a row: one line for rows that may go anywhere, and one for each member
 * that is the home of rows.
 *
 * @since 0.2.0
 */
import * as Semaphore from "../structure/Semaphore.js"
import * as Election from "./Election.js"
import * as GroupChoice from "./GroupChoice.js"
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
export interface Line extends GroupChoice.Rows {
  readonly places: Semaphore.Semaphore
  /** Whose turn it is of its parties. */
  readonly turns: TurnLine.TurnLine
  /** Its parties, as an election asks them. */
  readonly voters: Election.Line
}

/**
 * What the lines of a group are made of.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options extends Omit<GroupChoice.Options, "onLate"> {
  /** See the option of pools, in milliseconds. */
  readonly ageing: number
  /** Whether nothing may start. */
  readonly isClosed: () => boolean
  /** Rows that wait in all lines. */
  readonly waiting: () => number
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
  const { ageing, isClosed, timers } = options
  let offer: Offer | undefined
  const isOffered = (): boolean => offer !== undefined
  const voting = votingOf(isOffered, () => TurnLine.make(ageing, timers.now))
  const choice = GroupChoice.make({ ...options, onLate: () => calls.call() })
  const queues = queuesOf(options, voting.open, choice)
  const calls = callsOf(options, queues, choice, voting)

  return {
    anywhere: queues.anywhere,
    open: queues.open,
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
      calls.call()
      return place
    },
    leave: (line, place) => {
      line.places.leave(place)
      calls.dismissIfEmpty()
    },
    offered: (member, ticket) => {
      const line = ticket.held === undefined ? (isClosed() ? undefined : queues.of(member)[0]) : voting.winner?.line
      if (line === undefined) {
        member.admission.decline(ticket)
        return false
      }
      queues.turn()
      offer = { member, ticket }
      const isOutermost = !calls.isBusy
      calls.isBusy = true
      line.places.serve()
      voting.over()
      if (isOutermost) calls.isBusy = false
      const isTaken = !isOffered()
      if (!isTaken) {
        // The line is being served right now, and nobody else is to be served in the middle of that.
        offer = undefined
        member.admission.decline(ticket)
      }
      if (isOutermost) calls.callIfDue()
      return isTaken && !queues.isEmpty()
    },
    elect: (member, election) => {
      const isLater = calls.isBusy || voting.isOpen
      const some = isLater || isClosed() ? [] : queues.of(member)
      if (isLater) calls.isDue = true
      const isFound = some.some((line) => !election.isOver && voting.hold(line, election))
      // Nobody would wake it: it is called when that changes.
      if (some.length === 0) member.dismiss()
      if (!isFound && !isLater) calls.callIfDue()
      return isFound
    },
    together: calls.together,
    call: calls.call,
    close: choice.settled
  }
}

/** All lines, and whose turn it is of them. */
const queuesOf = (
  { ageing, timers, waiting }: Options,
  openLine: () => Pick<Line, "places" | "turns" | "voters">,
  choice: GroupChoice.GroupChoice
) => {
  const homes: Array<Line> = []
  const anywhere: Line = {
    ...openLine(),
    home: undefined,
    rows: () => Math.max(1, waiting() - homes.reduce((sum, line) => sum + line.rows(), 0))
  }
  const lines = (): ReadonlyArray<Line> => [anywhere, ...homes]
  let turn = 0

  return {
    anywhere,
    open: (home: GroupMember, rows: () => number): Line => {
      const line: Line = { ...openLine(), home, rows }
      homes.push(line)
      return line
    },
    isEmpty: (): boolean => anywhere.places.waiting === 0 && homes.every(({ places }) => places.waiting === 0),
    turn: (): void => {
      turn += 1
    },
    /** The lines that a member may serve now, those first whose turn it is. */
    of: (member: GroupMember): ReadonlyArray<Line> => {
      const now = timers.now()
      const mayServe = lines().filter((line) => line.places.waiting > 0 && choice.mayServe(member, line, now))
      const from = mayServe.length === 0 ? 0 : turn % mayServe.length
      const inTurn = [...mayServe.slice(from), ...mayServe.slice(0, from)]
      if (inTurn.every(({ turns }) => turns.head === undefined)) return inTurn
      const headOf = ({ turns }: Line): TurnQueue.Head => turns.head ?? { priority: 0, since: now }
      return inTurn.sort((a, b) => TurnQueue.compare(headOf(a), headOf(b), ageing))
    }
  }
}

/** When members are called to ask for a row. */
const callsOf = (
  { isClosed, members }: Options,
  queues: ReturnType<typeof queuesOf>,
  choice: GroupChoice.GroupChoice,
  voting: { readonly isOpen: boolean }
) => {
  /** More are about to join, of whom one may go first. */
  let areJoining = false

  const dismissIfEmpty = (): boolean => {
    if (!queues.isEmpty()) return false
    choice.settled()
    for (const member of members) member.dismiss()
    return true
  }

  const callIfDue = (): void => {
    if (!calls.isDue) return
    calls.isDue = false
    call()
  }

  /** Another row may fit where the first does not. */
  const lookAgain = (member: GroupMember): void => {
    if (calls.isBusy) calls.isDue = true
    else member.admission.lookAgain()
  }

  const call = (): void => {
    if (voting.isOpen || areJoining) {
      calls.isDue = true
      return
    }
    if (isClosed() || dismissIfEmpty()) return
    const idle = members.filter(({ isCalled, isGone, isLimited }) => !isGone && (!isCalled || isLimited))
    if (idle.length === 0) return
    for (const member of choice.order(idle)) {
      // It may have been called meanwhile, by what the one before it started. A busy one is asked what it is worth in time.
      if (member.isLimited) lookAgain(member)
      else if (!member.isCalled && (choice.isBusy(member) || queues.of(member).length > 0)) member.call()
      if (dismissIfEmpty()) return
    }
  }

  const calls = {
    /** A row's start is being found or made, and no other may be found meanwhile. */
    isBusy: false,
    /** Somebody called meanwhile. */
    isDue: false,
    call,
    callIfDue,
    /** Says whether it did so. */
    dismissIfEmpty,
    together: (join: () => void): void => {
      areJoining = true
      join()
      areJoining = false
      callIfDue()
    }
  }
  return calls
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
