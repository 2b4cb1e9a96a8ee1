/** JSON as text: what is passed on is not parsed and written anew, which costs large numbers their last digits. */

const [quote, backslash] = [0x22, 0x5c]
const [comma, colon] = [0x2c, 0x3a]
/** `{` and `[`; `}` and `]` have codes larger by two. */
const [brace, bracket] = [0x7b, 0x5b]

/** The place behind the string that begins at a place. */
const endOfString = (json: string, from: number): number => {
  for (let at = json.indexOf('"', from + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let before = at
    while (json.charCodeAt(before - 1) === backslash) before -= 1
    if ((at - before) % 2 === 0) return at + 1
  }
  return json.length
}

/**
 * The text of a member of an object, of several with this name the last, as a parser has it; undefined where there is none. The
 * text is known to be JSON.
 */
export const member = (json: string, name: string): string | undefined => {
  let found: string | undefined
  let depth = 0
  /** Where the last name ends, and where the value behind it begins. */
  let key = ""
  let valueAt = -1
  const endValue = (at: number): void => {
    if (valueAt !== -1 && key === name) found = json.slice(valueAt, at).trim()
    valueAt = -1
  }
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === quote) {
      const end = endOfString(json, at)
      if (depth === 1 && valueAt === -1) key = JSON.parse(json.slice(at, end)) as string
      at = end - 1
    } else if (code === brace || code === bracket) {
      depth += 1
    } else if (code === brace + 2 || code === bracket + 2) {
      if (depth === 1) endValue(at)
      depth -= 1
    } else if (depth === 1 && code === comma) {
      endValue(at)
    } else if (depth === 1 && code === colon) {
      valueAt = at + 1
    }
  }
  return found
}

/** The same JSON on one line: without the blanks between its parts. */
export const oneLine = (json: string): string => {
  let text = ""
  let from = 0
  for (let at = json.indexOf('"'); at !== -1; at = json.indexOf('"', from)) {
    const end = endOfString(json, at)
    text += json.slice(from, at).replace(/\s+/g, "") + json.slice(at, end)
    from = end
  }
  return text + json.slice(from).replace(/\s+/g, "")
}

/** Whether there may be an integer in some JSON that a number of JavaScript does not hold. */
export const hasLargeInteger = (json: string): boolean => /[:,[\s]-?\d{16,}(?=[\s,}\]])/.test(json)
