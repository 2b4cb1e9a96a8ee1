import { afterEach, assert, describe, it, vi } from "@effect/vitest"
import type * as Aimd from "effect-aimd"
import type * as Testing from "effect-aimd/testing"
import { Cause, Exit, Layer, Stream } from "effect"
import type * as AdmissionModule from "../../src/pool/Admission.js"
import type * as BatchModule from "../../src/pool/Batch.js"
import type * as ElectedModule from "../../src/pool/Elected.js"
import type * as ElectionModule from "../../src/pool/Election.js"
import type * as DelayLawModule from "../../src/law/DelayLaw.js"
import type * as JournalModule from "../../src/journal/Journal.js"
import type { Job } from "../../src/pool/Job.js"
import type * as OpenBatchModule from "../../src/pool/OpenBatch.js"
import type * as SortedModule from "../../src/structure/Sorted.js"
import type * as SemaphoreModule from "../../src/structure/Semaphore.js"
import type * as TimerQueueModule from "../../src/structure/TimerQueue.js"
import * as Effect from "effect/Effect"

/** A library with a bug in it, and a world in which a right one has nothing to fear. */
const load = async () => {
  vi.resetModules()
  return {
    aimd: await import("effect-aimd"),
    testing: await import("effect-aimd/testing"),
    journals: await import("effect-aimd/journal")
  }
}

type Libraries = Awaited<ReturnType<typeof load>>

interface Plant {
  /** Puts the bug into a module of the library, or nowhere. */
  readonly plant: () => void
  readonly world: (libraries: Libraries) => Testing.Simulation.World
  /** Who finds it, and what it says. */
  readonly finder: string
  readonly says: RegExp
  /** The checker of this name does not look on. */
  readonly without?: string
}

const busyServer = ({ testing }: Libraries) => testing.ServerModel.tokenBucket({ rate: 10, burst: 3 })

const simple = (libraries: Libraries, client: Partial<Testing.Simulation.Client> = {}): Testing.Simulation.World => ({
  api: { model: busyServer(libraries), hints: "seconds" },
  clients: [{ pool: { poolSize: 8, control: "delay" }, workload: libraries.testing.Workload.atOnce(12), ...client }]
})

const mockAdmission = (change: (admission: AdmissionModule.Admission) => Partial<AdmissionModule.Admission>) =>
  vi.doMock("../../src/pool/Admission.js", async (original) => {
    const real = await original<typeof AdmissionModule>()
    return {
      ...real,
      make: (...args: Parameters<typeof real.make>) =>
        Effect.map(real.make(...args), (admission) => {
          const changed = change(admission)
          return Object.defineProperties(
            Object.create(admission) as AdmissionModule.Admission,
            Object.getOwnPropertyDescriptors(changed)
          )
        })
    }
  })

const mockStream = (change: (stream: typeof BatchModule.stream) => typeof BatchModule.stream) =>
  vi.doMock("../../src/pool/Batch.js", async (original) => {
    const real = await original<typeof BatchModule>()
    return { ...real, stream: change(real.stream) }
  })

const aStream = (libraries: Libraries, acts: ReadonlyArray<Testing.Workload.Act> = []): Testing.Simulation.World =>
  simple(libraries, { workload: libraries.testing.Workload.stream(12, { maxPending: 3 }), acts })

/** A batch whose first process dies after so many milliseconds; its journal takes its time for a write. */
const journaled = (libraries: Libraries, takes: number, dies: number): Testing.Simulation.World => {
  const { Journal } = libraries.journals.Journal
  const rows = new Map<string, unknown>()
  const opened = ({ isAlive }: Testing.Lives.Process): JournalModule.Opened => ({
    name: "memory",
    isEmpty: false,
    learned: undefined,
    find: (names) => Effect.sync(() => names.map((name) => rows.get(name))),
    append: (records) => {
      const write = Effect.sync(() => {
        // Who is dead writes nothing.
        if (isAlive()) records.forEach((row) => rows.set(row.stateId, row))
      })
      return Effect.delay(write, takes)
    }
  })
  const store = (process: Testing.Lives.Process) =>
    Layer.succeed(Journal, { open: () => Effect.succeed(opened(process)) })
  return {
    api: { model: libraries.testing.ServerModel.concurrencyCap({ cap: 9 }) },
    clients: [
      {
        pool: { poolSize: 3, control: "delay" },
        workload: libraries.testing.Workload.atOnce(30),
        journal: { store, deaths: [dies] }
      }
    ]
  }
}

/** A pool that was told limits, and parties whose rows say whose turn it is. */
const limited = (
  { testing: { ServerModel, Workload } }: Libraries,
  limits: string,
  ...parties: ReadonlyArray<{
    readonly tokens: ReadonlyArray<number>
    readonly turnOf: (index: number) => Aimd.PooledExecutor.TurnOptions
    readonly kind?: Testing.Workload.Party["kind"]
    readonly at?: number
  }>
): Testing.Simulation.World => {
  const workload = parties.flatMap(({ at = 0, kind = "batch", tokens, turnOf }) =>
    Workload.inTurn([{ kind, at, rows: tokens.map((tokens) => ({ tokens })) }], turnOf)
  )
  return {
    api: { model: ServerModel.concurrencyCap({ cap: 99 }) },
    clients: [{ pool: { poolSize: 8, limits }, costs: true, workload }]
  }
}

const ones = (count: number): ReadonlyArray<number> => Array.from({ length: count }, () => 1)

const mockElection = (change: (line: ElectionModule.Standing) => ElectionModule.Standing) =>
  vi.doMock("../../src/pool/Election.js", async (original) => {
    const real = await original<typeof ElectionModule>()
    const makeLine = (): ElectionModule.Line => {
      const line = real.makeLine()
      return { ...line, winner: (places, election) => line.winner(change(places), election) }
    }
    return { ...real, makeLine }
  })

/** Whoever came last stands first. */
const fromTheBack = ({ nodes }: ElectionModule.Standing): ElectionModule.Standing => {
  const places = [...nodes()].reverse()
  return { first: places[0], nodes: () => places }
}

const mockElected = (change: (jobs: ElectedModule.Elected<Job>) => Partial<ElectedModule.Elected<Job>>) =>
  vi.doMock("../../src/pool/Elected.js", async (original) => {
    const real = await original<typeof ElectedModule>()
    const make = (takeFresh: () => Job | undefined) => {
      const jobs = real.make(takeFresh)
      const changed = change(jobs)
      return Object.defineProperties(Object.create(jobs) as typeof jobs, Object.getOwnPropertyDescriptors(changed))
    }
    return { ...real, make }
  })

const isOfLane = (element: SortedModule.Element | undefined): boolean => element !== undefined && "isQueued" in element

const bugs: Record<string, Plant> = {
  "a line with limits that serves who came last, whatever his priority": {
    plant: () => mockElection(fromTheBack),
    world: (libraries) =>
      limited(
        libraries,
        "10 requests per second",
        { tokens: ones(30), turnOf: () => ({ priority: 1 }) },
        { tokens: ones(30), turnOf: () => ({}) }
      ),
    finder: "ViolationError",
    says: /^higher priorities go first, and nobody waits for ever: row \d+ of priority 0 starts at \d+/
  },
  "a line with limits that serves the same tenant again": {
    plant: () => mockElection(fromTheBack),
    world: (libraries) =>
      limited(
        libraries,
        "10 requests per second",
        { tokens: ones(30), turnOf: () => ({ tenant: "a" }) },
        { tokens: ones(30), turnOf: () => ({ tenant: "b" }) }
      ),
    finder: "ViolationError",
    says: /^tenants take turns: tenant "[ab]" has 2 turns while/,
    without: "turns are fair"
  },
  "a group of pools that serves the same tenant again": {
    plant: () => mockElection(fromTheBack),
    world: (libraries) => {
      const { api, clients } = limited(
        libraries,
        "10 requests per second",
        { tokens: ones(30), turnOf: () => ({ tenant: "a" }) },
        { tokens: ones(30), turnOf: () => ({ tenant: "b" }) }
      )
      return {
        api,
        clients: clients.map((client) => ({ ...client, members: { one: { pool: {} }, two: { pool: {} } } }))
      }
    },
    finder: "ViolationError",
    says: /^tenants take turns: tenant "[ab]" has 2 turns while/,
    without: "turns are fair"
  },
  "a lane with limits that starts what is due later": {
    plant: () =>
      vi.doMock("../../src/structure/Sorted.js", async (original) => {
        const real = await original<typeof SortedModule>()
        const make = <A extends SortedModule.Element>() => {
          const sorted = real.make<A>()
          return Object.defineProperties(Object.create(sorted) as typeof sorted, {
            // Rows of lanes alone: a checker has sorted lists, too.
            first: { get: () => (isOfLane(sorted.first) ? sorted.all().at(-1) : sorted.first) }
          })
        }
        return { ...real, make }
      }),
    world: (libraries) =>
      limited(libraries, "10 requests per second", {
        tokens: ones(40),
        turnOf: (index) => ({ deadline: 1000 + 10 * index })
      }),
    finder: "ViolationError",
    says: /^what is due first goes first: row \d+ starts at \d+/
  },
  "small rows that pass a large one without end": {
    plant: () =>
      mockElected((jobs) => ({
        elect: (election) => {
          for (const job of jobs.jobs()) job.passed = 0
          return jobs.elect(election)
        }
      })),
    world: (libraries) => {
      const calls = { kind: "calls", turnOf: (index: number) => ({ deadline: 1000 + index }) } as const
      return limited(
        libraries,
        "1000 tokens per minute",
        { ...calls, tokens: [900] },
        { ...calls, tokens: [905], at: 10 },
        { ...calls, tokens: ones(90), at: 20 }
      )
    },
    finder: "ViolationError",
    says: /^no row is passed for ever: row \d+ starts, the 65th to pass row 1/
  },

  "a journal that lets entries out before they are written": {
    plant: () =>
      vi.doMock("../../src/journal/Journal.js", async (original) => {
        const real = await original<typeof JournalModule>()
        const batch: typeof real.batch = (options) => (mind) =>
          Effect.map(real.batch(options)(mind), (keeper) => ({
            ...keeper,
            commit: (entries) => Effect.asVoid(Effect.forkDaemon(Effect.delay(keeper.commit(entries), "1 minute")))
          }))
        return { ...real, batch }
      }),
    world: (libraries) => {
      const { api, clients } = journaled(libraries, 0, 250)
      const workload = libraries.testing.Workload.stream(30)
      return { api, clients: clients.map((client) => ({ ...client, workload })) }
    },
    finder: "ViolationError",
    says: /^nothing is released before it is written: process 1 starts row \d, whose entry was out in process 0/,
    without: "a stream releases at once"
  },
  "a batch that runs ahead of its journal": {
    plant: () =>
      vi.doMock("../../src/pool/OpenBatch.js", async (original) => {
        const real = await original<typeof OpenBatchModule>()
        Object.defineProperty(real.OpenBatch.prototype, "isKeptUp", { get: () => true })
        return real
      }),
    world: (libraries) => journaled(libraries, 450, 500),
    finder: "ViolationError",
    says: /^a crash repeats at most poolSize attempts: 4 attempts of process 0 are repeated, with a pool of 3/,
    without: "the window is used"
  },
  "a pause that is not heard": {
    plant: () => mockAdmission(() => ({ pauseStarts: () => undefined })),
    world: (libraries) => aStream(libraries, [{ kind: "pause", at: 150, lasts: 2000 }]),
    finder: "ViolationError",
    says: /^no start while paused: row \d+ starts, and the pool is paused since 150/
  },
  "a size that is not heard": {
    plant: () => mockAdmission(() => ({ resize: () => undefined })),
    world: (libraries) => ({
      ...aStream(libraries, [{ kind: "resize", at: 50, poolSize: 1 }]),
      api: { model: libraries.testing.ServerModel.concurrencyCap({ cap: 9 }) }
    }),
    finder: "ViolationError",
    says: /^attempts in flight ≤ window ≤ poolSize: 3 in flight where 1 are allowed/
  },
  "a stream that reads all at once": {
    plant: () =>
      mockStream(
        (stream) => (admission, rows, process, options) =>
          stream(admission, rows, process, { ...options, maxPending: 1000 })
      ),
    world: aStream,
    finder: "ViolationError",
    says: /^a stream reads as there is room: 4 rows are read, where 3 may be/
  },
  "a stream that releases late": {
    plant: () =>
      mockStream(
        (stream) =>
          (...args) =>
            Stream.tap(stream(...args), () => Effect.sleep(1))
      ),
    world: aStream,
    finder: "ViolationError",
    says: /^a stream releases at once: row 0 is released at 101, and could be at 100/
  },
  "a stream that forgets its order": {
    plant: () =>
      mockStream(
        (stream) => (admission, rows, process, options) =>
          stream(admission, rows, process, { ...options, ordered: false })
      ),
    world: (libraries) => ({
      ...aStream(libraries),
      api: { model: busyServer(libraries), latency: libraries.testing.Latency.uniform(10, 300) }
    }),
    finder: "ViolationError",
    says: /^a stream releases in order: row \d+ is released after row \d+/
  },
  "a permit that leaks on an interruption": {
    plant: () =>
      mockAdmission((admission) => {
        let interrupted = false
        return {
          observe: (ticket, subject, outcome, ...rest) => {
            if (outcome === "neutral") interrupted = true
            return admission.observe(ticket, subject, outcome, ...rest)
          },
          release: (ticket) => {
            if (!interrupted) admission.release(ticket)
            interrupted = false
          }
        }
      }),
    world: (libraries) => {
      const [first, second] = [libraries.testing.Workload.atOnce(6), libraries.testing.Workload.atOnce(2, { at: 5000 })]
      return simple(libraries, {
        workload: [...first.map((party) => ({ ...party, interruptedAt: 60 })), ...second],
        pool: { poolSize: 3, control: "delay" }
      })
    },
    finder: "StuckError",
    says: /nothing can run and nobody sleeps/
  },
  "two decreases in one epoch": {
    plant: () =>
      vi.doMock("../../src/law/DelayLaw.js", async (original) => {
        const real = await original<typeof DelayLawModule>()
        return {
          ...real,
          make: (...args: Parameters<typeof real.make>) => {
            const law = real.make(...args)
            return {
              ...law,
              step: (state: Aimd.ControlLaw.Decision, sample: Aimd.ControlLaw.Sample, now: number) =>
                law.step(state, { ...sample, epoch: state.epoch }, now)
            }
          }
        }
      }),
    world: simple,
    finder: "ViolationError",
    says: /^one decrease an epoch: slowed down in epoch 1 by the rejection of an attempt that was admitted in epoch 0/
  },
  "a row that is lost at shutdown": {
    plant: () =>
      vi.doMock("../../src/pool/Batch.js", async (original) => {
        const real = await original<typeof BatchModule>()
        const isLost = ({ exit }: { readonly exit: Exit.Exit<unknown, unknown> }) =>
          Exit.isFailure(exit) && Cause.pretty(exit.cause).includes("shut down")
        return {
          ...real,
          run: (...args: Parameters<typeof real.run>) =>
            Effect.map(real.run(...args), (batch) => ({
              ...batch,
              entries: batch.entries.filter((entry, index) => index === 0 || !isLost(entry))
            }))
        }
      }),
    world: (libraries) => simple(libraries, { shutdownAt: 150 }),
    finder: "ViolationError",
    says: /^one entry a row, in order: \d+ rows have no entry/
  },
  "a start inside a hold": {
    plant: () =>
      // The gate takes every instant for come.
      vi.doMock("../../src/structure/TimerQueue.js", async (original) => ({
        ...(await original<typeof TimerQueueModule>()),
        isDue: () => true
      })),
    world: simple,
    finder: "ViolationError",
    says: /^no start inside a hold: a start inside the hold until \d+/
  },
  "a line that has two places, and two turns at a time": {
    plant: () =>
      mockAdmission((admission) => ({
        queue: (party) => {
          admission.queue(party)
          return admission.queue(party)
        }
      })),
    world: (libraries) => {
      const { Workload } = libraries.testing
      return simple(libraries, {
        workload: [...Workload.atOnce(6), ...Workload.atOnce(6)],
        pool: { poolSize: 8, control: "delay", minDispatchDelay: 20 }
      })
    },
    finder: "ViolationError",
    says: /^turns are fair: line 1 has turns at \d+ and \d+ while row \d+ of line 7 waits since \d+/
  },
  "a wake-up that is dropped": {
    plant: () =>
      vi.doMock("../../src/structure/Semaphore.js", async (original) => {
        const real = await original<typeof SemaphoreModule>()
        return {
          ...real,
          make: (...args: Parameters<typeof real.make>) => {
            const semaphore = real.make(...args)
            let serves = 0
            return Object.defineProperties(Object.create(semaphore) as SemaphoreModule.Semaphore, {
              // From the second time on that the gate opens, nobody is told.
              serve: { value: () => (++serves >= 2 ? undefined : semaphore.serve()) }
            })
          }
        }
      }),
    world: (libraries) => simple(libraries, { pool: { poolSize: 8, control: "delay", minDispatchDelay: 20 } }),
    finder: "StuckError",
    says: /nothing can run and nobody sleeps/
  }
}

describe("A planted bug is found", () => {
  afterEach(() => {
    vi.doUnmock("../../src/pool/Admission.js")
    vi.doUnmock("../../src/pool/Batch.js")
    vi.doUnmock("../../src/pool/Elected.js")
    vi.doUnmock("../../src/pool/Election.js")
    vi.doUnmock("../../src/law/DelayLaw.js")
    vi.doUnmock("../../src/journal/Journal.js")
    vi.doUnmock("../../src/pool/OpenBatch.js")
    vi.doUnmock("../../src/structure/Semaphore.js")
    vi.doUnmock("../../src/structure/Sorted.js")
    vi.doUnmock("../../src/structure/TimerQueue.js")
    vi.resetModules()
  })

  const failureIn = async ({ without, world }: Plant): Promise<unknown> => {
    const libraries = await load()
    const { Simulation } = libraries.testing
    const checkers = Simulation.invariants.filter(({ name }) => name !== without)
    const { exit } = Simulation.run(world(libraries), { checkers })
    return Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  }

  for (const [name, planted] of Object.entries(bugs)) {
    it(name, async () => {
      const { finder, plant, says } = planted
      assert.isUndefined(await failureIn(planted), "the right library fails in this world")
      plant()
      const error = await failureIn(planted)
      assert.instanceOf(error, Error)
      if (!(error instanceof Error)) return
      assert.strictEqual(error.name, finder)
      assert.match(error.message, says)
    })
  }
})
