/**
 * The entity of a pool: it leases the starts that one law and one set of limits allow to the runners that ask for them.
 *
 * @since 0.2.0
 */
import type { Lending } from "../pool/Admission.js"
import type { Party } from "../pool/Parties.js"
import * as Ramp from "../law/Ramp.js"
import type { Place } from "../structure/Semaphore.js"
import type { Timer } from "../structure/TimerQueue.js"
import type { Message, Reply } from "./Message.js"
import * as Tenancy from "./Tenancy.js"

/**
 * How long things last between a runner and its entity, in milliseconds. All of them follow from the first.
 *
 * @since 0.2.0
 * @category models
 */
export interface Times {
  /** A runner of which nothing is heard for so long has no permits any more. */
  readonly patience: number
  /** A lease that is not used lapses. */
  readonly lease: number
  /** A reply waits so long, at most, for something to say. */
  readonly hold: number
  /** Between two messages to, or from, a runner. */
  readonly pace: number
}

/**
 * The times for a patience.
 *
 * @since 0.2.0
 * @category constructors
 */
export const timesOf = (patience: number): Times => ({
  patience,
  lease: patience / 2,
  hold: patience / 8,
  pace: Math.min(5, patience / 100)
})

/**
 * What a lessor works with.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** Paused while the entity is not in power. */
  readonly admission: Lending
  readonly times: Times
  /** Names the entity; no other of the same pool ever had this name. */
  readonly name: string
  /** How much longer no other entity leases anything, in milliseconds. */
  readonly powerFor: () => number
}

/**
 * A lessor.
 *
 * @since 0.2.0
 * @category models
 */
export interface Lessor {
  /** Takes in a message; `answer` is called once, now or later. */
  readonly hear: (message: Message, answer: (reply: Reply) => void) => void
  /** Something may start that could not before. */
  readonly lookAgain: () => void
  /** Runners that are known. */
  readonly tenants: number
  /** Starts that are leased, and attempts that run. */
  readonly leased: number
  /** Nobody is answered any more; all permits come back. */
  readonly close: () => void
}

/** A tenancy with its place in line, and the message of it that is not answered. */
interface Seat {
  readonly tenancy: Tenancy.Tenancy
  /** What the tenant had before it was led astray, by an entity that is not in power; kept until it has said what it runs. */
  previous: Tenancy.Tenancy | undefined
  readonly party: Party
  place: Place | undefined
  poll: { readonly number: number; readonly answer: (reply: Reply) => void; readonly until: Timer } | undefined
  sendsAt: Timer | undefined
  answeredAt: number
}

type Seats = ReadonlyMap<string, Seat>

const nothing = (): void => undefined

const waitsBesides = (seats: Seats, seat: Seat): boolean => {
  for (const other of seats.values()) if (other !== seat && other.tenancy.waiting > 0) return true
  return false
}

const windowNow = ({ decision, timers }: Lending): number => Ramp.windowAt(decision, timers.now())

const unheard = { isHeard: false, leases: [], lasts: 0, keeps: 0 }

/** How tenants are answered: at most one reply in a while, which takes along what is ready. */
const replierOf = ({ admission, powerFor, times }: Options, seats: Seats) => {
  const { timers } = admission

  const replyOf = (
    seat: Seat | undefined,
    what: Pick<Reply, "isHeard" | "leases" | "lasts" | "keeps"> = unheard
  ): Reply => {
    const { chance = 0, delay, reason } = admission.decision
    return {
      term: seat?.tenancy.term ?? "",
      ...what,
      isContended: seat !== undefined && waitsBesides(seats, seat),
      window: windowNow(admission),
      delay,
      chance,
      reason
    }
  }

  const reply = (seat: Seat): void => {
    const { poll, tenancy } = seat
    if (poll === undefined) return
    seat.poll = undefined
    timers.remove(poll.until)
    if (seat.sendsAt !== undefined) timers.remove(seat.sendsAt)
    seat.sendsAt = undefined
    seat.answeredAt = timers.now()
    // Whatever it says ends before the power does, however late it is read.
    const power = Math.max(0, powerFor())
    const leases = power > 0 ? tenancy.send(poll.number) : []
    const until = { lasts: Math.min(times.lease, power), keeps: Math.min(times.patience, power) }
    poll.answer(replyOf(seat, { isHeard: true, leases, ...until }))
  }

  return {
    replyOf,
    reply,
    send: (seat: Seat): void => {
      const { answeredAt, poll, tenancy } = seat
      if (poll === undefined || tenancy.ready === 0 || seat.sendsAt !== undefined) return
      const at = answeredAt + times.pace
      if (tenancy.waiting === 0 || at <= timers.now()) return reply(seat)
      seat.sendsAt = timers.add(at, () => {
        seat.sendsAt = undefined
        reply(seat)
      })
    }
  }
}

type Replier = ReturnType<typeof replierOf>

/** The seats of tenants in the line of the pool. */
const seatsOf = ({ admission, name, times }: Options, seats: Map<string, Seat>, { reply, send }: Replier) => {
  const { timers } = admission
  let opened = 0

  /** Spare starts are for times in which nobody waits, and half of the permits are free. */
  const wants = (seat: Seat): boolean => {
    const { spare, waiting } = seat.tenancy
    if (waiting > 0) return true
    return spare > 0 && !waitsBesides(seats, seat) && 2 * (admission.inFlight + 1) <= windowNow(admission)
  }

  const leave = (tenant: string, seat: Seat): void => {
    seats.delete(tenant)
    if (seat.place !== undefined) admission.leave(seat.place)
    admission.exit(seat.party)
    seat.tenancy.end()
    seat.previous?.end()
    reply(seat)
  }

  const watch = (tenant: string, seat: Seat): void => {
    const at = seat.tenancy.heardAt + times.patience
    timers.add(at, () => {
      if (seats.get(tenant) !== seat) return
      if (timers.now() >= seat.tenancy.heardAt + times.patience) leave(tenant, seat)
      else watch(tenant, seat)
    })
  }

  const open = (tenant: string, number: number, previous?: Seat): Seat => {
    opened += 1
    const tenancy = Tenancy.make(admission, `${name}.${opened}`, opened)
    const party: Party = {
      start: (ticket) => {
        if (!wants(seat)) {
          admission.decline(ticket)
          return false
        }
        tenancy.lease(ticket)
        send(seat)
        return wants(seat)
      },
      elect: (election) => wants(seat) && election.accepts(tenancy.next),
      broke: nothing,
      giveUp: nothing,
      parked: () => 0,
      resumed: nothing,
      held: nothing,
      shutdown: nothing
    }
    const empty = { place: undefined, poll: undefined, sendsAt: undefined, answeredAt: -Infinity }
    const seat: Seat = { tenancy, party, previous: previous?.tenancy, ...empty }
    tenancy.seen(number, timers.now())
    seats.set(tenant, seat)
    admission.enter(party)
    watch(tenant, seat)
    return seat
  }

  return {
    open,
    leave,
    queue: (seat: Seat): void => {
      if (!wants(seat)) {
        if (seat.place !== undefined) admission.leave(seat.place)
      } else if (seat.place?.queued !== true) seat.place = admission.queue(seat.party)
      else admission.lookAgain()
    }
  }
}

/**
 * Makes a lessor without tenants.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: Options): Lessor => {
  const { admission, times } = options
  const { timers } = admission
  const seats = new Map<string, Seat>()
  const replier = replierOf(options, seats)
  const { reply, replyOf, send } = replier
  const { leave, open, queue } = seatsOf(options, seats, replier)
  let isClosed = false

  /** A tenant that comes back from another term has forgotten what it had not told yet. */
  const reopen = (tenant: string, number: number, seat: Seat): Seat => {
    if (seat.place !== undefined) admission.leave(seat.place)
    admission.exit(seat.party)
    reply(seat)
    return open(tenant, number, seat)
  }

  const seatOf = ({ number, tenant, term }: Message): Seat => {
    const seat = seats.get(tenant)
    if (seat === undefined) return open(tenant, number)
    const { isIntroduced, number: latest, term: known } = seat.tenancy
    return known !== term && isIntroduced && number > latest ? reopen(tenant, number, seat) : seat
  }

  return {
    hear: (message, answer) => {
      if (isClosed) return answer(replyOf(undefined))
      const { number, term } = message
      const seat = seatOf(message)
      const { tenancy } = seat
      if (tenancy.term !== term) {
        tenancy.seen(number, timers.now())
        return answer(replyOf(seat))
      }
      if (number <= tenancy.number) return answer(replyOf(seat))
      reply(seat)
      tenancy.hear(message, timers.now())
      seat.previous?.end()
      seat.previous = undefined
      seat.poll = { number, answer, until: timers.add(timers.now() + times.hold, () => reply(seat)) }
      queue(seat)
      if (tenancy.waiting === 0 && tenancy.spare === 0) reply(seat)
      else send(seat)
    },
    lookAgain: admission.lookAgain,
    get tenants() {
      return seats.size
    },
    get leased() {
      let sum = 0
      for (const { previous, tenancy } of seats.values()) sum += tenancy.size + (previous?.size ?? 0)
      return sum
    },
    close: () => {
      isClosed = true
      for (const [tenant, seat] of [...seats]) leave(tenant, seat)
    }
  }
}
