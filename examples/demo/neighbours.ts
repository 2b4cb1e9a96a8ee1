/** Finds what lies nearest to a question, so that one sees that the vectors mean something. */

/** What is asked of the documentation at the end of the demo. */
export const questions: ReadonlyArray<string> = [
  "retry a failing operation with exponential backoff",
  "a queue with bounded capacity and back pressure",
  "parse a JSON string into a value",
  "interrupt a fiber and wait for it to end"
]

/** The cosine of the angle between two vectors; 0 where one has no length. */
export const cosine = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  let dot = 0
  let lengthA = 0
  let lengthB = 0
  for (let i = 0; i < a.length; i++) {
    const x = a[i] ?? 0
    const y = b[i] ?? 0
    dot += x * y
    lengthA += x * x
    lengthB += y * y
  }
  return lengthA === 0 || lengthB === 0 ? 0 : dot / Math.sqrt(lengthA * lengthB)
}

export interface Embedded {
  readonly embedding: ReadonlyArray<number>
}

/** The `count` candidates nearest to a vector, the nearest first; of equals the earlier. */
export const nearest = <A extends Embedded>(
  vector: ReadonlyArray<number>,
  candidates: ReadonlyArray<A>,
  count: number
): ReadonlyArray<{ readonly candidate: A; readonly similarity: number }> =>
  candidates
    .map((candidate) => ({ candidate, similarity: cosine(vector, candidate.embedding) }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, count)
