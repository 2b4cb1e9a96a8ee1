/** A row: one request, and the name of it. */
import { createHash } from "node:crypto"
import { Either, Predicate } from "effect"
import * as RawJson from "./RawJson.js"
import * as Target from "./Target.js"
import * as Template from "./Template.js"

/** The methods that a request may have. */
export const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"] as const
export type Method = (typeof methods)[number]

export interface Row {
  /** The row's name: OpenAI's `custom_id`. */
  readonly id: string
  /** Where it stands in the input, from 1. */
  readonly line: number
  readonly method: Method
  readonly target: Target.Target
  /** JSON text; undefined for a request without a body. */
  readonly body: string | undefined
}

/** What is read from one line: any JSON value, or the fields of a CSV record. */
export interface Source {
  readonly line: number
  /** Which row it is, from 1. */
  readonly number: number
  readonly value: unknown
  /** The JSON that it was read from. */
  readonly text?: string
}

/** Turns what was read into a row; on the left, what is wrong with it. */
export type Reader = (source: Source) => Either.Either<Row, string>

const isMethod = (text: string): text is Method => methods.some((method) => method === text)

const bodiless: ReadonlySet<Method> = new Set(["GET", "HEAD"])

/** How long a name may be: it stands in every line. */
const longestId = 1024

const checkId = (id: string): string | undefined =>
  id.length > longestId ? `its name is longer than ${longestId} characters` : undefined

const show = (value: unknown): string => {
  const text = JSON.stringify(value) as string | undefined
  return text === undefined ? String(value) : text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** A body as it stands in its line. */
const jsonOf = (text: string | undefined, body: unknown): string =>
  (text === undefined ? undefined : RawJson.member(text, "body")) ?? JSON.stringify(body)

/** Reads a line of OpenAI's batch format. `endpoint` is for lines that have no `url`. */
export const ofBatch =
  (base: URL, endpoint: string | undefined): Reader =>
  ({ line, text, value }) => {
    if (!Predicate.isRecord(value))
      return Either.left(`expected an object with custom_id, url and body, got ${show(value)}`)
    const { body, custom_id: id, method = "POST", url = endpoint } = value
    if (id === undefined) return Either.left('it has no "custom_id" (rows of your own need --body)')
    if (typeof id !== "string" || id === "") {
      return Either.left(`its "custom_id" is to be a text that is not empty, got ${show(id)}`)
    }
    const upper = typeof method === "string" ? method.toUpperCase() : ""
    if (!isMethod(upper)) return Either.left(`its "method" is to be one of ${methods.join(", ")}, got ${show(method)}`)
    if (url === undefined) return Either.left('it has no "url", and there is no --endpoint for such lines')
    if (typeof url !== "string") return Either.left(`its "url" is to be a text, got ${show(url)}`)
    if (bodiless.has(upper) && body !== undefined && body !== null) return Either.left(`a ${upper} has no "body"`)
    if (body === undefined && (upper === "POST" || upper === "PUT" || upper === "PATCH")) {
      return Either.left('it has no "body"')
    }
    const wrong = checkId(id)
    if (wrong !== undefined) return Either.left(wrong)
    return Either.map(Target.join(base, url), (target) => ({
      id,
      line,
      method: upper,
      target,
      body: bodiless.has(upper) || body === undefined ? undefined : jsonOf(text, body)
    }))
  }

/** How rows of one's own become requests. */
export interface Plain {
  readonly base: string
  readonly endpoint: string | undefined
  readonly method: Method
  readonly body: Template.Template | undefined
  /** The field that names a row; default `custom_id`, then `id`, then the number of the row. */
  readonly id: string | undefined
}

const idOf = (field: string | undefined, { number, value }: Source): Either.Either<string, string> => {
  const found =
    field === undefined
      ? (Template.fieldOf(value, "custom_id") ?? Template.fieldOf(value, "id") ?? `row-${number}`)
      : Template.fieldOf(value, field)
  if (typeof found === "number") return Either.right(String(found))
  if (typeof found === "string" && found !== "") return Either.right(found)
  const name = field === undefined ? "the name of the row" : `the field "${field}" of --id`
  return Either.left(
    `${name} is to be a text that is not empty or a number, got ${found === undefined ? "nothing" : show(found)}`
  )
}

/** Reads a row of one's own. */
export const ofPlain = (plain: Plain): Reader => {
  const base = Template.parseUrl(plain.base)
  const endpoint = plain.endpoint === undefined ? undefined : Template.parseUrl(plain.endpoint)
  return (source) =>
    Either.gen(function* () {
      const { line, value } = source
      const id = yield* idOf(plain.id, source)
      const wrong = checkId(id)
      if (wrong !== undefined) return yield* Either.left(wrong)
      const url = yield* Either.flatMap(Template.renderUrl(base, value), Target.parseBase)
      const target =
        endpoint === undefined
          ? { url: url.href, path: url.pathname + url.search }
          : yield* Either.flatMap(Template.renderUrl(endpoint, value), (path) => Target.join(url, path))
      const body = plain.body === undefined ? undefined : yield* Template.render(plain.body, value)
      return { id, line, method: plain.method, target, body }
    })
}

const digest = (text: string): string => createHash("sha256").update(text).digest("hex")

/** Tells a changed row from the same one. The host is left out: a batch may go on at another. */
export const fingerprint = ({ body = "", method, target }: Row): string =>
  digest(`${method} ${target.path}\n${body}`).slice(0, 32)

/** The number that a line of the results has, the same each time. */
export const requestName = (id: string): string => `batch_req_${digest(id).slice(0, 24)}`

/**
 * The idempotency key of a row: its name, and what it asks, so that two batches that number their rows alike do not get each
 * other's answers. A header holds only visible ASCII.
 */
export const idempotencyKey = (row: Row): string => {
  const shown = /^[\x21-\x7e]{1,100}$/.test(row.id) ? row.id : digest(row.id).slice(0, 24)
  return `${shown}-${fingerprint(row).slice(0, 16)}`
}
