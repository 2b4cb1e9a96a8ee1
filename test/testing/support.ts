/** Steps of server models, told as short texts. */
import type { Effect } from "effect"
import { Cause, Exit, type Scope } from "effect"
import { VirtualTime, type ServerModel } from "effect-aimd/testing"

/** A request at an instant; all else is as small as it can be. */
export const request = (at: number, fields: Partial<ServerModel.Request> = {}): ServerModel.Request => ({
  at,
  client: "a",
  tokens: 1,
  service: 100,
  chance: 0.5,
  ...fields
})

type Ask = number | readonly [at: number, fields: Partial<ServerModel.Request>] | { readonly leave: number }

/** The verdicts on requests that come one after the other. */
export const verdicts = (model: ServerModel.ServerModel, asks: ReadonlyArray<Ask>): Array<ServerModel.Verdict> => {
  let state = model.initial
  return asks.flatMap((ask) => {
    if (typeof ask === "object" && "leave" in ask) {
      state = model.leave?.(state, ask.leave) ?? state
      return []
    }
    const [at, fields] = typeof ask === "number" ? [ask, {}] : ask
    const [next, verdict] = model.arrive(state, request(at, fields))
    state = next
    return [verdict]
  })
}

/** A verdict in a word: `ok`, `ok after 5`, `500 in the end`, `429 for 200`, `503`, `failed 500`, `hung`. */
export const word = (verdict: ServerModel.Verdict): string => {
  const round = (millis: number): number => Math.round(millis * 1000) / 1000
  switch (verdict._tag) {
    case "accepted": {
      const { extra = 0, status, wait = 0 } = verdict
      return `${status === undefined ? "ok" : `${status} in the end`}${wait > 0 ? ` after ${round(wait)}` : ""}${extra > 0 ? ` and ${round(extra)}` : ""}`
    }
    case "rejected": {
      const { opensIn, silent, status } = verdict
      return `${status}${opensIn === undefined ? "" : ` for ${round(opensIn)}`}${silent === true ? " silently" : ""}`
    }
    case "failed":
      return `failed ${verdict.status}`
    case "hung":
      return "hung"
  }
}

export const words = (model: ServerModel.ServerModel, asks: ReadonlyArray<Ask>): Array<string> =>
  verdicts(model, asks).map(word)

/** The value of a program in virtual time; throws where it has none. */
export const valueOf = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, options?: VirtualTime.Options): A =>
  Exit.getOrElse(VirtualTime.run(program, options).exit, (cause): A => {
    throw new Error(Cause.pretty(cause))
  })

export const range = (length: number): Array<number> => Array.from({ length }, (_, index) => index)
