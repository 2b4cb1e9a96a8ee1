/** Worlds as plain data, drawn by seed: what a failure prints can be pasted, and made smaller. */
import type { ControlLaw, PoolConfig, PooledExecutor } from "effect-aimd"
import type { Lives } from "effect-aimd/testing"
import {
  Curve,
  Fault,
  Latency,
  Liveness,
  ServerModel,
  Simulation,
  StreamChecker,
  VirtualTime,
  Workload,
  type Checker,
  type HintDialect
} from "effect-aimd/testing"
import { FileJournal } from "effect-aimd/journal"
import { Duration, Layer, Utils } from "effect"
import { makeDisk, type Fate } from "../support/disk.js"
import { pace } from "../support/laws.js"

/** Every server, small enough for a handful of rows to meet its limit. */
export const models = {
  "token bucket": ServerModel.tokenBucket({ rate: 10, burst: 3 }),
  "fixed window": ServerModel.fixedWindow({ limit: 5, per: 1000 }),
  "window from the first request": ServerModel.fixedWindow({ limit: 5, per: 1000, aligned: false }),
  "sliding window": ServerModel.slidingWindow({ limit: 5, per: 1000 }),
  "sliding window, rejections count": ServerModel.slidingWindow({ limit: 5, per: 1000, countRejected: true }),
  "concurrency cap": ServerModel.concurrencyCap({ cap: 2 }),
  "cap that steps": ServerModel.concurrencyCap({
    cap: Curve.steps([
      [0, 4],
      [500, 1],
      [1500, 8]
    ])
  }),
  workers: ServerModel.workers({ workers: 2, queue: 2 }),
  "slope limit": ServerModel.slopeLimit({ growth: 0.5, per: 1000, floor: 4 }),
  "requests and tokens": ServerModel.all(
    ServerModel.tokenBucket({ rate: 10, burst: 4 }),
    ServerModel.tokenBucket({ rate: 100, burst: 40, unit: "tokens" })
  ),
  "capacity that drifts": Fault.scaled(Curve.drift({ from: [0, 1], to: [2000, 0.3] }))(
    ServerModel.tokenBucket({ rate: 20, burst: 2 })
  ),
  "capacity by the time of day": Fault.scaled(Curve.daily({ mean: 1, swing: 0.5 }))(
    ServerModel.tokenBucket({ rate: 10, burst: 2 })
  )
} satisfies Record<string, ServerModel.ServerModel>

/** Every law there is, and one that is not the library's. */
export const laws = {
  window: "window",
  delay: "delay",
  pace: pace({ initial: 0, min: 0, max: 2000, step: 10 })
} satisfies Record<string, PoolConfig.Options["control"] | ControlLaw.ControlLaw>

export interface Plan {
  readonly model: keyof typeof models
  readonly law: keyof typeof laws
  readonly hints: HintDialect.HintDialect
  readonly latency: "constant" | "uniform" | "log-normal" | "by size"
  readonly faults: ReadonlyArray<"outage" | "failing" | "hanging" | "cold start">
  readonly clients: ReadonlyArray<ClientPlan>
}

export interface ClientPlan {
  readonly poolSize: number
  readonly joinsAt: number
  readonly minDispatchDelay: number
  readonly parties: ReadonlyArray<Omit<Workload.Party, "rows"> & { readonly rows: ReadonlyArray<Workload.Row> }>
  readonly acts?: ReadonlyArray<Workload.Act>
  /** Seconds. */
  readonly budget: number
  readonly attemptTimeout?: number
  readonly shutdownAt?: number
  readonly closedAt?: number
  readonly journal?: JournalPlan
  readonly told?: ToldPlan
}

/** What a pool was told: its limits, its money, and how long nobody's turn ages. Two pools of a group were told the same. */
export interface ToldPlan {
  readonly limits?: string
  /** Each token costs a millionth. */
  readonly budget?: number
  readonly isGroup: boolean
  /** Milliseconds. */
  readonly ageing: number
}

/** The `nth` operation on the disk, or the first write from there on; the share of a write that gets through before it. */
interface Blow {
  readonly nth: number
  readonly share: number
}

/** How a process ends: at an instant, at an operation of the disk, or because the disk is full. */
export type Death = { readonly kind: "instant"; readonly at: number } | (Blow & { readonly kind: "operation" | "full" })

export interface JournalPlan {
  readonly deaths: ReadonlyArray<Death>
  /** How long an operation on the disk takes at most, in milliseconds. */
  readonly latency: number
}

const latencies = {
  constant: Latency.constant(100),
  uniform: Latency.uniform(1, 200),
  "log-normal": Latency.logNormal(80),
  "by size": Latency.bySize({ base: 20, perToken: 5 })
} satisfies Record<Plan["latency"], Latency.Latency>

const faults = {
  outage: Fault.outages([{ from: 300, until: 1300 }]),
  failing: Fault.failing({ rate: 0.1 }),
  hanging: Fault.hanging({ rate: 0.05 }),
  "cold start": Fault.coldStart({ lasts: 1000, slowdown: 3 })
}

/** A disk on which processes die as planned. */
const journalOf = ({ deaths, latency }: JournalPlan): Lives.Journaled => {
  const disk = makeDisk()
  let operations = 0
  const store = ({ die, isAlive, life }: Lives.Process) => {
    const death = deaths[life]
    let left = death === undefined || death.kind === "instant" ? Infinity : death.nth
    const share = death === undefined || death.kind === "instant" ? 1 : death.share
    const fate: Fate = {
      isAlive,
      latency: () => ((operations += 1) * 7) % (latency + 1),
      crash: () => {
        left -= 1
        if (death?.kind === "operation" && left <= 0) die()
        return isAlive() ? undefined : share
      },
      fault: () => (death?.kind === "full" && left <= 0 ? { share, message: "no space left" } : undefined)
    }
    return FileJournal.layer((batch) => `${batch}.jsonl`).pipe(Layer.provide(disk.mount(fate)))
  }
  return { store, deaths: deaths.map((death) => (death.kind === "instant" ? death.at : undefined)) }
}

export const worldOf = (plan: Plan): Simulation.World => ({
  api: {
    model: plan.faults.reduce<ServerModel.ServerModel>((model, fault) => faults[fault](model), models[plan.model]),
    latency: latencies[plan.latency],
    hints: plan.hints,
    usage: plan.clients.some(({ told }) => told !== undefined)
  },
  apis: { other: { model: models[plan.model], latency: latencies[plan.latency], hints: plan.hints, usage: true } },
  clients: plan.clients.map((client) => ({
    joinsAt: client.joinsAt,
    workload: client.parties,
    ...(client.acts !== undefined && { acts: client.acts }),
    ...(client.journal !== undefined && { journal: journalOf(client.journal) }),
    ...((client.told?.limits ?? client.told?.budget) !== undefined && { costs: true }),
    ...(client.told?.isGroup === true && { members: { own: { pool: {} }, other: { pool: {}, api: "other" } } }),
    pool: {
      ...(client.told !== undefined && { ageing: client.told.ageing }),
      ...(client.told?.limits !== undefined && { limits: client.told.limits }),
      ...(client.told?.budget !== undefined && {
        prices: { "*": { input: 1, output: 1 } },
        budget: client.told.budget
      }),
      poolSize: client.poolSize,
      minDispatchDelay: client.minDispatchDelay,
      maxCapacityRetry: Duration.seconds(client.budget),
      maxRetryAfter: "30 seconds",
      control: laws[plan.law],
      ...(client.attemptTimeout !== undefined && { attemptTimeout: client.attemptTimeout })
    },
    ...(client.shutdownAt !== undefined && { shutdownAt: client.shutdownAt }),
    ...(client.closedAt !== undefined && { closedAt: client.closedAt })
  }))
})

const dialects: ReadonlyArray<HintDialect.HintDialect> = [
  "none",
  "seconds",
  "milliseconds",
  "http-date",
  "reset-headers",
  "lying"
]

/** A plan of a model and a law; with `calm`, one in which every row must end with the answer of the API. */
export const draw = (seed: number, model: Plan["model"], law: Plan["law"], calm: boolean): Plan => {
  const chance = new Utils.PCGRandom(seed)
  const pick = <A>(list: ReadonlyArray<A>): A => list[chance.integer(list.length)] as A
  const upTo = (max: number): number => chance.integer(max + 1)
  const sometimes = <A>(share: number, value: () => A): A | undefined => (chance.number() < share ? value() : undefined)
  const given = <K extends string, A>(name: K, value: A | undefined) => (value === undefined ? {} : { [name]: value })

  const drawnParty = (): Workload.Party => ({
    kind: pick(["batch", "batch", "calls"]),
    rows: Array.from({ length: upTo(8) }, () => ({ tokens: 1 + upTo(29), after: upTo(600) })),
    at: upTo(300),
    ...(calm
      ? {}
      : {
          ...given(
            "timeout",
            sometimes(0.15, () => upTo(2000))
          ),
          ...given(
            "interruptedAt",
            sometimes(0.1, () => upTo(2000))
          )
        })
  })

  // Of its own, so that all else is as it was before there were streams.
  const more = new Utils.PCGRandom(seed + 1_000_000_000)
  const one = <A>(list: ReadonlyArray<A>): A => list[more.integer(list.length)] as A
  /** Half of the batches are streams; of these, half have rows that come at times of their own. */
  const party = (): Workload.Party => {
    const plain = drawnParty()
    if (plain.kind === "calls" || more.number() < 0.5) return plain
    return {
      ...plain,
      kind: "stream",
      rows: more.number() < 0.5 ? plain.rows : plain.rows.map(({ tokens }) => ({ tokens })),
      reading: {
        ordered: more.number() < 0.5,
        maxPending: one([1, 2, 3, 1000]),
        reader: one([0, 0, 5, 120]),
        ...(!calm && more.number() < 0.15 && { leavesAfter: more.integer(4) })
      }
    }
  }
  const act = (): Workload.Act => {
    const at = more.integer(900)
    switch (one(["pause", "resize", ...(calm ? [] : (["cancel", "evict"] as const))] as const)) {
      case "pause":
        return { kind: "pause", at, lasts: more.integer(800) }
      case "resize":
        return { kind: "resize", at, poolSize: 1 + more.integer(10) }
      case "cancel":
        return { kind: "cancel", at, row: more.integer(10) }
      case "evict":
        return { kind: "evict", at, row: more.integer(10) }
    }
  }

  const drawn = (["outage", "failing", "cold start"] as const).filter(() => chance.number() < 0.3)
  const hangs = !calm && chance.number() < 0.2
  const client = (): ClientPlan => ({
    poolSize: 1 + upTo(7),
    joinsAt: upTo(500),
    minDispatchDelay: pick([0, 0, 10, 35]),
    parties: Array.from({ length: 1 + upTo(2) }, party),
    acts: Array.from({ length: more.integer(3) }, act),
    budget: calm ? 3600 : pick([0.5, 5, 600]),
    ...given("attemptTimeout", hangs || sometimes(0.1, () => true) === true ? 700 : undefined),
    ...(calm
      ? {}
      : {
          ...given(
            "shutdownAt",
            sometimes(0.1, () => upTo(2500))
          ),
          ...given(
            "closedAt",
            sometimes(0.1, () => upTo(2500))
          )
        })
  })
  return {
    model,
    law,
    hints: pick(dialects),
    latency: pick(["constant", "uniform", "log-normal", "by size"]),
    faults: hangs ? [...drawn, "hanging"] : drawn,
    clients: Array.from({ length: 1 + upTo(2) }, client)
  }
}

/** The plan, where every third has clients with journals, whose processes die. */
export const journaled = (plan: Plan, seed: number): Plan => {
  const chance = new Utils.PCGRandom(seed + 2_000_000_000 + 7919 * (plan.model.length + plan.law.length))
  if (chance.number() < 2 / 3) return plan
  const death = (): Death => {
    const kind = (["instant", "operation", "operation", "full"] as const)[chance.integer(4)] ?? "instant"
    return kind === "instant"
      ? { kind, at: chance.integer(1500) }
      : { kind, nth: 1 + chance.integer(30), share: chance.integer(101) / 100 }
  }
  const clients = plan.clients.map((client) => ({
    ...client,
    journal: { deaths: Array.from({ length: 1 + chance.integer(4) }, death), latency: chance.integer(2) * 3 }
  }))
  return { ...plan, clients }
}

/** The plan, where that share has clients whose rows say whose turn it is, and which were told limits or money, or are groups. */
export const told = (plan: Plan, seed: number, calm: boolean, share: number): Plan => {
  const chance = new Utils.PCGRandom(seed + 3_000_000_000 + 104_729 * (plan.model.length + plan.law.length))
  if (chance.number() >= share) return plan
  const pick = <A>(list: ReadonlyArray<A>): A => list[chance.integer(list.length)] as A
  const turnOf = (): PooledExecutor.TurnOptions | undefined => {
    if (chance.number() < 0.2) return undefined
    const isDue = chance.number() < 0.4
    return {
      priority: pick([0, 0, 0, 1, -1]),
      tenant: pick(["", "a", "b"]),
      weight: pick([1, 1, 1, 3]),
      ...(isDue && { deadline: chance.integer(1500) }),
      ...(isDue && !calm && { late: pick(["run", "refuse"]) })
    }
  }
  // Of its own, so that all else is as it was before there was money.
  const money = new Utils.PCGRandom(seed + 4_000_000_000)
  const budgetOf = (): number => (calm || money.number() < 0.5 ? 1 : 0.0002)
  const limits = pick([
    undefined,
    undefined,
    "20 requests per second, 3 concurrent",
    "8 requests per second, 60 tokens per second",
    "10 requests per second burst 2, 90 tokens per second"
  ])
  const clients = plan.clients.map((client) => ({
    ...client,
    parties: Workload.inTurn(client.parties, turnOf),
    told: {
      ...(limits !== undefined && { limits }),
      ...(money.number() < 0.25 && { budget: budgetOf() }),
      isGroup: chance.number() < 0.3 && client.journal === undefined,
      ageing: pick([200, 1000, 60_000])
    }
  }))
  return { ...plan, clients }
}

/**
 * Who comes after a crash waits until the dead one's lock is old, and has rows that need no start; a disk takes its time: no
 * fault of the pool's.
 */
export const checkersOf = ({ clients }: Plan): ReadonlyArray<Checker.Checker> => {
  const journals = clients.flatMap(({ journal }) => journal ?? [])
  const { oneRowStopsNobody, turnsAreFair, windowIsUsed } = Liveness
  const delayed = new Set<Checker.Checker>(journals.length > 0 ? [oneRowStopsNobody, turnsAreFair, windowIsUsed] : [])
  if (journals.some(({ latency }) => latency > 0)) delayed.add(StreamChecker.releasesAtOnce)
  return Simulation.invariants.filter((checker) => !delayed.has(checker))
}

/** Plans that are smaller: fewer clients, acts, parties, rows and faults. */
export const smaller = function* (plan: Plan): Generator<Plan> {
  for (const clients of VirtualTime.fewer(plan.clients)) yield { ...plan, clients }
  for (const faults of VirtualTime.fewer(plan.faults)) yield { ...plan, faults }
  for (const [index, client] of plan.clients.entries()) {
    const replaced = (parties: ClientPlan["parties"]): Plan => ({
      ...plan,
      clients: plan.clients.with(index, { ...client, parties })
    })
    for (const deaths of VirtualTime.fewer(client.journal?.deaths ?? [])) {
      const journal = { latency: client.journal?.latency ?? 0, deaths }
      yield { ...plan, clients: plan.clients.with(index, { ...client, journal }) }
    }
    for (const acts of VirtualTime.fewer(client.acts ?? [])) {
      yield { ...plan, clients: plan.clients.with(index, { ...client, acts }) }
    }
    for (const parties of VirtualTime.fewer(client.parties)) yield replaced(parties)
    for (const [at, party] of client.parties.entries()) {
      for (const rows of VirtualTime.fewer(party.rows)) yield replaced(client.parties.with(at, { ...party, rows }))
    }
  }
}
