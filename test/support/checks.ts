/** The invariants of the pool, checked on the log of a world. */
import { Duration, Exit } from "effect"
import type { ControlLaw } from "effect-aimd"
import * as Ramp from "../../src/law/Ramp.js"
import { outcome } from "./api.js"
import { type Event, isGenerator, type Run, type World } from "./world.js"

type Start = Extract<Event, { readonly type: "start" | "end" }>

const startsOf = (run: Run) => run.log.filter((event): event is Start => event.type === "start")

/** What a world did that a pool must not do; empty when all is well. */
export const violations = (world: World, run: Run): ReadonlyArray<string> => [
  ...concurrency(world, run),
  ...spacing(world, run),
  ...holds(world, run),
  ...epochs(world, run),
  ...ends(run),
  ...budgets(world, run),
  ...outcomes(world, run),
  ...entries(world, run),
  ...pauses(run),
  ...streams(world, run),
  ...remains(world, run)
]

/** 1: attempts in flight ≤ window ≤ poolSize, where every window of that instant counts. */
const concurrency = (world: World, { log }: Run): Array<string> => {
  const found: Array<string> = []
  let running = 0
  let decided: Array<{ readonly at: number; readonly decision: ControlLaw.Decision }> = []
  for (const event of log) {
    if (event.type === "decide") {
      // Of the past, only the last window still counts.
      decided = [...decided.slice(-1), ...decided.slice(0, -1).filter(({ at }) => at === event.at)]
      decided.push({ at: event.at, decision: event.decision })
    }
    if (event.type === "end") running -= 1
    if (event.type === "start") {
      running += 1
      const windows = inForce(decided, event.at).map(({ decision }) => windowAt(world, decision, event.at))
      const allowed = Math.min(sizeAt(world, log, event.at), Math.max(1, ...windows.map(Math.floor)))
      if (running > allowed) found.push(`${running} in flight at ${event.at}, allowed ${allowed}`)
    }
  }
  return found
}

/** What a decision allows; the pool lets no window wait longer than maxRetryAfter for its next step. */
const windowAt = ({ maxRetryAfter }: World, decision: ControlLaw.Decision, at: number): number => {
  const { ramp } = decision
  const bounded = ramp && { ...ramp, every: Math.min(ramp.every, maxRetryAfter) }
  return Ramp.windowAt({ ...decision, ramp: bounded }, at)
}

/** The largest size that the pool has at an instant. */
const sizeAt = (world: World, log: Run["log"], at: number): number => {
  const sizes = log.filter((event) => event.type === "resize")
  return Math.max(...inForce([{ at: -1, size: world.poolSize }, ...sizes], at).map(({ size }) => size))
}

/** How long the pool was paused between two instants. */
const pausedBetween = (log: Run["log"], from: number, to: number): number => {
  let since: number | undefined
  let total = 0
  for (const { at, type } of log) {
    if (type === "pause") since ??= at
    if (type !== "resume" || since === undefined) continue
    total += Math.max(0, Math.min(at, to) - Math.max(since, from))
    since = undefined
  }
  return since === undefined ? total : total + Math.max(0, to - Math.max(since, from))
}

/** Nothing starts while the pool is paused. */
const pauses = (run: Run): Array<string> =>
  startsOf(run).flatMap(({ at }) =>
    pausedBetween(run.log, at - 0.5, at + 0.5) === 1 ? [`a start at ${at}, while the pool is paused`] : []
  )

/**
 * A stream tells of each row once, in order where it keeps one; its reader has the first of those. What was read and has no
 * entry is handed back, or was evicted; and no more is read than there is room for.
 */
const streams = (world: World, run: Run): Array<string> =>
  run.streams.flatMap((seen, party) => {
    const { reading, rows } = world.parties[party] ?? {}
    if (seen === undefined || reading === undefined || rows === undefined) return []
    const found: Array<string> = []
    const expect = (holds: boolean, what: string) => void (holds || found.push(`stream ${party}: ${what}`))
    const heard = seen.heard.map(({ submitIndex }) => submitIndex)
    const inOrder = [...heard].sort((a, b) => a - b)
    expect(new Set(heard).size === heard.length, `told twice of a row: ${heard.join()}`)
    expect(!reading.ordered || inOrder.join() === heard.join(), `out of order: ${heard.join()}`)
    const taken = seen.taken.map(({ submitIndex }) => submitIndex)
    expect(heard.slice(0, taken.length).join() === taken.join(), `told of ${heard.join()}, taken ${taken.join()}`)
    expect(seen.mostAhead <= reading.maxPending, `${seen.mostAhead} rows read ahead, ${reading.maxPending} allowed`)
    const withoutEntry = seen.unfinished.filter((row) => !heard.includes(row))
    const known = heard.length + withoutEntry.length + seen.evicted
    // The row that a stream gives in the very instant in which it is interrupted, it keeps for itself.
    const lost = isGenerator(reading) ? [0] : [0, 1]
    expect(lost.includes(seen.read - known), `${seen.read} rows read, ${known} accounted for`)
    const { exits } = run
    const last = exits[party]
    const isWhole = last !== undefined && Exit.isSuccess(last) && last.value.length === taken.length
    expect(!isWhole || taken.length + seen.evicted === rows.length, `ends well after ${taken.length} of ${rows.length}`)
    return found
  })

/** The decisions in force at any moment of an instant: the last of before, and those of the instant. */
const inForce = <A extends { readonly at: number }>(all: ReadonlyArray<A>, at: number): ReadonlyArray<A> => {
  const before = all.filter((one) => one.at < at).slice(-1)
  return [...before, ...all.filter((one) => one.at === at)]
}

/** 2: two starts are never closer than minDispatchDelay and the law's spacing, none falls inside the law's hold. */
const spacing = (world: World, run: Run): Array<string> => {
  const decisions = run.log.filter((event) => event.type === "decide")
  return startsOf(run).flatMap((start, i, starts) => {
    const now = inForce(decisions, start.at).map(({ decision }) => decision)
    const decided = Math.min(...now.map((decision) => decision.spacing))
    const least = Math.max(world.minDispatchDelay, Math.min(decided, world.maxRetryAfter))
    // The pool holds no longer than maxRetryAfter from when the law decided it, whatever a law decides.
    const since = (decision: unknown): number => decisions.find((event) => event.decision === decision)?.at ?? 0
    const hold = Math.min(...now.map((decision) => Math.min(decision.holdUntil, since(decision) + world.maxRetryAfter)))
    const before = starts[i - 1]
    return [
      ...(before !== undefined && start.at - before.at < least
        ? [`starts at ${before.at} and ${start.at}, not ${least}`]
        : []),
      ...(start.at < hold ? [`a start at ${start.at} in the law's hold until ${hold}`] : [])
    ]
  })
}

/** 2: no start falls inside the hold of a Retry-After. */
const holds = (world: World, run: Run): Array<string> =>
  run.log.flatMap((hint) =>
    hint.type !== "hint" || isUnheard(world, run, hint)
      ? []
      : startsOf(run).flatMap(({ at }) =>
          at > hint.at && at < hint.until ? [`a start at ${at} in the hold of ${hint.at} to ${hint.until}`] : []
        )
  )

/**
 * An attempt that is interrupted in the very instant in which it ends is an interruption to Effect, and its answer is lost;
 * so is that of an attempt which was interrupted before and refused to end. What is a row's own trouble holds that row alone.
 */
const isUnheard = (world: World, run: Run, hint: Extract<Event, { readonly type: "hint" }>): boolean => {
  const since = hint.stubborn ? hint.startedAt : hint.at
  const isDue = (at: number): boolean => at >= since && at <= hint.at
  const timesOut = world.attemptTimeout !== undefined && isDue(hint.startedAt + world.attemptTimeout)
  const isHeard = run.log.some(
    (event) => event.type === "decide" && event.at === hint.at && event.heard === hint.until - hint.at
  )
  const isOwn = run.log.some(
    (event) => event.type === "decide" && event.own && event.at === hint.at && event.admittedAt === hint.startedAt
  )
  return !isHeard && (isOwn || timesOut || interruptionsOf(world, run, hint.party).some(isDue))
}

/** The instants at which a party is interrupted as a whole. */
const interruptionsOf = (world: World, { log }: Run, index: number): ReadonlyArray<number> => {
  const party = world.parties[index]
  if (party === undefined) return []
  const failures =
    party.kind === "forEach"
      ? log.flatMap((event) => (event.type === "end" && event.party === index && event.what !== "ok" ? [event.at] : []))
      : []
  const closes = log.flatMap((event) => (event.type === "shutdown" && event.closes ? [event.at] : []))
  const timeout = party.timeout === undefined ? [] : [party.at + party.timeout]
  const interrupted = party.interruptedAt === undefined ? [] : [party.interruptedAt]
  const takenBack = world.acts.flatMap((act) => ("row" in act && act.party === index ? [act.at] : []))
  return [...failures, ...closes, ...timeout, ...interrupted, ...takenBack]
}

/** 6: the rejection that backs a law off was admitted after the law had backed off last. */
const epochs = (world: World, { log }: Run): Array<string> => {
  if (world.law === "wild") return []
  let epoch = 0
  let since = -Infinity
  return log.flatMap((event) => {
    if (event.type !== "decide" || event.decision.epoch === epoch) return []
    const found = event.admittedAt < since ? [`backed off at ${event.at} on an attempt of ${event.admittedAt}`] : []
    epoch = event.decision.epoch
    since = event.at
    return found
  })
}

/** 5: no start after a shutdown was asked for, nothing in flight when it returns. */
const ends = ({ log }: Run): Array<string> => {
  const asked = log.find(({ type }) => type === "shutdown")
  const returned = log.findIndex(({ type }) => type === "shut")
  const before = returned < 0 ? [] : log.slice(0, returned)
  const inFlight =
    before.filter(({ type }) => type === "start").length - before.filter(({ type }) => type === "end").length
  return [
    ...log.flatMap((event, index) =>
      event.type === "start" && ((asked && event.at > asked.at) || (returned >= 0 && index > returned))
        ? [`a start at ${event.at}, after the shutdown`]
        : []
    ),
    ...(inFlight > 0 ? [`${inFlight} in flight when the shutdown returned`] : [])
  ]
}

/** 5: no start on or after a row's deadline. */
const budgets = (world: World, run: Run): Array<string> => {
  const first = new Map<string, number>()
  return startsOf(run).flatMap(({ at, party, row }) => {
    const started = first.get(`${party}.${row}`)
    if (started === undefined) first.set(`${party}.${row}`, at)
    return started !== undefined && at >= started + world.budget + pausedBetween(run.log, started, at)
      ? [`row ${party}.${row} started at ${at}`]
      : []
  })
}

/** 3 and 7: every row has one outcome; in a calm world, the last answer of its script. */
const outcomes = (world: World, { exits }: Run): Array<string> =>
  world.parties.flatMap((party, index) => {
    const exit = exits[index]
    if (exit === undefined || Exit.isFailure(exit)) {
      const isExpected = party.interruptedAt !== undefined || party.kind === "forEach" || world.end.at < 1000
      return isExpected || selfShutdown(world) ? [] : [`party ${index} failed`]
    }
    if (party.kind === "stream" && !isCalm(world)) return []
    const evicted = evictedOf(world, index)
    if (party.rows.length - exit.value.length > evicted) return [`party ${index} has ${exit.value.length} outcomes`]
    if (world.budget < 1_000_000 || party.kind === "forEach" || !isCalm(world)) return []
    // Without an order, whose entry it is nobody knows here.
    if (party.kind === "stream" && !party.reading.ordered) return []
    return exit.value.flatMap((ended, row) => {
      const expected = { ok: "ok", refused: "Refused", broken: "died: broken" }[party.rows[row]?.at(-1)?.kind as "ok"]
      return outcome(ended) === expected ? [] : [`row ${index}.${row} ended ${outcome(ended)}, not ${expected}`]
    })
  })

/** How many rows of a batch may be gone without an entry. */
const evictedOf = (world: World, index: number): number =>
  new Set(world.acts.flatMap((act) => (act.kind === "evict" && act.party === index ? [act.row] : []))).size

const kindsOf = (world: World) => new Set(world.parties.flatMap(({ rows }) => rows.flat().map(({ kind }) => kind)))

const selfShutdown = (world: World): boolean => kindsOf(world).has("shutdown")

const isCalm = (world: World): boolean =>
  world.end.at >= 1_000_000 &&
  world.attemptTimeout === undefined &&
  world.parties.every((party) => party.timeout === undefined && party.interruptedAt === undefined) &&
  world.parties.every(({ rows }) => rows.every((row) => ["ok", "refused", "broken"].includes(row.at(-1)?.kind ?? "")))

/** 3: the entries of a batch tell what happened, in order. */
const entries = (world: World, run: Run): Array<string> =>
  run.batches.flatMap((batch, party) => {
    const { log } = run
    if (batch === undefined || evictedOf(world, party) > 0) return []
    const found: Array<string> = []
    const expect = (holds: boolean, what: string) => void (holds || found.push(`party ${party}: ${what}`))
    const rows = world.parties[party]?.rows.length ?? 0
    const { entries, stats } = batch
    const completed = [...entries].sort((a, b) => a.completeIndex - b.completeIndex)
    expect(entries.length === rows, "entries are missing")
    entries.forEach((entry, index) => {
      const starts = log.filter((event) => event.type === "start" && event.party === party && event.row === index)
      expect(entry.submitIndex === index, `submitIndex ${entry.submitIndex} at ${index}`)
      // An attempt that was interrupted before its first step is counted, and called nobody.
      const mayBeCut = interruptionsOf(world, run, party).includes(entry.completedAt) && Exit.isFailure(entry.exit)
      const called = mayBeCut ? [starts.length, starts.length + 1] : [starts.length]
      expect(called.includes(entry.attempts), `attempts of ${index}: ${entry.attempts}, not ${starts.length}`)
      expect(starts.length === 0 || entry.startedAt === starts[0]?.at, `start of ${index}`)
      expect(entry.submittedAt <= entry.startedAt && entry.startedAt <= entry.completedAt, `instants of ${index}`)
      const released = Math.max(...entries.slice(0, index + 1).map(({ completedAt }) => completedAt))
      expect(Duration.toMillis(entry.bufferWait) === released - entry.completedAt, `bufferWait of ${index}`)
    })
    completed.forEach((entry, index) => {
      expect(entry.completeIndex === index, `completeIndex ${index} is missing`)
      expect(index === 0 || (completed[index - 1]?.completedAt ?? 0) <= entry.completedAt, `completeIndex ${index}`)
    })
    const successes = entries.filter(({ exit }) => Exit.isSuccess(exit)).length
    expect(stats.rows === rows && stats.successes === successes && stats.failures === rows - successes, "stats")
    expect(stats.attempts === entries.reduce((sum, entry) => sum + entry.attempts, 0), "stats.attempts")
    const waited = entries.reduce((sum, entry) => sum + Duration.toMillis(entry.throttleWait), 0)
    expect(Duration.toMillis(stats.totalThrottleTime) === waited, "stats.totalThrottleTime")
    return found
  })

/** 4: when nothing runs, nothing is in flight and nothing pending: at the end, and whenever a party leaves the pool empty. */
const remains = (world: World, { after, log }: Run): Array<string> => {
  const count = (events: ReadonlyArray<Event>, type: Event["type"]): number =>
    events.filter((event) => event.type === type).length
  const running = count(log, "start") - count(log, "end")
  const empty = log.flatMap((event, index) => {
    if (event.type !== "rest") return []
    const rested = new Set(log.slice(0, index + 1).flatMap((one) => (one.type === "rest" ? [one.party] : [])))
    const others = world.parties.some((party, index) => !rested.has(index) && party.at <= event.at)
    return others || (event.inFlight === 0 && event.pending === 0)
      ? []
      : [`party ${event.party} leaves ${event.inFlight} in flight and ${event.pending} pending at ${event.at}`]
  })
  return [
    ...(running === 0 ? [] : [`${running} attempts run on`]),
    ...(after.inFlight === 0 && after.pending === 0 ? [] : [`${after.inFlight} in flight, ${after.pending} pending`]),
    ...empty
  ]
}
