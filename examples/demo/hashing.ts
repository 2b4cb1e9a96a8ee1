/**
 * Turns a text into a vector without a model: a bag of words under the hashing trick.
 *
 * - Index and sign come from a hash, so that collisions cancel out in expectation: Weinberger, Dasgupta, Langford, Smola,
 *   Attenberg, "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
 * - A word that occurs `tf` times weighs 1 + ln(tf): Manning, Raghavan, Schütze, "Introduction to Information
 *   Retrieval", 2008, section 6.4.1.
 * - Plurals meet their singulars by the S stemmer: Harman, "How Effective Is Suffixing?", JASIS 42(1), 1991.
 */

const stopWords = new Set(
  (
    "a about after all also an and any are as at be been before below both but by can do does each effect for from given " +
    "has have how i if in into is it its itself more my no not of on one only or other our out same see should so some " +
    "such than that the their them then there these they this those to use used uses using value via was we what when " +
    "where whether which while who will with without would you your detail example since"
  ).split(" ")
)

const singular = (word: string): string =>
  word.length < 4 || /[^s]s$/.exec(word) === null || /(?:us|is)$/.test(word)
    ? word
    : /[^ae]ies$/.test(word)
      ? `${word.slice(0, -3)}y`
      : /(?:ches|shes|sses|xes)$/.test(word)
        ? word.slice(0, -2)
        : word.slice(0, -1)

/** The words of a text, lower case and singular; `mapEffect` and `HTTPServer` are two words each. */
export const words = (text: string): ReadonlyArray<string> =>
  (
    text
      .normalize("NFKC")
      .replace(/(\p{Ll}|\p{N})(\p{Lu})/gu, "$1 $2")
      .replace(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1 $2")
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  ).map(singular)

/** FNV-1a with MurmurHash3's finalizer, which spreads each bit over all 32: index and sign come from different ones. */
const hash = (word: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The text's vector: `dimensions` numbers of length 1 together, to six digits; all zero for a text of stop words. */
export const embed = (text: string, dimensions: number): ReadonlyArray<number> => {
  const counts = new Map<string, number>()
  for (const word of words(text)) {
    if (!stopWords.has(word)) counts.set(word, (counts.get(word) ?? 0) + 1)
  }
  const vector = new Array<number>(dimensions).fill(0)
  for (const [word, count] of counts) {
    const h = hash(word)
    const index = (h & 0x7fffffff) % dimensions
    vector[index] = (vector[index] ?? 0) + (h > 0x7fffffff ? -1 : 1) * (1 + Math.log(count))
  }
  const length = Math.hypot(...vector)
  return length === 0 ? vector : vector.map((x) => Math.round((x / length) * 1e6) / 1e6)
}
