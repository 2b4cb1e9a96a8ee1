/**
 * Short names for the contents of rows: two 32-bit hashes in the manner of FNV-1a (Fowler, Noll and Vo) side by side. They
 * tell a changed row from the same one, and protect from no attack.
 *
 * @since 0.2.0
 */
import * as Argument from "../structure/Argument.js"

const prime = 0x01000193
/** Any other odd multiplier, so that the two hashes have nothing to do with each other. */
const otherPrime = 0x5bd1e995

const hex = (hash: number): string => (hash >>> 0).toString(16).padStart(8, "0")

/**
 * The name of a text: 16 hexadecimal digits.
 *
 * @since 0.2.0
 * @category hashing
 */
export const ofText = (text: string): string => {
  let first = 0x811c9dc5
  let second = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    first = Math.imul(first ^ unit, prime)
    second = Math.imul(second ^ unit, otherPrime)
    second ^= second >>> 15
  }
  return hex(first ^ (first >>> 16)) + hex(second)
}

/**
 * The name of a row: of what `JSON.stringify` makes of it. Throws where it makes nothing of it.
 *
 * @since 0.2.0
 * @category hashing
 */
export const ofRow = (row: unknown): string => {
  let text: string | undefined
  try {
    text = row === undefined ? "undefined" : JSON.stringify(row)
  } catch {
    text = undefined
  }
  if (text !== undefined) return ofText(text)
  throw Argument.refusal("row of a batch with a journal", "a row that is JSON, or the option rowFingerprint", row)
}
