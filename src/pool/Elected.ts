/**
 * Fresh rows of a lane whose turn has come, while they wait for room under a limit that the pool was told.
 *
 * @since 0.2.0
 */
import type { Election } from "./Election.js"
import type { Job } from "./Job.js"

/**
 * Rows that were elected, in the order of their turns.
 *
 * @since 0.2.0
 * @category models
 */
export interface Elected<J extends Job> {
  readonly size: number
  readonly first: J | undefined
  readonly jobs: () => ReadonlyArray<J>
  /** Shows them and then fresh ones to an election, until one is accepted; that one is taken out. */
  readonly elect: (election: Election) => J | undefined
  /** Takes out the first, for a start that no limit holds back. */
  readonly shift: () => J | undefined
  /** Takes a row out; does nothing where it is not here. */
  readonly remove: (job: J) => void
  /** Takes out all of them. */
  readonly drain: () => ReadonlyArray<J>
}

/** So many are taken out of the line of fresh rows at once, at most. */
const most = 16

/**
 * So many rows of a lane may start before one whose turn came earlier, at most.
 *
 * @since 0.2.0
 * @category constants
 */
export const mostPassed = 64

/**
 * Makes a list without rows. `takeFresh` gives the next fresh row.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <J extends Job>(takeFresh: () => J | undefined): Elected<J> => {
  const jobs = new Set<J>()

  const next = (election: Election): J | undefined => {
    if (jobs.size > 0) {
      for (const job of jobs) {
        if (election.accepts(job.asked)) return job
        if (election.isOver || job.passed >= mostPassed) return undefined
      }
    }
    while (jobs.size < most && !election.isOver) {
      const job = takeFresh()
      if (job === undefined || election.accepts(job.asked)) return job
      jobs.add(job)
    }
    return undefined
  }

  return {
    get size() {
      return jobs.size
    },
    get first() {
      // To ask an empty set for its first costs more than its size.
      return jobs.size === 0 ? undefined : jobs.values().next().value
    },
    jobs: () => [...jobs],
    elect: (election) => {
      const job = next(election)
      if (job === undefined || jobs.size === 0) return job
      for (const other of jobs) {
        if (other === job) break
        other.passed += 1
      }
      jobs.delete(job)
      return job
    },
    shift: () => {
      const [first] = jobs
      if (first !== undefined) jobs.delete(first)
      return first
    },
    remove: (job) => void jobs.delete(job),
    drain: () => {
      const all = [...jobs]
      jobs.clear()
      return all
    }
  }
}
