/**
 * What must hold between a pool and its control law: every start obeys the law's decision, and the law hears of every
 * rejection.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as ControlLaw from "../law/ControlLaw.js"
import * as Cost from "../limit/Cost.js"
import type { Checker } from "./Checker.js"
import { allowedAt, inForce, perClient, sizes, tolerance } from "./PerClient.js"

/**
 * Attempts in flight ≤ window ≤ poolSize, also after the size has changed. Attempts in flight may finish when the size
 * becomes smaller.
 *
 * @since 0.2.0
 * @category invariants
 */
export const inFlightWithinWindow: Checker = {
  name: "attempts in flight ≤ window ≤ poolSize",
  start: () => {
    const clients = perClient(() => ({ size: sizes(), running: 0, decisions: inForce() }))
    return (event) => {
      const client = clients(event)
      client.size.observe(event)
      if (event._tag === "ended") client.running -= 1
      if (event._tag === "decided") client.decisions.decide(event.at, event.decision)
      if (event._tag !== "started") return undefined
      client.running += 1
      const decided = Math.max(...client.decisions.at(event.at).map((decision) => allowedAt(decision, event.at)))
      const allowed = Math.min(client.size.most(event.at), decided)
      return client.running > allowed ? `${client.running} in flight where ${allowed} are allowed` : undefined
    }
  }
}

/**
 * Two starts are never closer than `minDispatchDelay` or the spacing of the law.
 *
 * @since 0.2.0
 * @category invariants
 */
export const startsAreSpaced: Checker = {
  name: "starts are spaced",
  start: () => {
    const clients = perClient(() => ({
      least: 0,
      most: Infinity,
      last: -Infinity,
      /** The starts of the latest instant, of which any was the last: one that does not say what it weighs weighs the mean. */
      latest: new Array<{ readonly row: number; tokens: number }>(),
      decisions: inForce()
    }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "joined") {
        client.least = Duration.toMillis(event.config.minDispatchDelay)
        client.most = Duration.toMillis(event.config.maxRetryAfter)
      }
      if (event._tag === "decided") client.decisions.decide(event.at, event.decision)
      if (event._tag === "ended" && event.took !== undefined) {
        const { tokens } = Cost.weigh(event.took)
        for (const start of client.latest) if (start.row === event.row) start.tokens = Math.min(start.tokens, tokens)
      }
      if (event._tag !== "started") return undefined
      const { latest, most } = client
      const spacings = client.decisions.at(event.at).flatMap(({ spacedTokens, spacing }) => {
        const decided = Math.min(spacing, most)
        if (spacedTokens === undefined || latest.length === 0) return [decided]
        return latest.map(({ tokens }) => (tokens === 0 ? decided : (decided * tokens) / spacedTokens))
      })
      const least = Math.max(client.least, Math.min(...spacings))
      const apart = event.at - client.last
      if (apart > tolerance) client.latest = []
      client.last = event.at
      client.latest.push({ row: event.row, tokens: event.cost === undefined ? 0 : Cost.weigh(event.cost).tokens })
      return apart < least - tolerance ? `starts ${apart} ms apart, where ${least} is the least` : undefined
    }
  }
}

/**
 * No attempt starts during a hold: neither the law's own, up to `maxRetryAfter`, nor a `Retry-After` that the law was
 * told.
 *
 * @since 0.2.0
 * @category invariants
 */
export const noStartInHold: Checker = {
  name: "no start inside a hold",
  start: () => {
    const clients = perClient(() => ({
      most: Infinity,
      hintedAt: -Infinity,
      hinted: -Infinity,
      /** The hints of the instants before that of the last one. */
      hintedBefore: -Infinity,
      last: Option.none<ControlLaw.Decision>(),
      decisions: inForce()
    }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "joined") client.most = Duration.toMillis(event.config.maxRetryAfter)
      if (event._tag === "decided") {
        // The cap counts from the instant at which the law decided so first.
        if (Option.getOrUndefined(client.last) !== event.decision) {
          const holdUntil = Math.min(event.decision.holdUntil, event.at + client.most)
          client.decisions.decide(event.at, { ...event.decision, holdUntil })
          client.last = Option.some(event.decision)
        }
        if (event.sample?._tag === "capacity" && event.sample.retryAfter !== undefined) {
          if (event.at > client.hintedAt) client.hintedBefore = client.hinted
          client.hinted = Math.max(client.hinted, event.at + event.sample.retryAfter)
          client.hintedAt = event.at
        }
      }
      if (event._tag !== "started") return undefined
      const decided = Math.min(...client.decisions.at(event.at).map(({ holdUntil }) => holdUntil))
      const hinted = event.at > client.hintedAt ? client.hinted : client.hintedBefore
      const hold = Math.max(decided, hinted)
      return event.at < hold - tolerance ? `a start inside the hold until ${hold}` : undefined
    }
  }
}

/**
 * The law hears what the API asked for: a rejection with a `Retry-After` gives a sample with one, cut to
 * `maxRetryAfter`.
 *
 * @since 0.2.0
 * @category invariants
 */
export const hintsAreHeard: Checker = {
  name: "a Retry-After reaches the law",
  start: () => {
    const clients = perClient(() => ({ most: Infinity, asked: new Array<number | undefined>() }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "joined") client.most = Duration.toMillis(event.config.maxRetryAfter)
      if (event._tag === "ended" && event.outcome === "capacity") {
        client.asked.push(event.retryAfter === undefined ? undefined : Math.min(event.retryAfter, client.most))
      }
      if (event._tag !== "decided" || event.sample?._tag !== "capacity") return undefined
      const { retryAfter } = event.sample
      const heard = client.asked.indexOf(retryAfter)
      if (heard < 0)
        return `the API asked for ${client.asked.map(String).join(", ")} ms, the law heard of ${retryAfter}`
      client.asked.splice(heard, 1)
      return undefined
    }
  }
}

/**
 * One congestion epoch (the time between two decreases) causes one decrease: the rejection of an attempt that started
 * before the last decrease slows nothing down. The checker itself notes when each attempt started, and in which epoch.
 *
 * @since 0.2.0
 * @category invariants
 */
export const oneDecreaseAnEpoch: Checker = {
  name: "one decrease an epoch",
  start: () => {
    const clients = perClient(() => ({
      last: Option.none<ControlLaw.Decision>(),
      decisions: inForce(),
      started: new Map<number, Admitted>(),
      rejected: new Array<Admitted>()
    }))
    return (event) => {
      const client = clients(event)
      if (event._tag === "started") {
        const epochs = client.decisions.at(event.at).map(({ epoch }) => epoch)
        client.started.set(event.row, { at: event.at, epochs })
      }
      if (event._tag === "ended") {
        const admitted = client.started.get(event.row)
        client.started.delete(event.row)
        if (admitted !== undefined && event.outcome === "capacity") client.rejected.push(admitted)
      }
      if (event._tag !== "decided") return undefined
      client.decisions.decide(event.at, event.decision)
      const last = Option.getOrUndefined(client.last)
      client.last = Option.some(event.decision)
      const { decision, sample } = event
      if (last === undefined || sample?._tag !== "capacity") return undefined
      const admitted = takeOut(client.rejected, event.at - sample.latency, sample.epoch)
      if (admitted === undefined) return `no rejected attempt was admitted in epoch ${sample.epoch}, as the sample says`
      if (sample.epoch >= last.epoch) return undefined
      const slower = decision.window < last.window || decision.delay > last.delay || decision.epoch > last.epoch
      return slower
        ? `slowed down in epoch ${last.epoch} by the rejection of an attempt that was admitted in epoch ${sample.epoch}`
        : undefined
    }
  }
}

/** When an attempt started, and the epochs of that instant. */
interface Admitted {
  readonly at: number
  readonly epochs: ReadonlyArray<number>
}

/** Of several that started at one instant, the one that fits the fewest samples: the others have others to choose from. */
const takeOut = (rejected: Array<Admitted>, at: number, epoch: number): Admitted | undefined => {
  const found = rejected
    .filter((one) => Math.abs(one.at - at) < tolerance && one.epochs.includes(epoch))
    .reduce<Admitted | undefined>((a, b) => (a !== undefined && a.epochs.length <= b.epochs.length ? a : b), undefined)
  if (found !== undefined) rejected.splice(rejected.indexOf(found), 1)
  return found
}

/**
 * All of them.
 *
 * @since 0.2.0
 * @category invariants
 */
export const all: ReadonlyArray<Checker> = [
  inFlightWithinWindow,
  startsAreSpaced,
  noStartInHold,
  hintsAreHeard,
  oneDecreaseAnEpoch
]
