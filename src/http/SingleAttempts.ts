/**
 * Requests of which each is one attempt of a row: the pool that runs the row sends it again.
 *
 * @since 0.2.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Insider from "../pool/Insider.js"
import * as Body from "./Body.js"
import * as HttpAttempt from "./HttpAttempt.js"
import * as PooledRequest from "./PooledRequest.js"

/** As often as the default schedule sends again. */
const mostReruns = 2

/**
 * A client that sends a lost request again inside the attempt, and tells the pool whether the attempt may be run again.
 *
 * @since 0.2.0
 * @category constructors
 */
export const make = <E, R>(
  client: HttpClient.HttpClient.With<E, R>,
  settings: HttpAttempt.Settings,
  resend: PooledRequest.Resend
): HttpClient.HttpClient.With<E | HttpAttempt.Rejection, R> =>
  PooledRequest.clientOf((given) =>
    PooledRequest.begin(given, resend, (request, progress) => {
      const isSafe = !Body.isStreaming(request) && resend.isSafe(request)
      const run = HttpAttempt.run(client, request, settings, progress, Effect.succeed({}), Insider.resent)
      const way = isSafe ? PooledRequest.resending(run, () => progress.isLost, resend.schedule) : run
      const watched = Effect.zipRight(
        Insider.allowReruns(isSafe, mostReruns),
        // An interruption may be the pool's time limit: then it stays as it was.
        Effect.tapBoth(way, {
          onFailure: (error) => {
            PooledRequest.noteAnswer(error, progress)
            return Insider.allowReruns(false, mostReruns)
          },
          onSuccess: () => Insider.allowReruns(false, mostReruns)
        })
      )
      return Effect.map(watched, ({ response }) => response)
    })
  )
