/**
 * Shows the progress of one batch, and cancels its rows.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import * as Progress from "./Progress.js"

/**
 * A handle of one batch: make it, pass it as the option `handle`, and use it while the batch runs.
 *
 * @since 0.2.0
 * @category models
 */
export interface BatchHandle {
  /**
   * Cancels the rows of this name that have no outcome. Each ends with `RowCancelledError`; an attempt in flight is
   * interrupted. Returns how many rows were cancelled.
   */
  readonly cancel: (stateId: string) => Effect.Effect<number>
  /** The same, but the rows have no entry, as if they had never been there. */
  readonly evict: (stateId: string) => Effect.Effect<number>
  /** The progress of the batch now; undefined before it has begun. */
  readonly snapshot: Effect.Effect<Progress.Snapshot | undefined>
  /** Its progress, every second from now on, and once more after its end. */
  readonly progress: Stream.Stream<Progress.Progress>
}

/**
 * A batch, as far as its handle knows it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Handled {
  readonly takeBack: (stateId: string, how: "cancelled" | "evicted") => number
  readonly snapshot: () => Progress.Snapshot
  readonly isOver: () => boolean
}

/**
 * The handle that `make` makes.
 *
 * @since 0.2.0
 * @category models
 */
export class Handle implements BatchHandle {
  private batch: Handled | undefined = undefined

  /** Whether a batch has it already: it has one, and no other after that. */
  get isTaken(): boolean {
    return this.batch !== undefined
  }

  /**
   * Gives the handle its batch.
   *
   * @since 0.2.0
   */
  attach(batch: Handled): void {
    this.batch = batch
  }

  /**
   * Ends the rows of a name with an error.
   *
   * @since 0.2.0
   */
  readonly cancel: BatchHandle["cancel"] = (stateId) =>
    Effect.sync(() => this.batch?.takeBack(stateId, "cancelled") ?? 0)
  /**
   * Lets the rows of a name leave without an entry.
   *
   * @since 0.2.0
   */
  readonly evict: BatchHandle["evict"] = (stateId) => Effect.sync(() => this.batch?.takeBack(stateId, "evicted") ?? 0)
  /**
   * How far the batch is.
   *
   * @since 0.2.0
   */
  readonly snapshot: BatchHandle["snapshot"] = Effect.sync(() => this.batch?.snapshot())
  /**
   * How far it is, every second.
   *
   * @since 0.2.0
   */
  readonly progress: BatchHandle["progress"] = Progress.stream(
    () => this.batch?.snapshot(),
    () => this.batch?.isOver() === true
  )
}

/**
 * Makes a handle for one batch.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make: Effect.Effect<BatchHandle> = Effect.sync(() => new Handle())
