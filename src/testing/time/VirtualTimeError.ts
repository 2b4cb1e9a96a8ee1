/**
 * The errors with which virtual time ends a program that does not end by itself.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Format from "../../structure/Format.js"
import type { WaitingFiber } from "./FiberWatch.js"

const instant = (millis: number): string => Format.duration(Duration.millis(millis))

/**
 * The program waits for something that will never come: every fiber is suspended, and none sleeps. It is a deadlock, or
 * real I/O.
 *
 * @since 0.2.0
 * @category errors
 */
export class StuckError extends Data.TaggedError("StuckError")<{
  /** Virtual time since the start, in milliseconds. */
  readonly after: number
  readonly waiting: ReadonlyArray<WaitingFiber>
}> {
  override get message(): string {
    const lines = this.waiting.map(({ fiber, since, span, waitsFor }) => {
      const place = span === undefined ? "" : ` in span "${span}"`
      return `  fiber ${fiber}${place} waits, since ${instant(since)}, for ${waitsFor}`
    })
    return [`stuck after ${instant(this.after)} of virtual time: nothing can run and nobody sleeps`, ...lines].join(
      "\n"
    )
  }
}

/**
 * The program did not end within `maxVirtualTime` or `maxEvents`.
 *
 * @since 0.2.0
 * @category errors
 */
export class VirtualTimeLimitError extends Data.TaggedError("VirtualTimeLimitError")<{
  readonly limit: "maxVirtualTime" | "maxEvents"
  readonly after: number
  readonly events: number
}> {
  override get message(): string {
    return `not done after ${instant(this.after)} of virtual time and ${this.events} events: ${this.limit} is reached`
  }
}
