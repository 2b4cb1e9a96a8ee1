/**
 * A cluster in virtual time: nodes with clocks of their own that die, stop and wake, messages that are lost, late or out of
 * order, and an API that counts. The entity and the pools are the real ones; only what carries their messages is not.
 */
import { Clock, Duration, Effect, Exit, type Fiber, Random, Scope } from "effect"
import type { PooledExecutor } from "effect-aimd"
import { PoolConfig } from "effect-aimd"
import * as Borrower from "../../src/cluster/Borrower.js"
import * as Lessor from "../../src/cluster/Lessor.js"
import type { Message, Reply } from "../../src/cluster/Message.js"
import * as PoolEntity from "../../src/cluster/PoolEntity.js"
import * as PoolMemory from "../../src/cluster/PoolMemory.js"
import * as Vigil from "../../src/cluster/Vigil.js"
import { over } from "../../src/PooledExecutor.js"
import * as Clocks from "../../src/structure/Clocks.js"

/** How bad the world is. Times in milliseconds. */
export interface Plan {
  readonly pool: Omit<PoolConfig.Options, "limits">
  readonly limits: ReadonlyArray<PoolConfig.Limit>
  readonly nodes: number
  readonly rows: number
  readonly patience: number
  /** The longest that a message takes, one way. */
  readonly delay: number
  /** How likely one is lost, and how likely it goes to where the entity was before. */
  readonly loss: number
  readonly misled: number
  /** Faults come about so far apart, and end after so long. */
  readonly faultEvery: number
  readonly faultsUntil: number
  readonly longestStop: number
  /** Deaths besides, each so long after the beginning. */
  readonly deaths?: ReadonlyArray<{ readonly share: number; readonly after: number; readonly backAfter: number }>
  /** How fast, at most, one clock goes against another, as a share. */
  readonly drift: number
  readonly latency: number
  /** The longest way of a call to the API. */
  readonly transit: number
}

/** A process with a clock of its own. */
export interface Node {
  readonly id: number
  readonly clock: Clock.Clock
  isDead: boolean
  /** Nothing of it happens from this instant of the true clock on, until that one. */
  stoppedFrom: number
  stoppedUntil: number
  /** So long its attempts are counted, as far as it has heard; and how long they are while it is stopped. */
  keptUntil: number
  brokenAt: number
  readonly scope: Scope.CloseableScope
}

/** What the API saw of a call, on the true clock. */
export interface Arrival {
  readonly at: number
  readonly until: number
  readonly node: number
}

const uniform = (low: number, high: number) => Effect.map(Random.next, (share) => low + share * (high - low))

const nowOf = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos()) / 1e6

/** A clock that goes by the true one, at a pace and with a wall clock of its own, and sleeps longer while its node is stopped. */
export const clockOf = (
  truth: Clock.Clock,
  node: () => Pick<Node, "stoppedUntil">,
  rate: number,
  shift: number
): Clock.Clock => {
  const millis = () => nowOf(truth) * rate
  const nanos = () => BigInt(Math.round(millis() * 1e6))
  const awake: Effect.Effect<void> = Effect.suspend(() => {
    const left = node().stoppedUntil - nowOf(truth)
    return left > 0 ? Effect.zipRight(truth.sleep(Duration.millis(left)), awake) : Effect.void
  })
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => millis() + shift,
    unsafeCurrentTimeNanos: nanos,
    currentTimeMillis: Effect.sync(() => millis() + shift),
    currentTimeNanos: Effect.sync(nanos),
    sleep: (duration) => {
      const ms = Duration.toMillis(duration)
      return ms === Infinity ? truth.sleep(duration) : Effect.zipRight(truth.sleep(Duration.millis(ms / rate)), awake)
    }
  }
}

/** What went wrong, in words; empty where nothing did. */
export interface Story {
  readonly problems: ReadonlyArray<string>
  readonly arrivals: ReadonlyArray<Arrival>
  readonly done: number
  readonly twice: number
  readonly faults: number
  readonly epochs: number
  readonly messages: number
  readonly elapsed: number
}

/** Runs rows through the pools of a cluster; needs virtual time. */
export const run = (plan: Plan): Effect.Effect<Story, never, Scope.Scope> =>
  Effect.gen(function* () {
    const truth = yield* Effect.clock
    const config = yield* PoolConfig.make({ ...plan.pool, limits: plan.limits, name: "simulated" })
    const times = Lessor.timesOf(plan.patience)
    const memory = yield* PoolMemory.make
    const problems: Array<string> = []
    const arrivals: Array<Arrival> = []
    const nodes: Array<Node> = []
    const pools: Array<Borrower.Borrower> = []
    const vigils = new Map<Node, Vigil.Vigil>()
    /** Where the entity is, and was before. */
    const homes: Array<{
      readonly node: Node
      readonly entity: PoolEntity.PoolEntity
      readonly scope: Scope.CloseableScope
    }> = []
    const epochs = new Set<string>()
    /** Leases that may still be used, by the name of the entity, with the instant at which they lapse. */
    const usable = new Map<string, Map<string, number>>()
    let faults = 0

    const untilAwake = (node: Node): Effect.Effect<void> =>
      Effect.suspend(() => {
        const left = node.stoppedUntil - nowOf(truth)
        if (node.isDead) return Effect.never
        return left > 0 ? Effect.zipRight(truth.sleep(Duration.millis(left)), untilAwake(node)) : Effect.void
      })

    const makeNode = Effect.gen(function* () {
      const rate = 1 + (yield* uniform(-plan.drift / 2, plan.drift / 2))
      const shift = yield* uniform(-1e6, 1e6)
      const node: Node = {
        id: nodes.length,
        clock: clockOf(truth, (): Node => node, rate, shift),
        isDead: false,
        stoppedFrom: 0,
        keptUntil: 0,
        brokenAt: 0,
        stoppedUntil: 0,
        scope: yield* Scope.make()
      }
      nodes.push(node)
      return node
    })

    /** What a dead node does has no effect, and what a stopped one does has it later. */
    const memoryOf = (node: Node): PoolMemory.PoolMemory => {
      const step = <A>(effect: Effect.Effect<A, PoolMemory.PoolMemoryError>) =>
        Effect.gen(function* () {
          yield* truth.sleep(Duration.millis(yield* uniform(0.5, 3)))
          if (node.isDead) return yield* Effect.never
          const result = yield* effect
          yield* truth.sleep(Duration.millis(yield* uniform(0.5, 3)))
          yield* untilAwake(node)
          return result
        })
      return {
        read: (key) => step(memory.read(key)),
        create: (key, first) => step(memory.create(key, first)),
        take: (key, from, next) => step(memory.take(key, from, next)),
        write: (key, next) => step(memory.write(key, next))
      }
    }

    const way = Effect.gen(function* () {
      if ((yield* Random.next) < plan.loss) return yield* Effect.never
      yield* truth.sleep(Duration.millis(yield* uniform(0.2, plan.delay)))
    })

    const entityOf = (term: string) => term.slice(0, term.lastIndexOf("."))

    /** A tenant that says what became of a lease uses it no more. */
    const forget = ({ reports, term }: Message): void => {
      const leases = usable.get(entityOf(term))
      for (const { lease } of reports) leases?.delete(`${term} ${lease}`)
    }

    /** What one entity leased is over before another one leases anything. */
    const check = (reply: Reply, sentAt: number, node: Node): void => {
      if (reply.leases.length === 0) return
      const name = entityOf(reply.term)
      epochs.add(name)
      const now = nowOf(truth)
      for (const [other, leases] of usable) {
        const until = Math.max(0, ...leases.values())
        if (other !== name && until > now) problems.push(`${name} leases at ${now}, and ${other} has till ${until}`)
      }
      const pace = nowOf(node.clock) / now
      const until = sentAt + (reply.lasts * (1 - Clocks.drift)) / pace
      const leases = usable.get(name) ?? new Map<string, number>()
      for (const { lease } of reply.leases) leases.set(`${reply.term} ${lease}`, until)
      usable.set(name, leases)
    }

    const exchangeOf =
      (node: Node) =>
      (message: Message): Effect.Effect<Reply> =>
        Effect.gen(function* () {
          const sentAt = nowOf(truth)
          forget(message)
          const isMisled = homes.length > 1 && (yield* Random.next) < plan.misled
          yield* way
          const home = homes.at(isMisled ? -2 : -1)
          if (node.isDead || home === undefined) return yield* Effect.never
          yield* untilAwake(home.node)
          const reply = yield* home.entity.hear(message)
          if (home.node.isDead) return yield* Effect.never
          check(reply, sentAt, node)
          yield* way
          yield* untilAwake(node)
          const pace = nowOf(node.clock) / nowOf(truth)
          const keptUntil = sentAt + (reply.keeps * (1 - Clocks.drift)) / pace
          if (reply.isHeard) node.keptUntil = Math.max(node.keptUntil, keptUntil)
          return reply
        })

    const settle = (node: Node) =>
      Effect.forEach(
        homes.filter((home) => home.node === node),
        ({ scope }) => Scope.close(scope, Exit.void)
      )

    /** The cluster gives the entity a home; nobody asks whether the old one has gone. */
    const moveTo = (node: Node) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const vigil = vigils.get(node) ?? { standsSince: () => undefined }
        const entity = yield* PoolEntity.make({ key: "simulated", config, memory: memoryOf(node), times, vigil }).pipe(
          Scope.extend(scope),
          Effect.withClock(node.clock)
        )
        homes.push({ node, entity, scope })
      })

    const left = new Set(Array.from({ length: plan.rows }, (_, i) => i))
    let twice = 0
    const running = new Set<number>()

    const call = (node: Node, row: number) =>
      Effect.gen(function* () {
        if (running.has(row)) twice += 1
        running.add(row)
        const startedAt = nowOf(truth)
        const at = startedAt + (yield* uniform(0, plan.transit))
        const until = Math.max(at, startedAt + (yield* uniform(plan.latency / 2, plan.latency * 1.5)))
        const arrival = { at, until, node: node.id }
        arrivals.push(arrival)
        const end = (now: number) => {
          // A process that is stopped cannot break anything off: nobody is to blame for what others do at the API then.
          const isLate = now - node.stoppedUntil < 1 && startedAt < node.stoppedFrom
          const endsBy = Math.max(at, isLate ? Math.min(node.brokenAt, now) : now) + plan.transit
          // The API hears of it a little later.
          arrivals[arrivals.indexOf(arrival)] = { ...arrival, until: Math.min(until, endsBy) }
        }
        yield* Effect.onInterrupt(
          Effect.zipRight(truth.sleep(Duration.millis(until - startedAt)), untilAwake(node)),
          () => Effect.sync(() => end(nowOf(truth)))
        )
        end(nowOf(truth))
        running.delete(row)
        left.delete(row)
      })

    const work = (node: Node, pool: PooledExecutor.PooledExecutor, mine: () => ReadonlyArray<number>) =>
      Effect.gen(function* () {
        for (let rows = mine(); rows.length > 0; rows = mine()) {
          yield* pool.executeBatch(rows, (row) => (left.has(row) ? call(node, row) : Effect.void))
        }
      })

    const join = (share: number): Effect.Effect<Node> =>
      Effect.gen(function* () {
        const node = yield* makeNode
        yield* Effect.gen(function* () {
          const name = `tenant-${node.id}`
          const vigil = yield* Vigil.make("simulated", memoryOf(node), times.patience)
          vigils.set(node, vigil)
          const exchange = vigil.over(exchangeOf(node))
          const borrower = yield* Borrower.make({ config, labels: [], name, times, exchange })
          pools.push(borrower)
          const pool = yield* over(borrower.admission)
          const mine = () => [...left].filter((row) => row % plan.nodes === share && !running.has(row))
          yield* Effect.forkScoped(work(node, guard(pool, borrower), mine))
        }).pipe(Scope.extend(node.scope), Effect.withClock(node.clock))
        return node
      })

    const members: Array<Node> = []
    for (let share = 0; share < plan.nodes; share++) members.push(yield* join(share))
    const first = members[0]
    if (first !== undefined) yield* moveTo(first)

    const kill = (share: number, backAfter: number) =>
      Effect.gen(function* () {
        const node = members[share]
        if (node === undefined) return
        node.isDead = true
        const wasHome = homes.at(-1)?.node === node
        yield* Effect.forkDaemon(Scope.close(node.scope, Exit.void))
        yield* Effect.forkDaemon(settle(node))
        for (const row of running) if (row % plan.nodes === share) running.delete(row)
        yield* truth.sleep(Duration.millis(backAfter))
        members[share] = yield* join(share)
        if (wasHome) yield* moveTo(yield* Effect.map(Random.nextIntBetween(0, plan.nodes), (i) => members[i] ?? node))
      })

    /** Stops a process, and lets it go on; another one may have got the entity meanwhile. */
    const stop = (share: number) =>
      Effect.gen(function* () {
        const node = members[share]
        if (node === undefined) return
        const lasts = yield* uniform(50, plan.longestStop)
        node.stoppedFrom = nowOf(truth)
        node.stoppedUntil = node.stoppedFrom + lasts
        node.brokenAt = node.keptUntil
        const home = homes.at(-1)
        if (home?.node !== node || (yield* Random.next) < 0.4) return yield* truth.sleep(Duration.millis(lasts))
        yield* truth.sleep(Duration.millis((yield* Random.next) * lasts))
        yield* moveTo(members[(share + 1) % plan.nodes] ?? node)
        // It wakes, rules on for a while as far as it knows, and is told then.
        yield* truth.sleep(Duration.millis(lasts + plan.patience))
        yield* Scope.close(home.scope, Exit.void)
      })

    /** A rebalance: the entity ends in order, and begins elsewhere. */
    const move = Effect.gen(function* () {
      const home = homes.at(-1)
      const node = members[yield* Random.nextIntBetween(0, plan.nodes)]
      if (home === undefined || node === undefined) return
      if (!home.node.isDead) yield* Effect.forkDaemon(Scope.close(home.scope, Exit.void))
      yield* moveTo(node)
    })

    const trouble = Effect.gen(function* () {
      while (nowOf(truth) < plan.faultsUntil) {
        yield* truth.sleep(Duration.millis(yield* uniform(0.2 * plan.faultEvery, 1.8 * plan.faultEvery)))
        const share = yield* Random.nextIntBetween(0, plan.nodes)
        faults += 1
        const what = yield* Random.nextIntBetween(0, 3)
        yield* what === 0 ? kill(share, yield* uniform(100, 2 * plan.patience)) : what === 1 ? stop(share) : move
      }
    })
    const troubles: Fiber.RuntimeFiber<void> = yield* Effect.fork(plan.faultEvery === Infinity ? Effect.void : trouble)

    yield* Effect.forEach(plan.deaths ?? [], ({ after, backAfter, share }) =>
      Effect.fork(Effect.zipRight(truth.sleep(Duration.millis(after)), kill(share, backAfter)))
    )

    const startedAt = nowOf(truth)
    while (left.size > 0) yield* truth.sleep(Duration.millis(50))
    const elapsed = nowOf(truth) - startedAt
    yield* troubles.await
    const entity = homes.at(-1)?.entity
    // What is left of leases lapses, and everybody hears of it.
    yield* truth.sleep(Duration.millis(6 * plan.patience))
    if (entity !== undefined && entity.leased > 0) problems.push(`${entity.leased} leases are lost for ever`)
    for (const { node, scope } of homes) if (!node.isDead) yield* Scope.close(scope, Exit.void)
    for (const node of members) yield* Scope.close(node.scope, Exit.void)
    return {
      problems,
      arrivals: arrivals.sort((a, b) => a.at - b.at),
      done: plan.rows - left.size,
      twice,
      faults,
      epochs: epochs.size,
      messages: pools.reduce((sum, { messages }) => sum + messages, 0),
      elapsed
    }
  })

/** Attempts end where their permits do, as in the pool that users get. */
const guard = (pool: PooledExecutor.PooledExecutor, { severed }: Borrower.Borrower): PooledExecutor.PooledExecutor =>
  severed === undefined
    ? pool
    : {
        ...pool,
        executeBatch: (rows, process, options) =>
          pool.executeBatch(rows, (row, context) => Effect.raceFirst(process(row, context), severed), options)
      }

/** The most arrivals in any span, and at once. */
export const mostInSpan = (arrivals: ReadonlyArray<Arrival>, per: number): number => {
  let most = 0
  let first = 0
  arrivals.forEach(({ at }, last) => {
    while ((arrivals[first]?.at ?? at) <= at - per) first += 1
    most = Math.max(most, last - first + 1)
  })
  return most
}

export const mostAtOnce = (arrivals: ReadonlyArray<Arrival>): number => {
  const changes = arrivals.flatMap(({ at, until }) => [[at, 1] as const, [until, -1] as const])
  changes.sort(([a, up], [b, down]) => a - b || up - down)
  let open = 0
  let most = 0
  for (const [, change] of changes) most = Math.max(most, (open += change))
  return most
}
