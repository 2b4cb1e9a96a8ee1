/**
 * A simulated API as an `HttpClient`: programs that call HTTP run against it in virtual time, without a change.
 *
 * It uses no promises, so that bodies can be read in virtual time too.
 *
 * @since 0.2.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as SimulatedApi from "../api/SimulatedApi.js"
import { JsonResponse } from "./JsonResponse.js"

/**
 * What a request means to the API.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** All requests of one row take the same time. Default: each request is a row of its own. */
  readonly row?: (request: HttpClientRequest.HttpClientRequest) => number | undefined
  /** Its size, for limits that count tokens. Default 1. */
  readonly tokens?: (request: HttpClientRequest.HttpClientRequest) => number
  /** Who sends it, for servers that distinguish their clients. Default `"client"`. */
  readonly client?: (request: HttpClientRequest.HttpClientRequest) => string
  /** The JSON that answers a request that is served. Default `{ "served": true }`. */
  readonly body?: (request: HttpClientRequest.HttpClientRequest) => unknown
}

/** The body of an error, in the shape of OpenAI's. */
const errorBody = (status: number): unknown => {
  const [message, type, code] =
    status === 429
      ? ["too many requests: come back later", "requests", "rate_limit_exceeded"]
      : [`the server answers with status ${status}`, "server_error", null]
  return { error: { message, type, param: null, code } }
}

/**
 * Calls a simulated API over HTTP, with any URL. The response has the API's status, its headers, and a JSON body.
 *
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { Effect } from "effect"
 * import { ServerModel, SimulatedApi, VirtualTime } from "effect-aimd/testing"
 * import { SimulatedHttp } from "effect-aimd/testing/http"
 *
 * const program = Effect.gen(function* () {
 *   const api = yield* SimulatedApi.make({ model: ServerModel.tokenBucket({ rate: 1, burst: 1 }), hints: "seconds" })
 *   const client = SimulatedHttp.client(api)
 *   const first = yield* client.get("http://api.example/a")
 *   const second = yield* client.get("http://api.example/b")
 *   return [first.status, second.status, second.headers["retry-after"]]
 * })
 *
 * const { exit } = VirtualTime.run(program)
 * assert.deepStrictEqual(exit._tag === "Success" && exit.value, [200, 429, "1"])
 * ```
 *
 * @since 0.2.0
 * @category constructors
 */
export const client = (api: SimulatedApi.SimulatedApi, options: Options = {}): HttpClient.HttpClient =>
  HttpClient.make((request) => {
    const row = options.row?.(request)
    const sender = options.client?.(request)
    const call = {
      tokens: options.tokens?.(request) ?? 1,
      ...(row !== undefined && { row }),
      ...(sender !== undefined && { client: sender })
    }
    return Effect.map(api.respond(call), ({ headers, status }) => {
      const body = status < 400 ? (options.body?.(request) ?? { served: true }) : errorBody(status)
      return new JsonResponse(request, status, headers, body)
    })
  })

/**
 * Gives a program an `HttpClient` with a new API behind it. To read what the API has counted, make it with
 * `SimulatedApi.make` and use {@link client}.
 *
 * @since 0.2.0
 * @category layers
 */
export const layer = (
  api: SimulatedApi.Options & { readonly seed?: number },
  options: Options = {}
): Layer.Layer<HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(SimulatedApi.make(api), (made) => client(made, options))
  )
