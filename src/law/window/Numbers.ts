/**
 * The numbers that the law is built of. The same question gets the same answer wherever it is asked, so there are few of them:
 * a file that needs one gives it a name there, or writes what it is in terms of these. docs/CONSTANTS.md shows what becomes of
 * the law when one of them is halved or doubled.
 *
 * @since 0.2.0
 */

/** So many in a row are no accident. */
export const few = 3
/** So many are enough to tell; and so many times as much, or one part in so many, is something else. */
export const several = 4
/** Nothing is tried in vain more often; and what takes so many times as long takes long. */
export const lots = 8
/** Permits to begin with, and rejections that are remembered. */
export const dozen = 12
/** So many starts are enough to measure a rate with, or to believe in a limit. */
export const many = 32
/** So many starts are the present: shares are of them, and after as many it is time to look again. */
export const recent = 250
/** So many starts are searched for a limit. */
export const remembered = 1024

/** So near to all is all, and so little is nothing; and the latest value counts so much in a mean. */
export const tenth = 0.1
/** As much for as against: nobody knows. */
export const half = 0.5
/** A test goes so much further; and limits that differ by no more are one. */
export const step = 0.05
/** So much goes to measuring: what a test may cost, and what a good measurement leaves open. */
export const slack = 0.03
/** So far from a limit is safe, and costs nothing. */
export const hundredth = 0.01
/** Nobody feels less. */
export const hair = 0.002

/** After so many times the time that a rejection takes it has come, if it was to come. */
export const settled = 1.2
/** So many times as much as is needed leaves room, and is no more than can be taken back. */
export const spare = 1.5
/** What is left of a rate that is shared, after a rejection. */
export const cut = 0.8

/** A limit is certain that explains so much, in nats: each makes it e times less likely that it was chance. */
export const certain = 24

/** A second, in milliseconds. */
export const second = 1000
/** The shortest time that says something of an API, in milliseconds. */
export const moment = 500
/** All that is known is forgotten after so long without a start, in milliseconds. */
export const memory = 300_000
/** The longest period that providers have, in milliseconds. */
export const minute = 60 * second
