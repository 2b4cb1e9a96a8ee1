/**
 * Pools as one: an `Admission` whose starts come from whichever of its members can give one, so that lanes, batches and calls
 * work at a group as they do at a pool.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as MetricLabel from "effect/MetricLabel"
import type * as Scope from "effect/Scope"
import type { PoolConfig } from "../PoolConfig.js"
import * as PoolError from "../PoolError.js"
import * as PoolStats from "../PoolStats.js"
import * as TimerQueue from "../structure/TimerQueue.js"
import type { Admission } from "./Admission.js"
import { GroupMember } from "./GroupMember.js"
import * as GroupLines from "./GroupLines.js"
import * as Standing from "./GroupStanding.js"
import * as Idle from "./Idle.js"
import * as Insider from "./Insider.js"
import * as Parties from "./Parties.js"
import * as Pause from "./Pause.js"
import * as Silence from "./Silence.js"
import type { Ticket } from "./Starts.js"

/**
 * A pool that joins a group.
 *
 * @since 0.2.0
 * @category models
 */
export interface Joining {
  readonly name: string
  readonly admission: Admission
  /** How much longer a row would rather wait for another, in milliseconds. */
  readonly handicap: number
}

/**
 * The machine of a group.
 *
 * @since 0.2.0
 * @category models
 */
export interface GroupAdmission {
  readonly admission: Admission
  /** The same for rows that should go to the member of this name, of which so many wait. */
  readonly at: (name: string, rows: () => number) => Admission
  readonly close: () => void
}

/**
 * Makes the machine of a group. Its timers end with the scope.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (
  config: PoolConfig,
  joining: ReadonlyArray<Joining>,
  stickiness: number,
  labels: ReadonlyArray<MetricLabel.MetricLabel>
): Effect.Effect<GroupAdmission, never, Scope.Scope> =>
  Effect.gen(function* () {
    const timers = yield* TimerQueue.make
    const log = yield* FiberSet.makeRuntime<never>()
    return assemble({ config, joining, stickiness, labels, timers, log: (line) => void log(line) })
  })

interface Parts {
  readonly config: PoolConfig
  readonly joining: ReadonlyArray<Joining>
  readonly stickiness: number
  readonly labels: ReadonlyArray<MetricLabel.MetricLabel>
  readonly timers: TimerQueue.TimerQueue
  readonly log: (line: Effect.Effect<void>) => void
}

/** What the parts of a group share. */
interface Machine {
  readonly members: ReadonlyArray<GroupMember>
  readonly lines: GroupLines.Lines
  readonly parties: Parties.Parties
  readonly tally: PoolStats.Tally
  readonly timers: TimerQueue.TimerQueue
  readonly pause: Pause.Pause
  readonly silence: Silence.Silence
  readonly idle: Idle.Idle
  inFlight: number
  /** Started so far. */
  sequence: number
  served: number
  /** How often a party that was handed a start had nothing to do. */
  declined: number
  /** Set once the money of all members is spent. */
  brokeBy: PoolError.BudgetExhaustedError | undefined
  /** The member whose start is handed over right now. */
  giving: GroupMember | undefined
}

const assemble = (parts: Parts): GroupAdmission => {
  const machine = connect(parts)
  const { lines, members } = machine
  const admission = admissionOf(machine, parts)
  return {
    admission,
    at: (name, rows) => {
      const home = members.find((member) => member.name === name)
      if (home === undefined) throw new Error(`a group without the member ${name}`)
      // The same machine, for whose getters it stands, but for the line.
      return Object.assign(Object.create(admission) as Admission, linesOf(machine, lines.open(home, rows)))
    },
    close: () => {
      for (const member of members) member.leave()
      lines.close()
    }
  }
}

/** The machine as lanes know it. */
const admissionOf = (machine: Machine, { labels, timers, ...parts }: Parts): Admission => {
  let { config } = parts
  const { idle, lines, members, parties, pause, silence, tally } = machine
  let rows = 0
  return {
    get config() {
      const poolSize = Standing.sizeOf(members)
      if (poolSize !== config.poolSize) config = { ...config, poolSize }
      return config
    },
    timers,
    tally,
    labels,
    silence,
    pause,
    get decision() {
      return Standing.decisionOf(members, timers.now())
    },
    standing: () => Standing.of(members, timers),
    get changes() {
      return Standing.changesOf(members)
    },
    onChange: (listener) => Standing.listen(members, listener),
    get hintUntil() {
      return Standing.heldUntil(members)
    },
    get longestRetryAfter() {
      return Math.max(...members.map(({ admission }) => admission.longestRetryAfter))
    },
    get served() {
      return machine.served
    },
    mind: Standing.mindOf(members),
    get sequence() {
      return machine.sequence
    },
    get isShutdown() {
      return parties.isShutdown
    },
    // What a member was told, its own statistics show.
    limiter: undefined,
    get pools() {
      return members.flatMap(({ admission, isGone }) => (isGone ? [] : [admission]))
    },
    get limiters() {
      return members.flatMap(({ admission, isGone }) => (isGone ? [] : admission.limiters))
    },
    limiterOf: (ticket) => (ticket === undefined ? undefined : giverOf(machine, ticket).admission.limiter),
    get brokeBy() {
      return machine.brokeBy
    },
    get inFlight() {
      return machine.inFlight
    },
    get parked() {
      return parties.parked()
    },
    get opensAt() {
      return undefined
    },
    get heldBackBy() {
      return pause.isPaused ? "pause" : Standing.heldBackBy(members)
    },
    pauseStarts: () => pause.begin(timers.now()),
    resume: () => resume(machine),
    // The size of a group is that of its members.
    resize: () => {},
    enter: parties.enter,
    exit: parties.exit,
    ...linesOf(machine, lines.anywhere),
    together: lines.together,
    lookAgain: lines.call,
    decline: (ticket) => {
      machine.declined += 1
      machine.giving?.admission.decline(ticket)
    },
    // A row begins while its start is handed over.
    weighs: (sequence, tokens) => machine.giving?.admission.weighs(sequence, tokens),
    began: (ticket) => {
      if (ticket !== undefined) giverOf(machine, ticket).admission.began(ticket)
    },
    nextRow: () => (rows += 1),
    observe: observer(machine),
    settled: silence.forget,
    release: releaser(machine),
    shutdown: parties.shutdown,
    cappedHint: (retryAfter) => Math.min(retryAfter, Duration.toMillis(config.maxRetryAfter)),
    takeNotice: () => members.reduce<string | undefined>((said, m) => said ?? m.admission.takeNotice(), undefined),
    isInside: (fiber) => Insider.find(fiber.getFiberRef(Insider.current), tally) !== undefined,
    idle: idle.wait
  }
}

const resume = ({ lines, parties, pause, silence, timers }: Machine): void => {
  if (!pause.isPaused) return
  pause.end(timers.now())
  silence.resumed(timers.now())
  parties.resumed()
  lines.call()
}

/** Makes the parts, each of which knows those that it asks. */
const connect = ({ config, joining, log, stickiness, timers }: Parts): Machine => {
  const tally = PoolStats.makeTally()
  const parties = Parties.make()
  const pause = Pause.make()
  const silence = Silence.ofPool(config, tally, {
    timers,
    pause,
    inFlight: () => machine.inFlight,
    onDead: parties.giveUp,
    log
  })
  const onGone = (): void => {
    if (members.some(({ isGone }) => !isGone)) return lines.call()
    machine.brokeBy = brokeOf(members, config.name, tally)
    if (machine.brokeBy === undefined) parties.shutdown(false)
    else parties.broke(machine.brokeBy)
  }
  const members = joining.map(
    ({ admission, handicap, name }) =>
      new GroupMember(name, admission, handicap, {
        offered: (member, ticket) => lines.offered(member, ticket),
        elect: (member, election) => lines.elect(member, election),
        onGone
      })
  )
  const lines: GroupLines.Lines = GroupLines.make({
    members,
    timers,
    stickiness,
    ageing: Duration.toMillis(config.ageing),
    isClosed: () => pause.isPaused || parties.isShutdown,
    waiting: () => PoolStats.pending(tally) - tally.inFlight,
    submitted: () => tally.rows
  })
  const machine: Machine = {
    members,
    lines,
    parties,
    tally,
    timers,
    pause,
    silence,
    idle: Idle.make(tally, () => machine.inFlight),
    inFlight: 0,
    sequence: 0,
    served: 0,
    declined: 0,
    brokeBy: undefined,
    giving: undefined
  }
  if (members.every(({ isGone }) => isGone)) onGone()
  return machine
}

/** What a group ends with whose last member is gone; undefined where none of them has spent its money. */
const brokeOf = (
  members: ReadonlyArray<GroupMember>,
  pool: string,
  tally: PoolStats.Tally
): PoolError.BudgetExhaustedError | undefined => {
  const broke = members.flatMap(({ admission }) => admission.brokeBy ?? [])
  if (broke.length === 0) return undefined
  const sum = (f: (error: PoolError.BudgetExhaustedError) => number): number => broke.reduce((all, e) => all + f(e), 0)
  return new PoolError.BudgetExhaustedError({
    pool,
    budget: sum(({ budget }) => budget),
    spent: sum(({ spent }) => spent),
    undone: PoolStats.pending(tally)
  })
}

/** How parties of a line ask for starts. */
const linesOf = (machine: Machine, line: GroupLines.Line): Pick<Admission, "queue" | "leave" | "changed"> => {
  const { lines } = machine
  return {
    queue: (party) =>
      lines.join(
        line,
        (member, ticket) => {
          const { declined } = machine
          machine.giving = member
          machine.inFlight += 1
          machine.sequence += 1
          const wantsAnother = party.start({ ...ticket, member })
          machine.giving = undefined
          if (machine.declined > declined) {
            machine.inFlight -= 1
            machine.sequence -= 1
          } else {
            member.started()
          }
          return wantsAnother
        },
        party.elect,
        party.standing
      ),
    changed: line.turns.changed,
    leave: (place) => lines.leave(line, place)
  }
}

/** The member that gave a start: every start of a group has one. */
const giverOf = ({ members }: Machine, ticket: Ticket | undefined): GroupMember => {
  const giver = members.find((member) => member === ticket?.member)
  if (giver === undefined) throw new Error("a start that no member of the group gave")
  return giver
}

/** Tells the member, and whoever waits, what came of an attempt. */
const observer =
  (machine: Machine): Admission["observe"] =>
  (ticket, subject, outcome, now, hints) => {
    const { members, parties, silence } = machine
    if (outcome === "success") machine.served += 1
    if (outcome === "success" || outcome === "failure") silence.letThrough(now)
    const isOwn = giverOf(machine, ticket).observe(ticket, subject, outcome, hints)
    if (typeof outcome === "string" || isOwn) {
      if (isOwn || outcome === "neutral") silence.ended(now)
      return isOwn
    }
    const heldUntil = Standing.heldUntil(members)
    // What cannot wait for the first that comes back fails now.
    if (heldUntil > now) parties.held(heldUntil)
    silence.rejected(outcome, now)
    return false
  }

const releaser =
  (machine: Machine): Admission["release"] =>
  (ticket) => {
    const { idle, lines, members, silence, timers } = machine
    const giver = giverOf(machine, ticket)
    machine.inFlight -= 1
    giver.admission.release(ticket)
    if (machine.inFlight === 0) silence.idle(Standing.heldUntil(members), timers.now())
    lines.call()
    idle.wake()
  }
