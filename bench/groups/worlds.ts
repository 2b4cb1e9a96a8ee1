/** Worlds of several servers that do the same work. Times are milliseconds, rates a second. */
import { Fault, Latency, ServerModel, type HintDialect } from "effect-aimd/testing"

export interface Server {
  readonly name: string
  readonly model: ServerModel.ServerModel
  readonly latency: Latency.Latency
  readonly hints: HintDialect.HintDialect
  /** Attempts that its pool may have in flight. */
  readonly poolSize: number
  /** What its provider says it serves in a minute; undefined where it says nothing. */
  readonly rpm: number | undefined
}

export interface World {
  readonly name: string
  readonly servers: ReadonlyArray<Server>
  readonly rows: number
  /** Rows that come a second, one after the other; undefined for all at once. */
  readonly rate: number | undefined
}

const bucket = (name: string, rate: number, latency: Latency.Latency, poolSize = 32): Server => ({
  name,
  model: ServerModel.tokenBucket({ rate, burst: rate }),
  latency,
  hints: "seconds",
  poolSize,
  rpm: rate * 60
})

const cap = (name: string, at: number, latency: Latency.Latency): Server => ({
  name,
  model: ServerModel.concurrencyCap({ cap: at }),
  latency,
  hints: "none",
  poolSize: 32,
  rpm: undefined
})

const aMinute = (name: string, limit: number): Server => ({
  name,
  model: ServerModel.fixedWindow({ limit, per: 60_000 }),
  latency: quick,
  hints: "seconds",
  poolSize: 32,
  rpm: limit
})

const quick = Latency.uniform(200, 400)
const dead = Fault.outages([{ from: 30_000, until: 90_000 }])

const three = [bucket("a", 20, quick), bucket("b", 10, quick), bucket("c", 5, quick)]

export const worlds: ReadonlyArray<World> = [
  { name: "limits of 20, 10 and 5 a second", servers: three, rows: 4000, rate: undefined },
  {
    name: "three of 10 a second, one dead for a minute",
    servers: [bucket("a", 10, quick), bucket("b", 10, quick), bucket("c", 10, quick)].map((server, i) =>
      i === 0 ? { ...server, model: dead(server.model) } : server
    ),
    rows: 4000,
    rate: undefined
  },
  {
    name: "windows of 600 and 120 a minute, with holds of up to a minute, and 5 a second",
    servers: [aMinute("a", 600), aMinute("b", 120), bucket("c", 5, quick)],
    rows: 3000,
    rate: undefined
  },
  {
    name: "caps of 8, with answers after 0.3, 2 and 8 seconds",
    servers: [cap("a", 8, quick), cap("b", 8, Latency.uniform(1000, 3000)), cap("c", 8, Latency.uniform(4000, 12_000))],
    rows: 4000,
    rate: undefined
  },
  {
    name: "20 rows a second come one by one, to 10 a second after 0.3 s and twice 8 a second after 2 s",
    servers: [
      bucket("a", 10, quick),
      bucket("b", 8, Latency.uniform(1000, 3000)),
      bucket("c", 8, Latency.uniform(1000, 3000))
    ],
    rows: 3000,
    rate: 20
  }
]
