/**
 * Answers that are worked out once and remembered.
 *
 * @since 0.2.0
 */

/** Whoever chooses the words may choose others each time: what is remembered of them has an end. */
const most = 500

/**
 * The same function, which remembers what it answered.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <A>(f: (text: string) => A): ((text: string) => A) => {
  const known = new Map<string, { readonly answer: A }>()
  return (text) => {
    let found = known.get(text)
    if (found === undefined) {
      if (known.size >= most) known.clear()
      found = { answer: f(text) }
      known.set(text, found)
    }
    return found.answer
  }
}
