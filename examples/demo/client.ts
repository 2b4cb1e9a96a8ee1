/** Asks an OpenAI-compatible server for vectors, and says what came back in types. It never retries: the pool does. */
import { HttpClient, type HttpClientError, HttpClientRequest } from "@effect/platform"
import { Data, Effect, Option, type Redacted, Schema } from "effect"
import type { Capacity } from "effect-aimd"
import { type HttpError, PooledHttpClient } from "effect-aimd/http"

/** The server answered with a status that is neither a success nor a lack of capacity. */
export class ApiError extends Data.TaggedError("ApiError")<{
  readonly url: string
  readonly status: number
  readonly reason: string
}> {
  override get message(): string {
    return `${this.url} answered ${this.status}: ${this.reason}`
  }
}

/** The server answered with a success that holds no vector. */
export class MalformedAnswerError extends Data.TaggedError("MalformedAnswerError")<{
  readonly url: string
  readonly answer: string
}> {
  override get message(): string {
    return `${this.url} answered without an embedding; is it OpenAI-compatible? It said: ${this.answer}`
  }
}

/** There was no answer. */
export class UnreachableError extends Data.TaggedError("UnreachableError")<{
  readonly url: string
  readonly reason: string
}> {
  override get message(): string {
    return `cannot reach ${this.url}: ${this.reason}`
  }
}

export type ClientError =
  ApiError | HttpError.QuotaExhaustedError | HttpError.RequestRefusedError | MalformedAnswerError | UnreachableError

export interface Client {
  readonly embed: (text: string) => Effect.Effect<ReadonlyArray<number>, ClientError | Capacity.CapacityError>
}

export interface Options {
  /** The base, such as `https://api.openai.com/v1`. */
  readonly url: string
  readonly key: Option.Option<Redacted.Redacted>
  readonly model: string
}

// As one check: decoding number by number takes longer than all the rest of a request.
const Vector = Schema.declare(
  (u): u is ReadonlyArray<number> => Array.isArray(u) && u.length > 0 && u.every(Number.isFinite)
)

const Answer = Schema.parseJson(Schema.Struct({ data: Schema.NonEmptyArray(Schema.Struct({ embedding: Vector })) }))

const Failure = Schema.parseJson(Schema.Struct({ error: Schema.Struct({ message: Schema.String }) }))

const excerpt = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim()
  return line === "" ? "nothing" : line.length > 200 ? `${line.slice(0, 200)}...` : line
}

const advice: { readonly [status: number]: string } = {
  401: " (give the right key with --key or OPENAI_API_KEY)",
  404: " (is --model right, and --url the base, such as https://api.openai.com/v1?)"
}

const refusal = (url: string, status: number, body: string) => {
  const failure = Schema.decodeOption(Failure)(body)
  const reason = Option.match(failure, { onNone: () => excerpt(body), onSome: ({ error }) => excerpt(error.message) })
  return new ApiError({ url, status, reason: reason + (advice[status] ?? "") })
}

/** Node hides why a connection failed one or two causes deep, and in an AggregateError where a name has several addresses. */
const rootOf = (cause: unknown): string => {
  if (!(cause instanceof Error)) return String(cause)
  const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause.cause
  return inner instanceof Error ? rootOf(inner) : cause.message
}

/** Makes a client on the `HttpClient` in the context. */
export const make = ({ key, model, url }: Options): Effect.Effect<Client, never, HttpClient.HttpClient> =>
  Effect.map(HttpClient.HttpClient, (platform) => {
    const http = HttpClient.withTracerPropagation(PooledHttpClient.attempts()(platform), false)
    const endpoint = `${url.replace(/\/+$/, "")}/embeddings`
    const unreachable = (error: HttpClientError.HttpClientError) =>
      new UnreachableError({ url: endpoint, reason: rootOf(error.cause ?? error.message) })
    const request = Option.match(key, {
      onNone: () => HttpClientRequest.post(endpoint),
      onSome: (secret) => HttpClientRequest.post(endpoint).pipe(HttpClientRequest.bearerToken(secret))
    })
    return {
      embed: Effect.fn(
        function* (input) {
          const body = { model, input, encoding_format: "float" }
          const response = yield* http.execute(HttpClientRequest.bodyUnsafeJson(request, body))
          const text = yield* response.text
          if (response.status < 200 || response.status > 299) return yield* refusal(endpoint, response.status, text)
          const { data } = yield* Effect.mapError(
            Schema.decode(Answer)(text),
            () => new MalformedAnswerError({ url: endpoint, answer: excerpt(text) })
          )
          return data[0].embedding
        },
        Effect.catchTags({ RequestError: unreachable, ResponseError: unreachable })
      )
    }
  })
