/**
 * Where a group stands, put together from where its members stand.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Ramp from "../law/Ramp.js"
import type { Decision } from "../law/ControlLaw.js"
import * as PoolStats from "../PoolStats.js"
import type { TimerQueue } from "../structure/TimerQueue.js"
import type { Admission } from "./Admission.js"
import type { GroupMember } from "./GroupMember.js"
import type { Mind } from "./KeeperOpener.js"

type Members = ReadonlyArray<GroupMember>

const alive = (members: Members): Members => members.filter(({ isGone }) => !isGone)

/** The least of the members that are there; 0 where none is. */
const least = (members: Members, f: (member: GroupMember) => number): number => {
  const some = alive(members)
  return some.length === 0 ? 0 : Math.min(...some.map(f))
}

/**
 * How many attempts may be in flight at all members at once.
 *
 * @since 0.2.0
 * @category values
 */
export const sizeOf = (members: Members): number =>
  Math.max(
    1,
    alive(members).reduce((sum, { admission }) => sum + admission.config.poolSize, 0)
  )

/**
 * The end of the silence that all members were asked for: the first that comes back may serve anybody.
 *
 * @since 0.2.0
 * @category values
 */
export const heldUntil = (members: Members): number => least(members, ({ admission }) => admission.hintUntil)

/**
 * The decision of a group as its statistics tell it. A row that a member has rejected asks the others at once: it waits for
 * no delay.
 *
 * @since 0.2.0
 * @category values
 */
export const decisionOf = (members: Members, now: number): Decision => {
  const some = alive(members)
  const silent = some.flatMap(({ admission }) => admission.decision.saturatedSince ?? [])
  const pace = some.reduce((sum, { admission }) => sum + 1 / admission.decision.spacing, 0)
  return {
    window: some.reduce((sum, { admission }) => sum + Ramp.windowAt(admission.decision, now), 0),
    spacing: pace === 0 ? 0 : 1 / pace,
    holdUntil: least(members, (member) => member.heldUntil),
    delay: 0,
    saturatedSince: some.length > 0 && silent.length === some.length ? Math.max(...silent) : undefined,
    epoch: 0,
    reason: some.map(({ admission, name }) => `${name}: ${admission.decision.reason}`).join("; ")
  }
}

/**
 * The same as a change.
 *
 * @since 0.2.0
 * @category values
 */
export const of = (members: Members, timers: TimerQueue): PoolStats.Change => {
  const { delay, holdUntil, reason, saturatedSince, spacing, window } = decisionOf(members, timers.now())
  return {
    at: timers.wallNow(),
    window,
    spacing,
    delay,
    holdUntil: holdUntil === 0 ? 0 : timers.toWall(holdUntil),
    starts: undefined,
    chance: 0,
    saturatedSince: saturatedSince === undefined ? undefined : timers.toWall(saturatedSince),
    reason
  }
}

/** A change of a member, as the group tells it. */
const told = ({ name }: GroupMember, change: PoolStats.Change): PoolStats.Change => ({
  ...change,
  reason: `${name}: ${change.reason}`
})

/**
 * The latest changes of all members, oldest first.
 *
 * @since 0.2.0
 * @category values
 */
export const changesOf = (members: Members): ReadonlyArray<PoolStats.Change> =>
  members
    .flatMap((member) => member.admission.changes.map((change) => told(member, change)))
    .sort((a, b) => a.at - b.at)
    .slice(-PoolStats.changesKept)

/**
 * Lets somebody hear of every change of a member; returns how to stop.
 *
 * @since 0.2.0
 * @category listening
 */
export const listen = (members: Members, listener: (change: PoolStats.Change) => void): (() => void) => {
  const stops = members.map((member) => member.admission.onChange((change) => listener(told(member, change))))
  return () => stops.forEach((stop) => stop())
}

/**
 * What lets rows wait: nothing while a member may start one, else what holds back most members.
 *
 * @since 0.2.0
 * @category values
 */
export const heldBackBy = (members: Members): Admission["heldBackBy"] => {
  const reasons = alive(members).map(({ admission }) => admission.heldBackBy)
  if (reasons.includes(undefined)) return undefined
  const often = (reason: Admission["heldBackBy"]): number => reasons.filter((other) => other === reason).length
  return [...reasons].sort((a, b) => often(b) - often(a))[0]
}

/**
 * The laws of a group: each member's keeps what it has learned under the member's name.
 *
 * @since 0.2.0
 * @category values
 */
export const mindOf = (members: Members): Mind => ({
  law: `group of ${members.map(({ admission, name }) => `${name} (${admission.mind.law})`).join(", ")}`,
  learned: () =>
    Object.fromEntries(
      members.flatMap(({ admission, name }) => {
        const learned = admission.mind.learned()
        return learned === undefined ? [] : [[name, learned]]
      })
    ),
  learn: (learned) => {
    if (!Predicate.isRecord(learned)) return
    for (const { admission, name } of members) if (name in learned) admission.mind.learn(learned[name])
  }
})

/**
 * The longest of what the members have; none where one has none.
 *
 * @since 0.2.0
 * @category values
 */
export const longest = (
  admissions: ReadonlyArray<Admission>,
  f: (config: Admission["config"]) => Duration.Duration | undefined
): Duration.Duration | undefined => {
  const all = admissions.map(({ config }) => f(config))
  return all.reduce((a, b) => (a === undefined || b === undefined ? undefined : Duration.max(a, b)))
}
