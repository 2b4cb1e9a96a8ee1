/** How a row ends, as the journal keeps it. */
import { Schema } from "effect"

const answer = {
  status: Schema.Number,
  requestId: Schema.NullOr(Schema.String),
  /** What the API said: JSON, or text that is none. */
  body: Schema.Unknown,
  /** Its JSON as it came, where a number in it is larger than JavaScript's. */
  text: Schema.optionalWith(Schema.String, { exact: true })
}

/** The API served the row. */
export const Answer = Schema.Struct(answer)
export type Answer = typeof Answer.Type

/** The API answered with a status that is no success, such as 400: a result of the row all the same. */
export class Refused extends Schema.TaggedError<Refused>()("Refused", answer) {
  override get message(): string {
    return `status ${this.status}`
  }
}

/** There was no answer to the row: `code` says in one word why, and `answer` what there was in its place. */
export class Unanswered extends Schema.TaggedError<Unanswered>()("Unanswered", {
  code: Schema.Literal("connection_error", "invalid_request", "quota_exhausted", "request_refused"),
  message: Schema.String,
  answer: Schema.optionalWith(Answer, { exact: true })
}) {}

/** How a row fails by itself. */
export const RowFailure = Schema.Union(Refused, Unanswered)
export type RowFailure = typeof RowFailure.Type

/** By these the API or what stands before it says that it failed; nobody has looked at the row. */
const failedStatuses: ReadonlySet<number> = new Set([401, 407, 408, 429])

/** Whether an answer is none to the row: the API failed, or did not know who asks. */
export const isNoAnswer = (status: number): boolean => status >= 500 || failedStatuses.has(status)

/** Where nothing has ever been served, these say that the address or the key is wrong, not the row. */
const wrongSetup: ReadonlySet<number> = new Set([403, 404, 405])

/** Whether a failure speaks of an API that is of no use to any row. */
export const speaksOfDeath = (failure: RowFailure, hasServed: boolean): boolean =>
  failure._tag === "Unanswered"
    ? failure.code === "connection_error"
    : isNoAnswer(failure.status) || (!hasServed && wrongSetup.has(failure.status))
