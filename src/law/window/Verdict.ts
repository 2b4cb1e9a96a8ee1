/**
 * Whether a rejection is a limit's or chance's.
 *
 * @since 0.2.0
 */
import type { Sample, Starts } from "../ControlLaw.js"
import type { Rejection } from "./Blame.js"
import * as Chance from "./Chance.js"
import { explain, type Draft } from "./State.js"

const isTest = (draft: Draft, at: number, besides: number): boolean => {
  const { limits, testedFrom, widest } = draft
  const { pace, slowStart, window } = limits
  if (slowStart) return besides >= Math.min(widest, draft.poolSize - 1)
  if (besides >= Math.round(window.top) && window.top < draft.poolSize) return true
  return pace !== undefined && (pace.shared ? at >= pace.from : at >= testedFrom)
}

/** Counts the starts whose fate is known by now. */
export const watch = (draft: Draft, starts: Starts, sample: Sample, now: number): void => {
  const known = now - 1.2 * draft.rejectionLatency
  const counts = { fall: 0, test: 0 }
  let sequence = Math.max(draft.judged + 1, starts.first)
  const until = sample._tag === "capacity" ? sample.sequence - 1 : starts.last
  for (; sequence <= until; sequence++) {
    const fate = starts.fate(sequence)
    if (fate === "open" && starts.at(sequence) > known) break
    if (fate === "capacity") continue
    counts[isTest(draft, starts.at(sequence), starts.besides(sequence)) ? "test" : "fall"] += 1
  }
  draft.judged = Math.max(draft.judged, sequence - 1)
  draft.chance = Chance.passed(Chance.passed(draft.chance, "test", counts.test), "fall", counts.fall)
}

/** Whether chance explains a rejection best. */
export const isChance = (draft: Draft, sample: Rejection, startedAt: number, starts: Starts | undefined): boolean => {
  if (starts === undefined) return false
  if (draft.block !== undefined || sample.epoch < draft.decision.epoch) return false
  const group = sample.bound === "period" || isTest(draft, startedAt, sample.startedWith - 1) ? "test" : "fall"
  draft.chance = Chance.hit(draft.chance, group, starts.fate(sample.sequence - 1) !== "capacity")
  return !Chance.isLimit(draft.chance, group)
}

/** Chance has rejected a call. */
export const dismiss = (draft: Draft, { latency, sequence, status }: Rejection, now: number): void => {
  draft.rejections += 1
  draft.rejectionLatency = Math.max(5, draft.rejectionLatency * 0.9, latency)
  draft.lastRejected = Math.max(draft.lastRejected, sequence)
  const percent = (100 * Chance.shareOf(draft.chance)).toPrecision(2)
  explain(draft, `a rejection by chance, as of ${percent} % of all calls (status ${status})`)
  void now
}
