import { type HttpClient, type HttpClientError } from "@effect/platform"
import { expectTypeOf, test } from "@effect/vitest"
import { Context, Data, type Effect, type Layer, type Scope } from "effect"
import { type Capacity, PooledExecutor, type PoolError } from "effect-aimd"
import { type HttpError, PooledFetch, PooledHttpClient, PoolMap, RequestKey } from "effect-aimd/http"

class Own extends Data.TaggedError("Own") {}
class Token extends Context.Tag("Token")<Token, string>() {}
class Gpt extends PooledExecutor.Tag("Gpt")<Gpt>() {}

declare const pool: PooledExecutor.PooledExecutor
declare const client: HttpClient.HttpClient
declare const custom: HttpClient.HttpClient.With<Own | Capacity.CapacityError, Token>

type Failures =
  | PoolError.RetryTimeoutError
  | PoolError.PoolShutdownError
  | PoolError.AttemptTimeoutError
  | PoolError.LimitError
  | HttpError.QuotaExhaustedError
  | HttpError.RequestRefusedError
  | HttpError.StreamingBodyError

test("a pooled client fails as its client does, or as the pool does", () => {
  expectTypeOf(PooledHttpClient.make(pool)(client)).toEqualTypeOf<
    HttpClient.HttpClient.With<HttpClientError.HttpClientError | Failures>
  >()
})

test("capacity errors of the client's own leave, its other errors and its requirements stay", () => {
  expectTypeOf(PooledHttpClient.make(pool)(custom)).toEqualTypeOf<
    HttpClient.HttpClient.With<Own | HttpClientError.ResponseError | Failures, Token>
  >()
})

test("a client of single attempts fails with capacity errors", () => {
  expectTypeOf(PooledHttpClient.attempts()(client)).toEqualTypeOf<
    HttpClient.HttpClient.With<
      | HttpClientError.HttpClientError
      | Capacity.CapacityError
      | HttpError.QuotaExhaustedError
      | HttpError.RequestRefusedError
    >
  >()
})

test("an HttpClient proper has no other errors than its own", () => {
  expectTypeOf(
    PooledHttpClient.toHttpClient(PooledHttpClient.make(pool)(client))
  ).toEqualTypeOf<HttpClient.HttpClient>()
})

test("a layer takes a pool that is made on the spot, or a tag", () => {
  expectTypeOf(PooledHttpClient.layer(PooledExecutor.make())).toEqualTypeOf<
    Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient>
  >()
  expectTypeOf(PooledHttpClient.layer(Gpt)).toEqualTypeOf<
    Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient | Gpt>
  >()
  expectTypeOf(PooledHttpClient.layerKeyed(PoolMap.make(), RequestKey.host)).toEqualTypeOf<
    Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient>
  >()
})

test("a pooled fetch is a fetch", () => {
  expectTypeOf(PooledFetch.make(pool)).toEqualTypeOf<Effect.Effect<PooledFetch.Fetch, never, Scope.Scope>>()
  expectTypeOf<PooledFetch.Fetch>().toExtend<typeof fetch>()
})

test("one attempt keeps its capacity errors", () => {
  const call = {} as Effect.Effect<string, Own | Capacity.CapacityError, Token>
  expectTypeOf(pool.attempt(call)).toEqualTypeOf<
    Effect.Effect<
      string,
      | Own
      | Capacity.CapacityError
      | PoolError.RetryTimeoutError
      | PoolError.PoolShutdownError
      | PoolError.AttemptTimeoutError
      | PoolError.LimitError,
      Token
    >
  >()
})
