/** Figures as they stand in the tables: the median, and in brackets the worst. */
import type { Figures, Summary } from "./measure.js"

/** Of a run that was cut off it is said why. */
export const share = ({ cut, share }: Figures, digits = 2): string =>
  cut === undefined ? share.toFixed(digits) : cut === "slow" ? `< ${share.toFixed(2)}` : cut

export const rejected = (value: number): string => (value >= 1 ? value.toFixed(1) : value.toFixed(3))

export const seconds = (millis: number): string => (millis === Infinity ? "never" : `${(millis / 1000).toFixed(1)} s`)

/** A word that is true of both stands once. */
export const both = (summary: Summary, format: (figures: Figures) => string): string => {
  const [median, worst] = [format(summary.median), format(summary.worst)]
  return median === worst && !/^\d/.test(median) ? median : `${median} (${worst})`
}

export const verdict = (isMet: boolean): string => (isMet ? "met" : "**missed**")
