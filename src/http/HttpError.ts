/**
 * The errors of a pooled request, in addition to the client's own errors and the pool's. No error here holds a key, a
 * header or a body.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"
import type * as PoolError from "../PoolError.js"

/**
 * The API answered "not now", but means never: the quota or the credit is used up. The request is not sent again.
 *
 * - `status`: the HTTP status, usually 429
 * - `code`: the word of the answer that says so, such as `insufficient_quota`
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
 * The API will never serve this request, however long you wait: it says so, or the request asks for more than the whole
 * limit. It is not sent again; other requests go on.
 *
 * - `status`: the HTTP status, usually 429
 * - `code`: the word of the answer that says so, such as `x-should-retry: false`
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
 * The request's body is a stream, and cannot be sent a second time. If `sent` is false, nothing was sent. If `sent` is
 * true, it was sent once (the option `streamingBody: "once"`), and the API had no capacity.
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
 * The errors that a pool adds to those of a client.
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
