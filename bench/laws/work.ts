/** What can be given to a thread: laws and servers go by their place in a list, for they are functions. */
import * as Measure from "./measure.js"
import { peers } from "./peers.js"
import { fieldServers } from "./field.js"
import { servers, type Server } from "./servers.js"
import * as Sharing from "./sharing.js"

export const laws: ReadonlyArray<{ readonly name: string; readonly law: Measure.Law }> = [
  { name: "window (ours)", law: "window" },
  { name: "delay (ELSPETH)", law: "delay" },
  ...peers.map((law) => ({ name: law.name, law }))
]

interface About {
  /** Places in the lists. */
  readonly server: number
  readonly law: number
  readonly seeds: number
}

/** All servers that one client has for itself: those of the clean table, then those of the field. */
export const places: ReadonlyArray<Server> = [...servers, ...fieldServers]

export interface Alone extends About {
  readonly _tag: "alone"
  readonly rows: number
}

export interface Together extends About {
  readonly _tag: "together"
  readonly clients: number
  /** Milliseconds. */
  readonly span: number
}

export type Job = Alone | Together

export type Result<J extends Job> = J extends Alone ? Measure.Summary : Sharing.FairnessSummary

const of = <A>(list: ReadonlyArray<A>, place: number): A => {
  const found = list[place]
  if (found === undefined) throw new Error(`there is no number ${place}`)
  return found
}

export const name = (job: Job): string => {
  const law = of(laws, job.law).name
  const server = job._tag === "alone" ? of(places, job.server) : of(Sharing.shared, job.server)
  return `${law}${job._tag === "together" ? ` × ${job.clients}` : ""}: ${server.name}`
}

export const perform = (job: Job): Result<Job> => {
  const { law } = of(laws, job.law)
  return job._tag === "alone"
    ? Measure.summarize(of(places, job.server), law, job.seeds, job.rows)
    : Sharing.summarize(of(Sharing.shared, job.server), law, job.clients, job.seeds, job.span)
}
