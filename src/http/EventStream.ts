/**
 * Streams of events, taken apart as they come: server-sent events (WHATWG HTML, 9.2) and newline-delimited JSON. For a look
 * at what passes by; who reads the stream gets its bytes untouched.
 *
 * @since 0.2.0
 */
import * as ErrorBody from "../answer/ErrorBody.js"
import * as Usage from "../answer/Usage.js"
import * as Memo from "../structure/Memo.js"
import * as Standard from "./Standard.js"

/**
 * How events are told apart.
 *
 * @since 0.2.0
 * @category models
 */
export type Form = "server-sent events" | "lines"

interface Media {
  readonly form: Form | undefined
  readonly isDocument: boolean
}

const lineTypes = /^application\/(x-)?(ndjson|jsonl|jsonlines|json-lines|stream\+json|json-seq)$/
const documentTypes = /^(application\/([\w.-]+\+)?(json|xml)|text\/(html|xml))$/

/** What a media type says, whatever its parameters, such as a charset. */
const mediaOf = Memo.make((contentType): Media => {
  const type = contentType.split(";", 1).join("").trim().toLowerCase()
  const form = type === "text/event-stream" ? "server-sent events" : lineTypes.test(type) ? "lines" : undefined
  return { form, isDocument: form === undefined && documentTypes.test(type) }
})

/**
 * The form of a response's events; `undefined` where it is no stream of them.
 *
 * @since 0.2.0
 * @category parsers
 */
export const formOf = (headers: { readonly [name: string]: string | undefined }): Form | undefined =>
  mediaOf(headers["content-type"] ?? "").form

/**
 * Whether a response is one document, of no use until it is complete: JSON, XML or a page.
 *
 * @since 0.2.0
 * @category parsers
 */
export const isDocument = (headers: { readonly [name: string]: string | undefined }): boolean =>
  mediaOf(headers["content-type"] ?? "").isDocument

/**
 * An event: its data, and its name where it has one.
 *
 * @since 0.2.0
 * @category models
 */
export interface Event {
  readonly name: string | undefined
  readonly data: string
}

/** An event that is longer is not looked at. */
const longest = 64 * 1024

/**
 * Takes a stream apart.
 *
 * @since 0.2.0
 * @category models
 */
export interface Parser {
  /** The events that end in this chunk. Comments, and events without data, are none. */
  readonly push: (chunk: Uint8Array) => ReadonlyArray<Event>
}

/**
 * Makes a parser of a stream that begins.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = (form: Form): Parser => {
  const decoder = new TextDecoder()
  let rest = ""
  let name: string | undefined
  let data: Array<string> = []
  let length = 0

  const readLine = (line: string, events: Array<Event>): void => {
    if (form === "lines") {
      if (line.trim() !== "") events.push({ name: undefined, data: line })
      return
    }
    if (line === "") {
      if (data.length > 0 && length <= longest) events.push({ name, data: data.join("\n") })
      name = undefined
      data = []
      length = 0
      return
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? []
    if (field === "event") name = value
    if (field === "data" && (length += value.length) <= longest) data.push(value)
  }

  return {
    push: (chunk) => {
      const events: Array<Event> = []
      // A line break of two characters may come in two chunks.
      const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop() ?? ""
      if (rest.length > longest) rest = ""
      for (const line of lines) readLine(line, events)
      return events
    }
  }
}

/**
 * The events of a stream that has ended; the last may lack its end.
 *
 * @since 0.2.0
 * @category parsers
 */
export const eventsOf = (form: Form, text: string): ReadonlyArray<Event> =>
  make(form).push(new TextEncoder().encode(`${text}\n\n`))

const beginnings: { readonly [form in Form]: ReadonlyArray<string> } = {
  "server-sent events": ["data", "event", "id", "retry", ":"],
  lines: ["{", "["]
}

/**
 * Whether a stream that begins with these bytes can be one of events; what cannot need not be waited for.
 *
 * @since 0.2.0
 * @category parsers
 */
export const canBegin = (form: Form, bytes: Uint8Array): boolean => {
  const text = new TextDecoder().decode(bytes.subarray(0, 16)).trimStart()
  return beginnings[form].some((word) => word.startsWith(text.slice(0, word.length)))
}

/**
 * The HTTP status that an event stands for; `undefined` where it is no error, or one about something else.
 *
 * @since 0.2.0
 * @category reading
 */
export const statusOf = ({ data, name }: Event): number | undefined => {
  if (name !== "error" && !data.includes("error")) return undefined
  const body = ErrorBody.parse(data)
  return Standard.statusOf(name === "error" ? { ...pick(body), isError: true } : body)
}

/**
 * What events say was used: each tells it of all that was used so far.
 *
 * @since 0.2.0
 * @category reading
 */
export const usageOf = (events: ReadonlyArray<Event>, before?: Usage.Usage): Usage.Usage | undefined =>
  events.reduce((told, { data }) => {
    const usage = Usage.fromText(data)
    return usage === undefined ? told : { ...told, ...usage }
  }, before)

const pick = ({ codes, headers, messages, status, waits }: ErrorBody.ErrorBody) => ({
  codes,
  headers,
  messages,
  status,
  waits
})
