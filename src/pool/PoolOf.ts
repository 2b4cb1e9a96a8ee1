/**
 * The machines behind pools, for whoever builds on several of them.
 *
 * @since 0.2.0
 */
import type { Admission } from "./Admission.js"

const admissions = new WeakMap<object, Admission>()

/**
 * Notes the machine of a pool; returns the pool.
 *
 * @since 0.2.0
 * @category registry
 */
export const register = <Pool extends object>(pool: Pool, admission: Admission): Pool => {
  admissions.set(pool, admission)
  return pool
}

/**
 * The machine of a pool; undefined for what is none.
 *
 * @since 0.2.0
 * @category registry
 */
export const find = (pool: unknown): Admission | undefined =>
  typeof pool === "object" && pool !== null ? admissions.get(pool) : undefined
