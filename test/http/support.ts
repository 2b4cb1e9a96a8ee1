/** Clients that talk to nobody, and what was asked of them. */
import { HttpClient, HttpClientError, type HttpClientRequest, HttpClientResponse } from "@effect/platform"
import { Clock, Effect } from "effect"

/** One answer of a scripted API. */
export interface Answer {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body?: string | object | (() => ReadableStream<Uint8Array>)
  /** There is no answer: the connection fails. */
  readonly lost?: boolean
}

/** What was sent, when it was sent (milliseconds on the clock), and with what body. */
export interface Sent {
  readonly at: number
  readonly request: HttpClientRequest.HttpClientRequest
}

const toResponse = ({ body: given, headers = {}, status = 200 }: Answer): Response => {
  // A function is a body of the one kind that can be read once only.
  const body = given instanceof Function ? given() : given
  if (body === undefined) return new Response(null, { status, headers })
  if (typeof body === "string" || body instanceof ReadableStream) return new Response(body, { status, headers })
  return new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } })
}

/** A client that gives its nth request, from 0, the nth answer, and an empty 200 to all that come later. */
export const scripted = (...answers: ReadonlyArray<Answer>) => {
  const sent: Array<Sent> = []
  const client = HttpClient.make((request) =>
    Effect.flatMap(Clock.currentTimeMillis, (at) => {
      const answer = answers[sent.length] ?? {}
      sent.push({ at, request })
      return answer.lost === true
        ? Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error("hung up") }))
        : Effect.succeed(HttpClientResponse.fromWeb(request, toResponse(answer)))
    })
  )
  return { client, sent, instants: () => sent.map(({ at }) => at) }
}

/** A body that comes in one piece. A blob's comes from elsewhere, and virtual time waits for nobody. */
export const streamOf = (body: string | Uint8Array): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start: (controller) => {
      controller.enqueue(typeof body === "string" ? new TextEncoder().encode(body) : body)
      controller.close()
    }
  })

/** A body that breaks off. */
export const broken = (): ReadableStream<Uint8Array> => {
  let pulls = 0
  return new ReadableStream({
    pull: (controller) => {
      if (pulls++ === 0) controller.enqueue(new TextEncoder().encode('{"half":'))
      else controller.error(new Error("the connection broke off"))
    }
  })
}

export const url = "http://api.test/v1/things"
