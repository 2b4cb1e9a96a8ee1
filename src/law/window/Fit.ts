/**
 * What explains the latest starts best: chance alone, a cap, or a bucket; each beside chance.
 *
 * @since 0.2.0
 */
import type { Starts } from "../ControlLaw.js"
import * as Cap from "./Cap.js"
import { dozen, few, hair, hundredth, recent, several, slack, spare, step, tenth } from "./Numbers.js"

/**
 * What happened to the latest starts, oldest first.
 *
 * @since 0.2.0
 * @category models
 */
export interface History {
  readonly at: ReadonlyArray<number>
  readonly besides: ReadonlyArray<number>
  /** The statuses of those that were rejected; 0 of the others. */
  readonly status: ReadonlyArray<number>
  /** What each of them counts. */
  readonly weight: ReadonlyArray<number>
}

/**
 * What may explain the latest starts: the share of calls that chance rejects beside it, and the logarithm of how likely it
 * makes what happened.
 *
 * @since 0.2.0
 * @category models
 */
export type Explanation = { readonly chance: number; readonly likelihood: number } & (
  | { readonly _tag: "none" }
  | { readonly _tag: "cap"; readonly cap: number }
  | { readonly _tag: "bucket"; readonly rate: number; readonly depth: number }
)

/** Starts that are looked at. Each counts half of one that is younger by half of the recent ones. */
const length = 2 * recent
/** Rejections between which rates are tried, and powers of two up to the greatest depth. */
const pairs = dozen / 2
const depths = Array.from({ length: pairs + 1 }, (_, i) => 2 ** i)

/**
 * The starts from one on whose fate is known by `now`: those that were rejected, and those that would have been by now.
 *
 * @since 0.2.0
 * @category constructors
 */
export const historyOf = (starts: Starts, from: number, now: number, rejection: number): History => {
  const at: Array<number> = []
  const besides: Array<number> = []
  const status: Array<number> = []
  for (let sequence = Math.max(starts.first, from, starts.last - length + 1); sequence <= starts.last; sequence++) {
    const [fate, begun] = [starts.fate(sequence), starts.at(sequence)]
    if (fate === "open" && begun > now - rejection) continue
    at.push(begun)
    besides.push(Cap.servedBesides(starts, sequence, rejection))
    status.push(fate === "capacity" ? Math.max(1, starts.status(sequence)) : 0)
  }
  return { at, besides, status, weight: at.map((_, i) => 0.5 ** ((at.length - 1 - i) / (recent / 2))) }
}

/** No place is asked for that is not there. */
const get = (list: ArrayLike<number>, place: number): number => list[place] ?? 0

const log = (p: number): number => Math.log(Math.max(1e-6, p))
/** A limit is kept but for this share of the calls. */
const kept = log(1 - slack)
const broken = log(slack)
const undecided = log(1 / 2)

/** Starts that chance alone decides on, and how likely that is. */
const byChance = (starts: number, rejected: number): { readonly chance: number; readonly likelihood: number } => {
  const chance = (rejected + slack) / (starts + 2)
  return { chance, likelihood: rejected * log(chance) + (starts - rejected) * log(1 - chance) }
}

/** What may be a limit's: a rejection with its status, or with any where it has several. */
type Own = (status: number) => boolean

/** How often chance has rejected a start with another status than the limit's. */
const othersOf = ({ status, weight }: History, isOwn: Own): number =>
  status.reduce((sum, one, i) => (one !== 0 && !isOwn(one) ? sum + get(weight, i) : sum), 0)

const none = ({ status, weight }: History): Explanation => {
  let [starts, hits] = [0, 0]
  for (let i = 0; i < weight.length; i++) {
    starts += get(weight, i)
    if (status[i] !== 0) hits += get(weight, i)
  }
  return { _tag: "none", ...byChance(starts, hits) }
}

const cap = (history: History, isOwn: Own): Explanation | undefined => {
  const { besides, status, weight } = history
  const others = othersOf(history, isOwn)
  const most = Math.max(0, ...besides)
  // Sums by the number in flight: above a cap, and below it.
  const accepted = new Float64Array(most + 2)
  const hits = new Float64Array(most + 2)
  for (let i = 0; i < weight.length; i++) {
    const one = get(status, i)
    if (one !== 0 && !isOwn(one)) continue
    const sums = one === 0 ? accepted : hits
    const place = get(besides, i)
    sums[place] = get(sums, place) + get(weight, i)
  }
  let [below, belowHits, above, aboveHits] = [0, 0, 0, 0]
  for (let n = 0; n <= most; n++) {
    above += get(accepted, n)
    aboveHits += get(hits, n)
  }
  let best: Explanation | undefined
  for (let size = 0; size <= most; size++) {
    if (size > 0 && get(hits, size) > 0) {
      const chance = byChance(below + belowHits + others, belowHits + others)
      const likelihood = chance.likelihood + aboveHits * kept + above * broken
      if (best === undefined || likelihood > best.likelihood) best = { _tag: "cap", cap: size, ...chance, likelihood }
    }
    below += get(accepted, size)
    belowHits += get(hits, size)
    above -= get(accepted, size)
    aboveHits -= get(hits, size)
  }
  return best
}

const bucket = (history: History, isOwn: Own, known: number | undefined): Explanation | undefined => {
  const { at, status, weight } = history
  const others = othersOf(history, isOwn)
  const hits: Array<number> = []
  const accepted: Array<number> = [0]
  let before = 0
  for (let i = 0; i < at.length; i++) {
    const one = get(status, i)
    accepted.push(get(accepted, i) + (one === 0 ? 1 : 0))
    if (one === 0) {
      if (hits.length === 0) before += get(weight, i)
    } else if (isOwn(one)) hits.push(i)
  }
  const first = hits[0]
  if (first === undefined || hits.length < 2) return undefined
  const tried: Array<Explanation & { readonly _tag: "bucket" }> = []
  const attempt = (rate: number, depth: number): number => {
    let [level, last, starts, lost, likelihood] = [0, get(at, first), before + others, others, 0]
    for (let i = first; i < at.length; i++) {
      const one = get(status, i)
      if (one !== 0 && !isOwn(one)) continue
      const [now, w, isHit] = [get(at, i), get(weight, i), one !== 0]
      level = Math.min(depth, level + rate * (now - last))
      last = now
      if (level < 1 - tenth) likelihood += w * (isHit ? kept : broken)
      else if (level < 1 + tenth) likelihood += w * undecided
      else {
        starts += w
        if (isHit) lost += w
      }
      if (!isHit) level = Math.max(0, level - 1)
      else if (level < 1 + tenth) level = Math.min(level, 1 - hundredth)
    }
    const chance = byChance(starts, lost)
    tried.push({ _tag: "bucket", rate, depth, chance: chance.chance, likelihood: likelihood + chance.likelihood })
    return likelihood + chance.likelihood
  }
  const tail = hits.slice(-pairs)
  const rates: Array<number> = []
  tail.forEach((to, b) =>
    tail.slice(0, b).forEach((from) => {
      const [span, count] = [get(at, to) - get(at, from), get(accepted, to) - get(accepted, from)]
      if (span > 0 && count > 0) rates.push(count / span)
    })
  )
  if (known !== undefined) rates.push(known)
  for (const rate of rates) for (const depth of depths) attempt(rate, depth)
  const coarse = [...tried].sort((a, b) => b.likelihood - a.likelihood).slice(0, few)
  for (const { depth, rate } of coarse)
    for (const by of [1 - hundredth, 1 - hair, 1 + hair, 1 + hundredth]) attempt(by * rate, depth)
  const top = Math.max(...tried.map(({ likelihood }) => likelihood))
  // What a full bucket loses makes measured rates too low, never too high: of those as good, the fastest.
  const good = tried.filter(({ likelihood }) => likelihood > top - spare)
  const fastest = good.sort((a, b) => b.rate - a.rate)[0]
  return fastest && { ...fastest, likelihood: top }
}

/**
 * The likeliest explanation, each number that it needs counted against it.
 *
 * @since 0.2.0
 * @category values
 */
export const explainAll = (history: History, known?: number): Explanation => {
  const penalty = 0.5 * Math.log(Math.max(several, history.at.length))
  const statuses = [...new Set(history.status)].filter((status) => status !== 0)
  const owns: Array<Own> = [() => true]
  if (statuses.length > 1) for (const own of statuses) owns.push((status) => status === own)
  let best = none(history)
  let most = best.likelihood
  for (const isOwn of owns) {
    for (const [found, numbers] of [
      [cap(history, isOwn), 1],
      [bucket(history, isOwn, known), spare]
    ] as const) {
      if (found === undefined || found.likelihood - numbers * penalty <= most) continue
      best = found
      most = found.likelihood - numbers * penalty
    }
  }
  return best
}

/**
 * Whether two explanations name the same limit.
 *
 * @since 0.2.0
 * @category predicates
 */
export const isSame = (a: Explanation, b: Explanation): boolean =>
  (a._tag === "cap" && b._tag === "cap" && a.cap === b.cap) ||
  (a._tag === "bucket" && b._tag === "bucket" && Math.abs(a.rate / b.rate - 1) < step)

/**
 * What stands beside chance, in words.
 *
 * @since 0.2.0
 * @category values
 */
export const show = (explanation: Explanation): string =>
  explanation._tag === "none"
    ? ""
    : explanation._tag === "cap"
      ? `, beside a cap of ${explanation.cap}`
      : `, beside ${(1000 * explanation.rate).toPrecision(3)} starts a second`
