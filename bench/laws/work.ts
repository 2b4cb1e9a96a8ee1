/** What can be given to a thread: laws and servers go by their place in a list, for they are functions. */
import * as Measure from "./measure.js"
import { peers } from "./peers.js"
import { fieldServers } from "./field.js"
import { servers, type Server } from "./servers.js"
import * as Sharing from "./sharing.js"
import type { Edit } from "./variant.js"

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

/** The default law with one constant changed, or as it is, alone on a server or with others on one that is shared. */
export interface Changed {
  readonly _tag: "changed"
  readonly edit: Edit | undefined
  readonly server: number
  readonly isShared: boolean
  readonly seed: number
  readonly rows: number
}

/** Jain's index is one for who is alone. */
export interface Outcome {
  /** At most one. */
  readonly share: number
  /** Rejections a success; nothing where they are no target, as on a server that serves nobody. */
  readonly rejected: number
  readonly jain: number
}

export type Job = Alone | Together | Changed

export type Result<J extends Job> = J extends Alone
  ? Measure.Summary
  : J extends Together
    ? Sharing.FairnessSummary
    : Outcome

const of = <A>(list: ReadonlyArray<A>, place: number): A => {
  const found = list[place]
  if (found === undefined) throw new Error(`there is no number ${place}`)
  return found
}

export const name = (job: Job): string => {
  if (job._tag === "changed") {
    const server = job.isShared ? of(Sharing.shared, job.server) : of(places, job.server)
    return `${job.edit === undefined ? "as it is" : `${job.edit.constant.name} ${job.edit.value}`}: ${server.name}`
  }
  const law = of(laws, job.law).name
  const server = job._tag === "alone" ? of(places, job.server) : of(Sharing.shared, job.server)
  return `${law}${job._tag === "together" ? ` × ${job.clients}` : ""}: ${server.name}`
}

/** Clients that share a server, and for how long they are watched, where a constant is changed. */
const [sharers, watched] = [4, 300_000]

const changed = async (job: Changed): Promise<Outcome> => {
  if (job.edit === undefined) return outcome(job, "window")
  try {
    // With it comes the compiler, which nothing else needs.
    const { variant } = await import("./variant.js")
    return outcome(job, await variant(job.edit, job.isShared))
  } catch (error) {
    // A law that breaks serves nothing.
    console.error(`${name(job)}: ${String(error)}`)
    return { share: 0, rejected: 0, jain: 0 }
  }
}

const outcome = ({ isShared, rows, seed, server }: Changed, law: Measure.Law): Outcome => {
  if (!isShared) {
    const place = of(places, server)
    const { rejected, share } = Measure.once(place, law, seed, rows)
    return { share: Math.min(1, share), rejected: place.rejected === Infinity ? 0 : rejected, jain: 1 }
  }
  const { jain, rejected, utilisation } = Sharing.once(of(Sharing.shared, server), law, sharers, seed, watched)
  return { share: utilisation, rejected, jain }
}

export const perform = (job: Job): Result<Job> | Promise<Result<Job>> => {
  if (job._tag === "changed") return changed(job)
  const { law } = of(laws, job.law)
  return job._tag === "alone"
    ? Measure.summarize(of(places, job.server), law, job.seeds, job.rows)
    : Sharing.summarize(of(Sharing.shared, job.server), law, job.clients, job.seeds, job.span)
}
