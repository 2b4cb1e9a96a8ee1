/**
 * Reads the rows of a batch as there is room for them.
 *
 * @since 0.2.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Source from "./Source.js"

/**
 * Where the rows go, and whom a feeder asks and tells.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options<Row, F, R> {
  readonly fork: <E>(effect: Effect.Effect<void, E, R>) => Fiber.RuntimeFiber<void, E>
  /** How many rows there is room for, and need of. */
  readonly wanted: () => number
  /** No row is read any more. */
  readonly isStopped: () => boolean
  readonly offer: (rows: ReadonlyArray<Row>, isLast: boolean) => Effect.Effect<void, F>
  readonly onFailure: (cause: Cause.Cause<F>) => void
  readonly onEnd: () => void
}

/**
 * The feeder of a batch; it reads nothing until it is told what.
 *
 * @since 0.2.0
 * @category models
 */
export class Feeder<Row, F, R> {
  private readonly options: Options<Row, F, R>
  private fiber: Fiber.RuntimeFiber<void> | undefined = undefined
  private onRoom: (() => void) | undefined = undefined

  constructor(options: Options<Row, F, R>) {
    this.options = options
  }

  get isReading(): boolean {
    return this.fiber !== undefined
  }

  feed<E extends F>(rows: Source.Rows<Row, E, R>): void {
    const { fork, onEnd, onFailure } = this.options
    const fed = Effect.scoped(Effect.flatMap(Source.open(rows), (source) => this.readAll(source)))
    this.fiber = fork(Effect.catchAllCause(fed, (cause) => Effect.sync(() => onFailure(cause))))
    this.fiber.addObserver(() => {
      this.fiber = undefined
      onEnd()
    })
  }

  /** There may be room for more. */
  readonly wake = (): void => {
    if (this.onRoom !== undefined && this.options.wanted() > 0) this.onRoom()
  }

  stop(): void {
    this.fiber?.unsafeInterruptAsFork(FiberId.none)
  }

  /** Waits until it reads no more. */
  readonly ended = Effect.async<void>((resume) => {
    if (this.fiber === undefined) resume(Effect.void)
    else this.fiber.addObserver(() => resume(Effect.void))
  })

  private readonly room = Effect.async<void>((resume) => {
    this.onRoom = () => {
      this.onRoom = undefined
      resume(Effect.void)
    }
    this.wake()
  })

  private readonly readAll = (source: Source.Source<Row, F, R>): Effect.Effect<void, F, R> =>
    Effect.suspend(() => {
      const { isStopped, offer, wanted } = this.options
      if (isStopped()) return Effect.void
      const most = wanted()
      if (most <= 0) return Effect.zipRight(Effect.interruptible(this.room), this.readAll(source))
      return Effect.flatMap(Effect.interruptible(source(most)), ({ isLast, rows }) =>
        Effect.zipRight(offer(rows, isLast), isLast ? Effect.void : this.readAll(source))
      )
    })
}
