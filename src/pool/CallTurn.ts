/**
 * What is said of the turn of a call, a row, or a batch.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Argument from "../structure/Argument.js"
import type { TimerQueue } from "../structure/TimerQueue.js"
import type { Turn } from "../turn/TurnQueue.js"
import * as TurnLine from "./TurnLine.js"

/**
 * Who goes first of all that wait at a pool.
 *
 * @since 0.2.0
 * @category models
 */
export interface TurnOptions {
  /**
   * Higher goes first; default 0. After a wait of the pool's `ageing`, it goes as if it had the next higher priority
   * and had just come. So nobody waits for ever.
   */
  readonly priority?: number | undefined
  /**
   * Who it is for, such as a customer. Within one priority, tenants take turns, however many rows each of them has.
   * Default `""`.
   */
  readonly tenant?: string | undefined
  /**
   * How many turns the tenant gets for each turn of a tenant with weight 1; over 0, default 1. The last value given
   * counts.
   */
  readonly weight?: number | undefined
  /**
   * When it must be done: a duration from now on, or an instant of the wall clock. Within one tenant and priority, the
   * earliest deadline goes first. Without a deadline, it goes as if it were due one `ageing` after it came. Default
   * none.
   */
  readonly deadline?: Duration.DurationInput | Date | undefined
  /**
   * What happens if it cannot be done by its deadline at the rate that the pool knows. `"run"`, the default: it still
   * runs, because the deadline only decides the order. `"refuse"`: it fails with `TooLateError` as soon as that is
   * known, and no call is wasted. An attempt that has started goes on.
   */
  readonly late?: "run" | "refuse" | undefined
}

/**
 * A turn, and when it is too late for it, in milliseconds of the monotonic clock; Infinity for never.
 *
 * @since 0.2.0
 * @category models
 */
export interface Told extends Turn {
  readonly dueAt: number
}

/**
 * That of whoever says nothing, where others do.
 *
 * @since 0.2.0
 * @category values
 */
export const ordinary: Told = { ...TurnLine.ordinary, dueAt: Infinity }

/** Of a tenant so many are looked through: where each row has a priority of its own, nothing is shared. */
const mostKinds = 16

/**
 * The turns of many rows, in lists of numbers and of what most of them share: objects of rows that wait would be copied by
 * each collection of garbage.
 *
 * @since 0.2.0
 * @category models
 */
export class Tolds {
  /** Turns without their deadlines, each once. */
  private readonly kinds = new Map<string, Array<Told>>()
  private readonly kindOf: Array<Told | undefined>
  private readonly deadlines: Float64Array
  private readonly isRefused: Uint8Array
  /** Whether any of them is refused where it is late. */
  mayBeLate = false
  /** One for each row would be garbage. */
  private readonly shown = { ...TurnLine.ordinary, dueAt: Infinity }

  constructor(length: number) {
    this.kindOf = new Array<Told | undefined>(length)
    this.deadlines = new Float64Array(length)
    this.isRefused = new Uint8Array(length)
  }

  set(index: number, told: Told): void {
    this.kindOf[index] = this.kind(told)
    this.deadlines[index] = told.deadline
    if (told.dueAt === Infinity) return
    this.isRefused[index] = 1
    this.mayBeLate = true
  }

  /** It is shown only until the next is asked for. */
  at(index: number): Told | undefined {
    const { shown } = this
    const kind = this.kindOf[index]
    if (kind === undefined) return undefined
    shown.priority = kind.priority
    shown.tenant = kind.tenant
    shown.weight = kind.weight
    shown.deadline = this.deadlines[index] ?? Infinity
    shown.dueAt = this.isRefused[index] === 1 ? shown.deadline : Infinity
    return shown
  }

  private kind(told: Told): Told {
    const { priority, tenant, weight } = told
    const kinds = this.kinds.get(tenant)
    const known = kinds?.find((kind) => kind.priority === priority && kind.weight === weight)
    if (known !== undefined) return known
    if (kinds === undefined) this.kinds.set(tenant, [told])
    else if (kinds.length < mostKinds) kinds.push(told)
    return told
  }
}

const names: ReadonlySet<string> = new Set(["priority", "tenant", "weight", "deadline", "late"])

const isPositive = (u: unknown): boolean => Predicate.isNumber(u) && u > 0 && u < Infinity

/** The clocks that deadlines are read by. */
type Clocks = Pick<TimerQueue, "now" | "wallNow">

/** In milliseconds of the monotonic clock; NaN where it is no deadline. */
const instantOf = (deadline: unknown, timers: Clocks): number => {
  if (deadline === undefined) return Infinity
  // Most are a number of milliseconds: nothing is made of those.
  if (typeof deadline === "number") return deadline >= 0 ? timers.now() + deadline : NaN
  if (deadline instanceof Date) return timers.now() + deadline.getTime() - timers.wallNow()
  return Option.match(Argument.duration(deadline), {
    onNone: () => NaN,
    onSome: (after) => timers.now() + Duration.toMillis(after)
  })
}

const isLate = (u: unknown): boolean => u === "run" || u === "refuse"

/** The first part that is wrong, and what was expected of it. */
const wrongOf = (
  { deadline, late = "run", priority = 0, tenant = "", weight = 1 }: TurnOptions,
  due: number
): readonly [keyof TurnOptions, string] | undefined => {
  if (!Number.isFinite(priority)) return ["priority", "a finite number"]
  if (!Predicate.isString(tenant)) return ["tenant", "a string"]
  if (!isPositive(weight)) return ["weight", "a finite number over 0"]
  if (Number.isNaN(due)) return ["deadline", 'a duration of at least 0, such as "10 seconds", or a Date']
  if (!isLate(late)) return ["late", '"run" or "refuse"']
  return late === "refuse" && deadline === undefined
    ? ["late", "a deadline beside it, or nothing can be late"]
    : undefined
}

/**
 * The turn of what comes now, or what is wrong with what its caller says of it; undefined where that is nothing. `what`, and
 * the number of its `row`, name it in a message.
 *
 * @since 0.2.0
 * @category decoding
 */
export const turnOf = (options: TurnOptions, timers: Clocks, what?: string, row?: number): Told | Error | undefined => {
  const { deadline } = options
  const isUrgent = options.priority !== undefined || deadline !== undefined || options.late !== undefined
  if (!isUrgent && options.tenant === undefined && options.weight === undefined) return undefined
  const due = instantOf(deadline, timers)
  const wrong = wrongOf(options, due)
  if (wrong !== undefined) {
    const [part, expected] = wrong
    const name = what === undefined ? `option ${part}` : `${Argument.nameOf(what, row)}.${part}`
    return Argument.refusal(name, expected, options[part])
  }
  const { late, priority = 0, tenant = "", weight = 1 } = options
  return { priority, tenant, weight, deadline: due, dueAt: late === "refuse" ? due : Infinity }
}

const callNames: ReadonlySet<string> = new Set([...names, "cost", "key"])

/**
 * What is wrong with the options of a call, but for what each of them says.
 *
 * @since 0.2.0
 * @category decoding
 */
export const refusalOf = (options: unknown): Error | undefined => {
  if (!Predicate.isRecord(options))
    return Argument.refusal("argument options", "an object such as { priority: 1 }", options)
  for (const key in options) {
    if (callNames.has(key)) continue
    return Argument.refusal(`option ${key}`, `only the options ${[...callNames].join(", ")}`, options[key])
  }
  return undefined
}

/**
 * The same out of a value of its own.
 *
 * @since 0.2.0
 * @category decoding
 */
export const read = (options: unknown, timers: Clocks, what: string, row?: number): Told | Error | undefined => {
  if (options === undefined) return undefined
  if (!Predicate.isRecord(options)) {
    return Argument.refusal(Argument.nameOf(what, row), "an object such as { priority: 1 }", options)
  }
  // No list of the keys: this is read of every row.
  for (const key in options) {
    if (names.has(key) || !Object.hasOwn(options, key)) continue
    return Argument.refusal(`${Argument.nameOf(what, row)}.${key}`, `only ${[...names].join(", ")}`, options[key])
  }
  return turnOf(options, timers, what, row)
}
