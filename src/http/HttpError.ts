/**
 * How a pooled request can fail besides by its own error and by the pool's. Nothing here holds a key, a header or a body.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"
import type * as PoolError from "../PoolError.js"

/**
 * The API answered "not now", but means never: the quota or the credit is used up. The request is not sent again.
 *
 * - `status`: the HTTP status, 429 as a rule
 * - `code`: by what the answer said so, such as `insufficient_quota`
 *
 * @since 0.2.0
 * @category errors
 */
export class QuotaExhaustedError extends Data.TaggedError("QuotaExhaustedError")<{
  readonly status: number
  readonly code: string
}> {
  override get message(): string {
    return `the quota is used up: status ${this.status}, ${this.code}; no wait will help`
  }
}

/**
 * The API will never serve this request, whatever one waits: it says so, or the request asks for more than the whole limit.
 * It is not sent again; other requests are not concerned.
 *
 * - `status`: the HTTP status, 429 as a rule
 * - `code`: by what the answer said so, such as `x-should-retry: false`
 *
 * @since 0.2.0
 * @category errors
 */
export class RequestRefusedError extends Data.TaggedError("RequestRefusedError")<{
  readonly status: number
  readonly code: string
}> {
  override get message(): string {
    return `the API will never serve this request: status ${this.status}, ${this.code}; it is not sent again`
  }
}

/**
 * The request's body is a stream, and there is no sending it a second time. With `sent` false nothing was sent; with
 * `sent` true it was sent once, as the option `streamingBody: "once"` has it, and the API had no capacity.
 *
 * @since 0.2.0
 * @category errors
 */
export class StreamingBodyError extends Data.TaggedError("StreamingBodyError")<{
  readonly method: string
  readonly sent: boolean
}> {
  override get message(): string {
    return this.sent
      ? `the API had no capacity for a ${this.method} whose body is a stream, and it cannot be sent again`
      : `the body of a ${this.method} is a stream, which could not be sent again after a rejection: read it into memory, ` +
          `or set streamingBody to "replay" if each run of it gives the same bytes, or to "once"`
  }
}

/**
 * How a request fails besides by the errors of its client, once that is pooled.
 *
 * @since 0.2.0
 * @category errors
 */
export type Failure =
  | PoolError.RetryTimeoutError
  | PoolError.PoolShutdownError
  | PoolError.AttemptTimeoutError
  | PoolError.LimitError
  | QuotaExhaustedError
  | RequestRefusedError
  | StreamingBodyError
