/** An OpenAI-compatible embeddings server for loopback: real vectors, a token bucket, errors in OpenAI's shape. */
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "@effect/platform"
import { NodeHttpServer } from "@effect/platform-node"
import { Clock, Effect, ParseResult, Schema } from "effect"
import { createServer } from "node:http"
import * as Bucket from "./bucket.js"
import * as Hashing from "./hashing.js"

/** How many numbers a vector has unless the request says otherwise. */
export const dimensions = 1024

const Text = Schema.String.pipe(Schema.minLength(1))

const EmbeddingsRequest = Schema.Struct({
  model: Schema.String,
  input: Schema.Union(Text, Schema.NonEmptyArray(Text)),
  dimensions: Schema.optionalWith(Schema.Int.pipe(Schema.between(1, 4096)), { default: () => dimensions }),
  encoding_format: Schema.optionalWith(Schema.Literal("float", "base64"), { default: () => "float" as const })
})

/** The official clients ask for base64 unless told otherwise: little-endian 32-bit floats. */
const base64 = (vector: ReadonlyArray<number>): string => {
  const bytes = Buffer.alloc(vector.length * 4)
  vector.forEach((x, i) => bytes.writeFloatLE(x, i * 4))
  return bytes.toString("base64")
}

const failure = (
  status: number,
  error: { readonly message: string; readonly type: string; readonly code: string | null },
  headers: Record<string, string> = {}
) => HttpServerResponse.unsafeJson({ error: { ...error, param: null } }, { status, headers })

const invalid = (status: number, message: string) =>
  failure(status, { message, type: "invalid_request_error", code: null })

const embeddings = Effect.gen(function* () {
  const body = yield* HttpServerRequest.schemaBodyJson(EmbeddingsRequest)
  const texts: ReadonlyArray<string> = typeof body.input === "string" ? [body.input] : body.input
  const vectors = texts.map((text) => Hashing.embed(text, body.dimensions))
  const tokens = texts.reduce((sum, text) => sum + Hashing.words(text).length, 0)
  return HttpServerResponse.unsafeJson({
    object: "list",
    data: vectors.map((vector, index) => ({
      object: "embedding",
      index,
      embedding: body.encoding_format === "base64" ? base64(vector) : vector
    })),
    model: body.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens }
  })
}).pipe(
  Effect.catchTags({
    ParseError: (error) =>
      Effect.succeed(
        invalid(
          400,
          ParseResult.ArrayFormatter.formatErrorSync(error)
            .map(({ message, path }) => `${path.map(String).join(".") || "body"}: ${message}`)
            .join("; ")
        )
      ),
    RequestError: () => Effect.succeed(invalid(400, "the body is not JSON"))
  })
)

const behind = <E, R>(
  bucket: Bucket.Bucket,
  handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const wait = bucket.take(now)
    if (wait === 0) return handler
    return Effect.succeed(
      failure(
        429,
        {
          message: `Rate limit reached for requests. Please try again in ${wait}ms.`,
          type: "requests",
          code: "rate_limit_exceeded"
        },
        { "retry-after": String(Math.ceil(wait / 1000)), "retry-after-ms": String(wait) }
      )
    )
  })

/** Starts the server on a free port of loopback and returns its base URL; it stops with the scope. */
export const start = (limit: Bucket.Options) =>
  Effect.gen(function* () {
    const bucket = Bucket.make(limit, yield* Clock.currentTimeMillis)
    const server = yield* NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" })
    const app = HttpRouter.empty.pipe(
      HttpRouter.post("/v1/embeddings", behind(bucket, embeddings)),
      HttpRouter.all("*", Effect.succeed(invalid(404, "there is only POST /v1/embeddings here")))
    )
    yield* server.serve(app)
    return server.address._tag === "TcpAddress" ? `http://127.0.0.1:${server.address.port}/v1` : ""
  })
