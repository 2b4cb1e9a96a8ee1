/**
 * Money: what was spent, what is set aside for calls in flight, and a ceiling.
 *
 * @since 0.2.0
 */

/**
 * What a pool has spent, in the currency of its prices.
 *
 * @since 0.2.0
 * @category models
 */
export interface Money {
  /** Counted by the usage that answers told, and by the estimate if they told none. */
  readonly spent: number
  /** How much of `spent` is an estimate, for calls that were interrupted, failed, or told no usage. */
  readonly estimated: number
  /** Set aside for calls in flight. */
  readonly reserved: number
  /** The most that may be spent; Infinity for no limit. */
  readonly budget: number
}

/**
 * A purse.
 *
 * @since 0.2.0
 * @category models
 */
export interface Purse {
  readonly money: Money
  /**
   * Whether a call may start that costs so much: `"later"` where that depends on what calls in flight take in the end.
   */
  readonly affords: (cost: number) => "now" | "later" | "never"
  readonly reserve: (cost: number) => void
  /** The call has ended; `actual` is undefined where nobody knows what it cost: then what was set aside is spent. */
  readonly settle: (reserved: number, actual: number | undefined) => void
  /** The call was never sent. */
  readonly undo: (reserved: number) => void
}

/**
 * Makes a purse of which nothing is spent.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (budget: number): Purse => {
  let spent = 0
  let estimated = 0
  let reserved = 0
  let calls = 0

  const release = (cost: number): void => {
    calls -= 1
    // Sums of fractions drift; where nothing is left there is nothing to drift.
    reserved = calls === 0 ? 0 : reserved - cost
  }

  return {
    get money() {
      return { spent, estimated, reserved, budget }
    },
    affords: (cost) => {
      // A call of which nobody knows what it costs may start while anything is left.
      const fits = cost === 0 ? spent + reserved < budget : spent + reserved + cost <= budget
      return fits ? "now" : calls > 0 ? "later" : "never"
    },
    reserve: (cost) => {
      reserved += cost
      calls += 1
    },
    settle: (cost, actual) => {
      release(cost)
      spent += actual ?? cost
      if (actual === undefined) estimated += cost
    },
    undo: release
  }
}
