/**
 * Bodies: which request's can be sent again, and a response's that is read once and stays readable.
 *
 * @since 0.2.0
 */
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as EventStream from "./EventStream.js"

/**
 * Most that is read of an answer that holds an error.
 *
 * @since 0.2.0
 * @category constants
 */
export const longestError = 64 * 1024

/**
 * Largest body that is read inside the attempt because it is known to end.
 *
 * @since 0.2.0
 * @category constants
 */
export const longestFinite = 1024 * 1024

/**
 * How long the rest of a rejection may take to come in: the connection of one that does not end is given up.
 *
 * @since 0.2.0
 * @category constants
 */
export const patience = "5 seconds"

const isStreamLike = (u: unknown): boolean =>
  Predicate.isObject(u) && ("getReader" in u || "pipe" in u || Symbol.asyncIterator in u)

/**
 * Whether the request's body is a stream, of which nobody can know if it can be sent again.
 *
 * @since 0.2.0
 * @category requests
 */
export const isStreaming = ({ body }: HttpClientRequest.HttpClientRequest): boolean =>
  body._tag === "Stream" || (body._tag === "Raw" && isStreamLike(body.body))

/**
 * Whether the length of the response's body is known and small, so that reading it cannot take for ever.
 *
 * @since 0.2.0
 * @category responses
 */
export const isFinite = (method: string, headers: { readonly [name: string]: string | undefined }): boolean => {
  const length = headers["content-length"]
  return (
    length !== undefined &&
    method !== "HEAD" &&
    Number(length) <= longestFinite &&
    EventStream.formOf(headers) === undefined
  )
}

const bodiless: ReadonlySet<number> = new Set([101, 204, 205, 304])

/**
 * Whether a response has no body that anybody could read.
 *
 * @since 0.2.0
 * @category responses
 */
export const isEmpty = (
  method: string,
  response: HttpClientResponse.HttpClientResponse,
  headers: { readonly [name: string]: string | undefined }
): boolean =>
  method === "HEAD" || bodiless.has(response.status) || headers["content-length"] === "0" || isNull(response)

/** Behind platform's own responses stands one of the web or of undici, which knows. */
const isNull = (response: unknown): boolean =>
  Predicate.hasProperty(response, "original")
    ? isNull(response.original)
    : Predicate.hasProperty(response, "source") &&
      Predicate.hasProperty(response.source, "body") &&
      response.source.body === null

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/**
 * A response whose body was read: every way to read it works, as often as one likes, or fails as the reading did. A log
 * shows its status alone.
 *
 * @since 0.2.0
 * @category models
 */
export class BufferedResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly status: number
  readonly headers: HttpClientResponse.HttpClientResponse["headers"]
  readonly original: HttpClientResponse.HttpClientResponse
  readonly content: Effect.Effect<Uint8Array, HttpClientError.ResponseError>

  constructor(
    original: HttpClientResponse.HttpClientResponse,
    headers: HttpClientResponse.HttpClientResponse["headers"],
    content: Effect.Effect<Uint8Array, HttpClientError.ResponseError>
  ) {
    super()
    this.original = original
    this.request = original.request
    this.status = original.status
    this.headers = headers
    this.content = content
  }

  get cookies() {
    return this.original.cookies
  }

  get remoteAddress() {
    return this.original.remoteAddress
  }

  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return Effect.map(this.content, decode)
  }

  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return this.parsed((text): unknown => (text === "" ? null : JSON.parse(text)))
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return this.parsed((text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.flatMap(this.arrayBuffer, (buffer) =>
      Effect.tryPromise({
        try: () => new Response(buffer, { headers: this.headers }).formData(),
        catch: (cause) => failed(this, { cause })
      })
    )
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.map(this.content, (bytes) => new Uint8Array(bytes).buffer)
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    return Stream.fromEffect(Effect.map(this.arrayBuffer, (buffer) => new Uint8Array(buffer)))
  }

  toJSON(): unknown {
    return { _id: "@effect/platform/HttpClientResponse", status: this.status }
  }

  private parsed<A>(parse: (text: string) => A): Effect.Effect<A, HttpClientError.ResponseError> {
    return Effect.flatMap(this.text, (text) =>
      Effect.try({ try: () => parse(text), catch: (cause) => failed(this, { cause }) })
    )
  }
}

/**
 * Reads a response into memory.
 *
 * @since 0.2.0
 * @category responses
 */
export const read = (
  response: HttpClientResponse.HttpClientResponse,
  // Given, as a response makes them anew each time it is asked.
  headers: HttpClientResponse.HttpClientResponse["headers"]
): Effect.Effect<BufferedResponse, HttpClientError.ResponseError> =>
  isJson(headers)
    ? Effect.map(response.text, (text) => new JsonResponse(response, headers, text))
    : readBytes(response, headers)

const isJson = (headers: { readonly [name: string]: string | undefined }): boolean =>
  headers["content-type"]?.startsWith("application/json") === true

/** JSON is text in UTF-8, and read as that: bytes are made of it where somebody asks for them. */
class JsonResponse extends BufferedResponse {
  private readonly whole: string

  constructor(
    original: HttpClientResponse.HttpClientResponse,
    headers: HttpClientResponse.HttpClientResponse["headers"],
    whole: string
  ) {
    super(
      original,
      headers,
      Effect.sync(() => new TextEncoder().encode(whole))
    )
    this.whole = whole
  }

  override get text(): Effect.Effect<string> {
    return Effect.succeed(this.whole)
  }
}

const readBytes = (
  response: HttpClientResponse.HttpClientResponse,
  headers: HttpClientResponse.HttpClientResponse["headers"]
): Effect.Effect<BufferedResponse, HttpClientError.ResponseError> =>
  response.arrayBuffer.pipe(
    // Somebody underneath, who logs it for instance, may have read the body as text: then that is at hand.
    Effect.catchAllCause((cause) =>
      Effect.matchEffect(response.text, {
        onFailure: () =>
          Effect.fail(
            Option.getOrElse(Cause.failureOption(cause), () => failed(response, { cause: Cause.squash(cause) }))
          ),
        onSuccess: (text) => Effect.succeed(new TextEncoder().encode(text))
      })
    ),
    Effect.map((bytes) => new BufferedResponse(response, headers, Either.right(new Uint8Array(bytes))))
  )

/**
 * The error of a body that could not be read.
 *
 * @since 0.2.0
 * @category errors
 */
export const failed = (
  response: HttpClientResponse.HttpClientResponse,
  why: { readonly cause: unknown } | { readonly description: string }
): HttpClientError.ResponseError =>
  new HttpClientError.ResponseError({ request: response.request, response, reason: "Decode", ...why })
