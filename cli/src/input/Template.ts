/** Bodies and addresses with places for the fields of a row: `{"input":{{text}}}`. */
import { Either, Predicate } from "effect"

interface Place {
  /** The field, with dots for fields inside it; `.` is the row itself. */
  readonly field: string
  /** Inside a JSON string, where only the characters of the value go. */
  readonly isInside: boolean
  /** The field is a text that holds JSON. */
  readonly isJson: boolean
}

type Part = string | Place

/** A template that was read. */
export interface Template {
  readonly parts: ReadonlyArray<Part>
}

const place = /\{\{\s*([^{}]+?)\s*\}\}/g

/** Whether there is a place in a text. */
export const hasPlaces = (text: string): boolean => /\{\{/.test(text)

/** Whether the end of some JSON text is inside a string, given whether its beginning was. */
const endsInside = (json: string, isInside: boolean): boolean => {
  let inside = isInside
  for (let i = 0; i < json.length; i++) {
    if (inside && json[i] === "\\") i += 1
    else if (json[i] === '"') inside = !inside
  }
  return inside
}

const partsOf = (text: string): ReadonlyArray<Part> => {
  const parts: Array<Part> = []
  let from = 0
  let inside = false
  for (const found of text.matchAll(place)) {
    const before = text.slice(from, found.index)
    inside = endsInside(before, inside)
    const [field = "", kind] = (found[1] ?? "").split(/\s*:\s*(?=json$)/)
    parts.push(before, { field, isInside: inside, isJson: kind === "json" })
    from = found.index + found[0].length
  }
  return [...parts, text.slice(from)]
}

const fill = (
  { parts }: Template,
  value: (place: Place) => Either.Either<string, string>
): Either.Either<string, string> => {
  let text = ""
  for (const part of parts) {
    if (typeof part === "string") text += part
    else {
      const filled = value(part)
      if (Either.isLeft(filled)) return filled
      text += filled.right
    }
  }
  return Either.right(text)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const parseJson = (text: string): Either.Either<unknown, string> =>
  Either.try({ try: (): unknown => JSON.parse(text), catch: messageOf })

/** Reads the template of a body, which is JSON once its places are filled; on the left, what is wrong with it. */
export const parse = (text: string): Either.Either<Template, string> => {
  const template = { parts: partsOf(text) }
  const sample = fill(template, ({ isInside }) => Either.right(isInside ? "" : "null"))
  return Either.flatMap(sample, (json) =>
    Either.mapBoth(parseJson(json), { onLeft: (why) => `it is no JSON: ${why}`, onRight: () => template })
  )
}

/** Reads the template of an address. */
export const parseUrl = (text: string): Template => ({ parts: partsOf(text) })

const namesOf = (row: unknown): string => (Predicate.isRecord(row) ? Object.keys(row).join(", ") : "none")

/** A field by its whole name, or step by step; undefined if it is not there. */
export const fieldOf = (row: unknown, field: string): unknown => {
  if (field === ".") return row
  if (typeof row !== "object" || row === null) return undefined
  if (Object.hasOwn(row, field)) return row[field as keyof typeof row]
  for (let dot = field.indexOf("."); dot !== -1; dot = field.indexOf(".", dot + 1)) {
    const inner = fieldOf(row, field.slice(0, dot))
    const found = inner === undefined ? undefined : fieldOf(inner, field.slice(dot + 1))
    if (found !== undefined) return found
  }
  return undefined
}

const find = (row: unknown, { field, isJson }: Place): Either.Either<unknown, string> => {
  const value = fieldOf(row, field)
  if (value === undefined) return Either.left(`there is no field "${field}"; the fields are: ${namesOf(row)}`)
  if (!isJson || typeof value !== "string") return Either.right(value)
  return Either.mapLeft(parseJson(value), (why) => `the field "${field}" is no JSON: ${why}`)
}

/** A text is what it is, everything else its JSON. */
const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value))

/**
 * The body of a row. A place takes the JSON of its field; inside a string, the characters of a text, and of anything else the
 * characters of its JSON. On the left, which field is missing.
 */
export const render = (template: Template, row: unknown): Either.Either<string, string> =>
  fill(template, (place) =>
    Either.map(find(row, place), (value) =>
      place.isInside ? JSON.stringify(textOf(value)).slice(1, -1) : JSON.stringify(value)
    )
  )

/** The address of a row: its fields percent-encoded. */
export const renderUrl = (template: Template, row: unknown): Either.Either<string, string> =>
  fill(template, (place) => Either.map(find(row, place), (value) => encodeURIComponent(textOf(value))))
