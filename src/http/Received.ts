/**
 * An answer as far as it was read: what a classifier sees of it, and what the caller gets.
 *
 * @since 0.2.0
 */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Body from "./Body.js"
import * as Usage from "../answer/Usage.js"
import * as EventStream from "./EventStream.js"
import * as OpenBody from "./OpenBody.js"

type Failure = HttpClientError.ResponseError
type Response = HttpClientResponse.HttpClientResponse

/**
 * How bodies are read.
 *
 * @since 0.2.0
 * @category models
 */
export interface Settings {
  readonly body: "auto" | "buffer" | "stream"
  readonly permitUntil: "body" | "headers"
}

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/**
 * An answer that came. What was read once is not read again, and a body that broke off is broken off for everybody.
 *
 * @since 0.2.0
 * @category models
 */
export class Received {
  readonly original: Response
  // Kept, as a response makes them anew each time it is asked.
  readonly headers: Response["headers"]
  readonly method: string
  readonly form: EventStream.Form | undefined
  private response: Response
  private failure: Failure | undefined = undefined
  private reading: OpenBody.Reading | undefined = undefined
  private known: { readonly text: string; readonly event?: EventStream.Event } | undefined = undefined

  constructor(method: string, original: Response) {
    this.method = method
    this.original = original
    this.response = original
    this.headers = original.headers
    this.form = original.status < 400 ? EventStream.formOf(this.headers) : undefined
  }

  get isRead(): boolean {
    return this.response !== this.original
  }

  /** The response, with what was read of it. */
  get now(): Response {
    return this.response
  }

  /** What a classifier sees of the body; empty where it could not be read. */
  get body(): Effect.Effect<string> {
    return Effect.suspend(() => {
      if (this.known !== undefined) return Effect.succeed(this.known.text)
      const text = this.form !== undefined ? this.firstEvent : this.isError ? this.errorText : this.wholeText
      return Effect.catchAll(text, () => Effect.succeed((this.known = { text: "" }).text))
    })
  }

  /** The first event of a stream of them; undefined where it ended, or went on too long, before there was one. */
  get event(): Effect.Effect<EventStream.Event | undefined, Failure> {
    return Effect.suspend(() =>
      this.known !== undefined ? Effect.succeed(this.known.event) : Effect.map(this.firstEvent, () => this.known?.event)
    )
  }

  /** What the answer says was used, as far as it was read to its end anyway. */
  get usage(): Effect.Effect<Usage.Usage | undefined> {
    return Effect.suspend(() => {
      const { form } = this
      if (!this.isRead || (form === undefined && !EventStream.isDocument(this.headers))) {
        return Effect.succeed(undefined)
      }
      const told = (text: string) =>
        form === undefined ? Usage.fromText(text) : EventStream.usageOf(EventStream.eventsOf(form, text))
      return Effect.orElseSucceed(Effect.map(this.response.text, told), () => undefined)
    })
  }

  private get isError(): boolean {
    return this.original.status >= 400
  }

  private remember(error: Failure): Effect.Effect<never, Failure> {
    this.failure = error
    return Effect.fail(error)
  }

  private get whole(): Effect.Effect<Response, Failure> {
    return Effect.suspend(() => {
      if (this.failure !== undefined) return Effect.fail(this.failure)
      if (this.isRead) return Effect.succeed(this.response)
      return Effect.matchEffect(Body.read(this.original, this.headers), {
        onFailure: (error) => this.remember(error),
        onSuccess: (buffered) => Effect.succeed((this.response = buffered))
      })
    })
  }

  private get wholeText(): Effect.Effect<string, Failure> {
    return Effect.map(
      Effect.flatMap(this.whole, ({ text }) => text),
      (text) => (this.known = { text }).text
    )
  }

  /** Reads until there is enough, and keeps what there is: in memory where that was all, else before the rest. */
  private readUntil(isEnough: (bytes: Uint8Array) => boolean): Effect.Effect<boolean, Failure> {
    return Effect.flatMap(OpenBody.begin(this.original), (reading) => {
      this.reading = reading
      return Effect.matchEffect(
        Effect.onInterrupt(OpenBody.readUntil(reading, isEnough), () => reading.close),
        {
          onFailure: (error) => Effect.zipRight(reading.close, this.remember(error)),
          onSuccess: (ended) => {
            if (!ended) return Effect.succeed(false)
            this.reading = undefined
            this.response = new Body.BufferedResponse(
              this.original,
              this.headers,
              Either.right(OpenBody.concat(reading.read))
            )
            return Effect.as(reading.close, true)
          }
        }
      )
    })
  }

  private atMost(bytes: number): Effect.Effect<boolean, Failure> {
    let total = 0
    return this.readUntil(({ length }) => (total += length) > bytes)
  }

  /** Only the work that was asked for may take its time: an error that does not end is given up. */
  private get errorText(): Effect.Effect<string, Failure> {
    const length = Number(this.headers["content-length"] ?? NaN)
    if (this.method === "HEAD") return Effect.succeed((this.known = { text: "" }).text)
    const text =
      length <= Body.longestError
        ? this.wholeText
        : Effect.flatMap(this.atMost(Body.longestError), (ended) =>
            ended
              ? this.wholeText
              : Effect.sync(() => (this.known = { text: decode(OpenBody.concat(this.reading?.read ?? [])) }).text)
          )
    return Effect.timeoutFail(text, {
      duration: Body.patience,
      onTimeout: () =>
        (this.failure = Body.failed(this.original, { description: `no end of the body in ${Body.patience}` }))
    })
  }

  private get firstEvent(): Effect.Effect<string, Failure> {
    const form = this.form ?? "lines"
    const parser = EventStream.make(form)
    let [event, total]: [EventStream.Event | undefined, number] = [undefined, 0]
    return Effect.map(
      this.readUntil((bytes) => {
        if (total === 0 && !EventStream.canBegin(form, bytes)) return true
        event ??= parser.push(bytes)[0]
        return event !== undefined || (total += bytes.length) > Body.longestError
      }),
      () => {
        this.known = { text: event?.data ?? "", ...(event !== undefined && { event }) }
        return this.known.text
      }
    )
  }

  /** What a rejection leaves: read to its end, so that the connection is free for the next attempt, or given up. */
  get leave(): Effect.Effect<Response> {
    return Effect.flatMap(this.body, () => {
      const { failure, reading } = this
      if (failure !== undefined) return Effect.succeed(this.broken(failure))
      if (reading === undefined) return Effect.succeed(this.response)
      const rest = `the body is longer than ${Body.longestError} bytes`
      // Of a stream there is the event by which it was judged.
      const left =
        this.form === undefined
          ? this.broken(Body.failed(this.original, { description: rest }))
          : new Body.BufferedResponse(this.original, this.headers, Either.right(OpenBody.concat(reading.read)))
      return Effect.as(reading.close, left)
    })
  }

  private broken(failure: Failure): Response {
    return new Body.BufferedResponse(this.original, this.headers, Either.left(failure))
  }

  /** What the caller gets: whole, or as it comes, and then with the permit that it keeps. */
  handOut(settings: Settings, onLeft: Effect.Effect<void>): Effect.Effect<Response, Failure> {
    return Effect.suspend(() => {
      const { form, headers, method, original } = this
      if (this.failure !== undefined) return Effect.fail(this.failure)
      if (this.isRead) return Effect.succeed(this.response)
      if (settings.body === "buffer" || (settings.body === "auto" && Body.isFinite(method, headers))) {
        return this.reading === undefined ? this.whole : this.rest
      }
      if (this.isError)
        return Effect.succeed(this.reading ? OpenBody.resume(original, headers, this.reading) : original)
      if (Body.isEmpty(method, original, headers)) return Effect.succeed(original)
      const isDocument = settings.body === "auto" && form === undefined && EventStream.isDocument(headers)
      if (isDocument && this.reading === undefined && headers["content-length"] === undefined) {
        return Effect.flatMap(this.atMost(Body.longestFinite), () => this.handOut(settings, onLeft))
      }
      const reading = this.reading === undefined ? OpenBody.begin(original) : Effect.succeed(this.reading)
      if (settings.permitUntil === "body") return OpenBody.keep(original, headers, reading, onLeft)
      return Effect.succeed(this.reading ? OpenBody.resume(original, headers, this.reading) : original)
    })
  }

  /** All that is left of a body that was begun. */
  private get rest(): Effect.Effect<Response, Failure> {
    return Effect.map(this.readUntilEnd(this.reading), () => this.response)
  }

  private readUntilEnd(reading: OpenBody.Reading | undefined): Effect.Effect<void, Failure> {
    if (reading === undefined) return Effect.void
    return Effect.matchEffect(
      OpenBody.readUntil(reading, () => false),
      {
        onFailure: (error) => Effect.zipRight(reading.close, this.remember(error)),
        onSuccess: () => {
          this.reading = undefined
          const bytes = OpenBody.concat(reading.read)
          this.response = new Body.BufferedResponse(this.original, this.headers, Either.right(bytes))
          return reading.close
        }
      }
    )
  }
}
