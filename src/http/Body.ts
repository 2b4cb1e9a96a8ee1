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

/** Most that is read of an answer that is thrown away or holds an error. */
const longestError = 1024 * 1024

/** Largest body that is read inside the attempt because its length is known. */
const longestFinite = 1024 * 1024

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
  return length !== undefined && method !== "HEAD" && Number(length) <= longestFinite && !isEvents(headers)
}

const isEvents = (headers: { readonly [name: string]: string | undefined }): boolean =>
  headers["content-type"]?.startsWith("text/event-stream") === true

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
  readonly content: Either.Either<Uint8Array, HttpClientError.ResponseError>

  constructor(
    original: HttpClientResponse.HttpClientResponse,
    headers: HttpClientResponse.HttpClientResponse["headers"],
    content: Either.Either<Uint8Array, HttpClientError.ResponseError>
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

const concat = (chunks: ReadonlyArray<Uint8Array>, length: number): Uint8Array => {
  const all = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/**
 * Reads a response into memory. Of an error's body at most a mebibyte: one that is longer fails, and its connection is
 * given up.
 *
 * @since 0.2.0
 * @category responses
 */
export const read = (
  response: HttpClientResponse.HttpClientResponse,
  // Given, as a response makes them anew each time it is asked.
  headers: HttpClientResponse.HttpClientResponse["headers"]
): Effect.Effect<BufferedResponse, HttpClientError.ResponseError> => {
  if (response instanceof BufferedResponse) return Effect.succeed(response)
  const length = Number(headers["content-length"] ?? NaN)
  const bytes =
    response.status < 400 || length <= longestError
      ? Effect.map(response.arrayBuffer, (buffer) => new Uint8Array(buffer))
      : readError(response)
  return bytes.pipe(
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
    Effect.map((bytes) => new BufferedResponse(response, headers, Either.right(bytes)))
  )
}

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

const readError = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<Uint8Array, HttpClientError.ResponseError> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let total = 0
    return response.stream.pipe(
      Stream.runForEach((chunk) => {
        total += chunk.length
        chunks.push(chunk)
        return total <= longestError
          ? Effect.void
          : Effect.fail(failed(response, { description: `the body is longer than ${longestError} bytes` }))
      }),
      Effect.catchIf(
        (error) => error.reason === "EmptyBody",
        () => Effect.void
      ),
      Effect.map(() => concat(chunks, total))
    )
  })
