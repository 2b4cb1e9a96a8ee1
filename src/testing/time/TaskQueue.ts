/**
 * The scheduler of virtual time: a queue of what can run now, and the choice of what runs next.
 *
 * @since 0.2.0
 */
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as Scheduler from "effect/Scheduler"
import { PCGRandom } from "effect/Utils"

/**
 * @since 0.2.0
 * @category models
 */
export interface TaskQueue extends Scheduler.Scheduler {
  /** Takes the task that runs next out of the queue. */
  readonly next: () => Scheduler.Task | undefined
  /** A rank for something that ties with others: ascending in the order of asking, or by chance. */
  readonly rank: () => number
}

/** The tasks of one priority. What stands before `head` has been taken. */
interface Bucket {
  readonly priority: number
  tasks: Array<Scheduler.Task>
  head: number
}

/** So many taken tasks are cut off at once. */
const slack = 1024

/**
 * @since 0.2.0
 * @category constructors
 */
export const make = (options: {
  readonly seed: number
  readonly interleaving: "fifo" | "random"
  readonly preemption: number
}): TaskQueue => {
  const { interleaving, preemption, seed } = options
  // Not the stream of the program's own Random: what a program draws does not depend on how its fibers interleave.
  const chance = new PCGRandom(seed ^ 0x5eed)
  const random = interleaving === "random"
  const buckets: Array<Bucket> = []
  let rank = 0

  const bucketOf = (priority: number): Bucket => {
    let index = 0
    for (; index < buckets.length; index++) {
      const bucket = buckets[index]
      if (bucket === undefined || bucket.priority > priority) break
      if (bucket.priority === priority) return bucket
    }
    const bucket: Bucket = { priority, tasks: [], head: 0 }
    buckets.splice(index, 0, bucket)
    return bucket
  }

  const take = (bucket: Bucket): Scheduler.Task | undefined => {
    const { head, tasks } = bucket
    const chosen = random ? head + chance.integer(tasks.length - head) : head
    const task = tasks[chosen]
    const first = tasks[head]
    if (first !== undefined) tasks[chosen] = first
    bucket.head += 1
    if (bucket.head === tasks.length) {
      bucket.tasks = []
      bucket.head = 0
    } else if (bucket.head >= slack && bucket.head * 2 >= tasks.length) {
      bucket.tasks = tasks.slice(bucket.head)
      bucket.head = 0
    }
    return task
  }

  return {
    scheduleTask: (task, priority) => void bucketOf(priority).tasks.push(task),
    shouldYield: (fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
      (preemption > 0 && chance.number() < preemption) ||
      fiber.currentOpCount > fiber.getFiberRef(FiberRef.currentMaxOpsBeforeYield)
        ? fiber.getFiberRef(FiberRef.currentSchedulingPriority)
        : false,
    next: () => {
      for (const bucket of buckets) {
        if (bucket.head < bucket.tasks.length) return take(bucket)
      }
      return undefined
    },
    rank: () => (random ? chance.number() : rank++)
  }
}
