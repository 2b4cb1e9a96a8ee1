/**
 * A pace of one's own, in starts a second, held just below what was last too much, and tested ever more boldly: the cubic
 * curve of TCP CUBIC.
 *
 * Rhee and Xu, "CUBIC: A New TCP-Friendly High-Speed TCP Variant", 2008; RFC 9438. Two things differ: the curve comes back
 * to a level that was *measured* at the rejection, not to the one the sender happened to be at, and its dip is as deep as
 * that measurement is uncertain.
 *
 * @since 0.2.0
 */
import { lots, step } from "./Numbers.js"

/**
 * A level on its curve: below `top` until `progress` is 1, at it around 1, above it after that.
 *
 * @since 0.2.0
 * @category models
 */
export interface Level {
  readonly shared: false
  /** What was last measured to be the limit. */
  readonly top: number
  /** Since the last rejection; one unit takes a period that the law chooses. */
  readonly progress: number
  /** How far below `top` the curve begins, as a share of it. */
  readonly dip: number
  /** How often in a row the same limit was measured: each time doubles the period. */
  readonly patience: number
  /** A doubtful measurement that is being tested: capacity may have gone unused while it was taken. */
  readonly doubt: number | undefined
  /** The last doubt was groundless: the server has a deep bucket, and measurements there can be trusted. */
  readonly deep: boolean
  /** A bucket of this rate contradicts nothing that was seen, and others do not. */
  readonly exact: boolean
}

/**
 * Patience grows no further: so many times the time between two tests doubles, at most.
 *
 * @since 0.2.0
 * @category constants
 */
export const maxPatience = lots

/**
 * A level whose limit was measured just now.
 *
 * @since 0.2.0
 * @category constructors
 */
export const measured = (top: number, patience = 0, dip = step): Level => ({
  shared: false,
  top,
  progress: 0,
  dip,
  patience: Math.min(patience, maxPatience),
  doubt: undefined,
  deep: false,
  exact: false
})

/**
 * A level that is known from elsewhere: it begins at its top.
 *
 * @since 0.2.0
 * @category constructors
 */
export const known = (top: number): Level => ({ ...measured(top), progress: 1 })

/**
 * The level as it was before an interruption, tested no further than it had been proven.
 *
 * @since 0.2.0
 * @category combinators
 */
export const proven = (level: Level): Level => (level.progress > 1 ? { ...level, progress: 1 } : level)

/**
 * Time goes by while the level is what holds starts back.
 *
 * @since 0.2.0
 * @category combinators
 */
export const advance = (level: Level, by: number): Level => ({ ...level, progress: level.progress + by })

/**
 * Starts a second that the level allows.
 *
 * @since 0.2.0
 * @category values
 */
export const rate = ({ dip, progress, top }: Level): number =>
  top * (1 + (progress < 1 ? dip : step) * (progress - 1) ** 3)
