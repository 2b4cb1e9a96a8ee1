/** What the laws of others have in common here. */
import type { ControlLaw } from "effect-aimd"

export type Law<State> = ControlLaw.ControlLaw<State>

export const decision = (fields: Partial<ControlLaw.Decision>): ControlLaw.Decision => ({
  window: Infinity,
  spacing: 0,
  holdUntil: 0,
  delay: 0,
  epoch: 0,
  reason: "",
  ...fields
})

/** A number between 0 and 1 that is the same for the same number: a law is pure. */
export const chance = (n: number): number => {
  let t = Math.imul((n + 0x6d2b79f5) ^ (n >>> 15), 1 | n)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

/** Doubled with each attempt of a row, from the first on, in milliseconds. */
export const doubled = (first: number, attempt: number, most: number): number =>
  Math.min(most, first * 2 ** (attempt - 1))
