/**
 * Watches the fibers of a program, to say of each one that is suspended what it waits for.
 *
 * @since 0.2.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as FiberId from "effect/FiberId"
import type * as FiberStatus from "effect/FiberStatus"
import type * as Option from "effect/Option"
import * as Supervisor from "effect/Supervisor"

/**
 * A fiber that waits.
 *
 * @since 0.2.0
 * @category models
 */
export interface WaitingFiber {
  /** `#0` is the program itself; the others are numbered in the order in which they started. */
  readonly fiber: string
  /** The span that the fiber is in, where it is in one. */
  readonly span: string | undefined
  readonly waitsFor: string
  /** Since when, in milliseconds of virtual time. */
  readonly since: number
}

/** Any fiber: nothing here looks at what it ends with. */
type AnyFiber = Fiber.RuntimeFiber<unknown, unknown>

interface Watched {
  readonly name: string
  since: number
  /** The last effects that were made when they were run; `Effect.async` is one of them, if that is where the fiber waits. */
  readonly committed: Array<Instruction>
  /** What Effect itself registered where the fiber suspended last. */
  registered: unknown
}

/** An instruction as a supervisor is shown it; its fields are no part of the public type of an Effect. */
interface Instruction {
  readonly _op?: string
  readonly effect_instruction_i0?: unknown
  readonly commit?: unknown
}

/** Between `Effect.async` and the wait itself stands at most what handles its interruption. */
const remembered = 3

const excerptLength = 80

/**
 * Knows the fibers that have started under it and not ended.
 *
 * @since 0.2.0
 * @category models
 */
export class FiberWatch extends Supervisor.AbstractSupervisor<void> {
  readonly value = Effect.void
  private readonly fibers = new Map<AnyFiber, Watched>()
  private readonly now: () => number
  private started = 0

  constructor(now: () => number) {
    super()
    this.now = now
  }

  get live(): Iterable<AnyFiber> {
    return this.fibers.keys()
  }

  nameOf(fiber: AnyFiber): string {
    return this.fibers.get(fiber)?.name ?? "a fiber that has ended"
  }

  add(fiber: AnyFiber): void {
    this.fibers.set(fiber, {
      name: `#${this.started++}`,
      since: this.now(),
      committed: [],
      registered: undefined
    })
  }

  override onStart<A, E, R>(
    _context: Context.Context<R>,
    _effect: Effect.Effect<A, E, R>,
    _parent: Option.Option<AnyFiber>,
    fiber: Fiber.RuntimeFiber<A, E>
  ): void {
    this.add(fiber)
  }

  override onEnd<A, E>(_exit: Exit.Exit<A, E>, fiber: Fiber.RuntimeFiber<A, E>): void {
    this.fibers.delete(fiber)
  }

  override onEffect<A, E>(fiber: Fiber.RuntimeFiber<A, E>, effect: Effect.Effect<unknown, unknown, unknown>): void {
    const instruction = effect as Instruction
    if (instruction._op !== "Commit" && instruction._op !== "Async") return
    const watched = this.fibers.get(fiber)
    if (watched === undefined) return
    if (instruction._op === "Async") {
      watched.registered = instruction.effect_instruction_i0
    } else {
      watched.committed.push(instruction)
      if (watched.committed.length > remembered) watched.committed.shift()
    }
  }

  override onSuspend<A, E>(fiber: Fiber.RuntimeFiber<A, E>): void {
    const watched = this.fibers.get(fiber)
    if (watched !== undefined) watched.since = this.now()
  }

  /** What a suspended fiber waits for. `example` is a fiber that waits in `Effect.async`, to tell such fibers by. */
  waiting(fiber: AnyFiber, status: FiberStatus.FiberStatus, example: AnyFiber): WaitingFiber | undefined {
    const watched = this.fibers.get(fiber)
    if (watched === undefined || status._tag !== "Suspended") return undefined
    const sample = this.fibers.get(example)
    const isAsync = String(watched.registered) === String(sample?.registered)
    const made = String(sample?.committed.at(-1)?.commit)
    const register = watched.committed.findLast(({ commit }) => String(commit) === made)?.effect_instruction_i0
    return {
      fiber: watched.name,
      span: fiber.currentSpan?._tag === "Span" ? fiber.currentSpan.name : undefined,
      waitsFor:
        isAsync && status.blockingOn._tag === "None" ? callback(register) : this.blocker(fiber, status.blockingOn),
      since: watched.since
    }
  }

  private blocker(fiber: AnyFiber, on: FiberId.FiberId): string {
    if (on._tag !== "Runtime") return "a Semaphore, a Latch, a Mailbox, or something that never comes"
    if (on.id === fiber.id().id) return "a Queue, a PubSub, or a Deferred of its own"
    for (const [other, { name }] of this.fibers) {
      if (other.id().id === on.id) return `the end of fiber ${name}, or a Deferred that it made`
    }
    return "a Deferred made by a fiber that has ended"
  }
}

/** What `clock.sleep` registers for a sleep without end. */
export const sleepForEver = (_resume: (effect: Effect.Effect<void>) => void): void => undefined

const callback = (register: unknown): string => {
  if (register === sleepForEver) return "a sleep of infinite duration"
  const source = String(register).replace(/\s+/g, " ")
  return /\.then\(/.test(source)
    ? "a promise: real I/O, or a timer of JavaScript, which virtual time cannot move"
    : `a callback, which real I/O may call but virtual time cannot: ${source.length > excerptLength ? `${source.slice(0, excerptLength)}…` : source}`
}
