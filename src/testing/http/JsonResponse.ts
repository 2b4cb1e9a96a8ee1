/**
 * An HTTP response that is here at once: reading it takes no promise.
 *
 * @since 0.2.0
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * A response with a JSON body.
 *
 * @since 0.2.0
 * @category models
 */
export class JsonResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly status: number
  readonly headers: Headers.Headers
  readonly remoteAddress = Option.none<string>()
  readonly cookies = Cookies.empty
  private readonly body: string

  constructor(
    request: HttpClientRequest.HttpClientRequest,
    status: number,
    headers: Record<string, string>,
    body: unknown
  ) {
    super()
    this.request = request
    this.status = status
    this.headers = Headers.fromInput({ "content-type": "application/json", ...headers })
    this.body = JSON.stringify(body)
  }

  get text(): Effect.Effect<string> {
    return Effect.succeed(this.body)
  }

  get json(): Effect.Effect<unknown> {
    return Effect.sync(() => JSON.parse(this.body) as unknown)
  }

  private get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(new TextEncoder().encode(this.body))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer> {
    return Effect.sync(() => this.bytes.buffer)
  }

  get stream(): Stream.Stream<Uint8Array> {
    return Stream.suspend(() => Stream.make(this.bytes))
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return this.isNot("URL parameters")
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return this.isNot("a form")
  }

  private isNot(what: string): Effect.Effect<never, HttpClientError.ResponseError> {
    return Effect.suspend(
      () =>
        new HttpClientError.ResponseError({
          request: this.request,
          response: this,
          reason: "Decode",
          description: `the body is JSON, not ${what}`
        })
    )
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }
}
