/**
 * Clients whose processes die, and go on from their journals.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Batch from "../journal/Journal.js"
import { JournalError } from "../journal/JournalError.js"
import { Journal } from "../journal/Store.js"
import type { KeeperOpener } from "../pool/KeeperOpener.js"
import type { RowError } from "../PoolError.js"
import { ServerError } from "./api/SimulatedApi.js"
import type * as Trace from "./Trace.js"
import type * as Workload from "./Workload.js"

/**
 * A process of a client, as its store sees it.
 *
 * @since 0.2.0
 * @category models
 */
export interface Process {
  /** How many processes have died before it. */
  readonly life: number
  /** No process comes after it: it has to finish. */
  readonly isLast: boolean
  readonly isAlive: () => boolean
  /** Ends the process, in the middle of its work. */
  readonly die: () => void
}

/**
 * How a client's batches and streams go on after its processes die.
 *
 * @since 0.2.0
 * @category models
 */
export interface Journaled {
  /** Where the journals are, as one process sees them. */
  readonly store: (process: Process) => Layer.Layer<Journal>
  /**
   * When its processes die, one after the other, in milliseconds after each has joined; with `undefined` the store
   * decides. A process also dies if its journal fails. The process after these does not die.
   */
  readonly deaths: ReadonlyArray<number | undefined>
}

/**
 * What a process uses of its world.
 *
 * @since 0.2.0
 * @category models
 */
export interface Living {
  /** Tells the world what happens; a process that is dead tells nothing. */
  readonly emit: Trace.Observer
  /** Closes the scope when the process dies. */
  readonly owns: (scope: Scope.CloseableScope) => void
  /** The journal of the party whose first row has this number. */
  readonly journal: (party: number) => KeeperOpener<Workload.Row, unknown, RowError<ServerError>, JournalError>
  /** Dies if this is the failure of a journal. */
  readonly failed: (cause: Cause.Cause<unknown>) => void
}

const Failure = Schema.transform(Schema.Struct({ status: Schema.Number }), Schema.instanceOf(ServerError), {
  strict: true,
  decode: ({ status }) => new ServerError({ status }),
  encode: ({ status }) => ({ status })
})

const isJournalError = (cause: Cause.Cause<unknown>): boolean =>
  Option.exists(Cause.failureOption(cause), (error) => error instanceof JournalError)

const batchOf = (party: number) =>
  Batch.batch<Workload.Row, unknown, unknown, ServerError, { readonly status: number }>({
    id: `rows from ${party}`,
    success: Schema.Unknown,
    failure: Failure
  })

/**
 * Runs one process after the other, until one of them finishes.
 *
 * @since 0.2.0
 * @category running
 */
export const run = (
  { deaths, store }: Journaled,
  client: number,
  now: () => number,
  emit: Trace.Observer,
  live: (living: Living) => Effect.Effect<void>
): Effect.Effect<void> => {
  const from = (life: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      const isLast = life >= deaths.length
      const dead = Deferred.unsafeMake<"dead">(FiberId.none)
      const scopes: Array<Scope.CloseableScope> = []
      let alive = true
      const die = (): void => {
        if (!alive) return
        emit({ _tag: "crashed", at: now(), client })
        alive = false
        Deferred.unsafeDone(dead, Exit.succeed("dead"))
      }
      const living = (journal: Context.Tag.Service<typeof Journal>): Living => ({
        emit: (event) => {
          if (alive) emit(event)
        },
        owns: (scope) => void scopes.push(scope),
        journal: (party) => (mind) => Effect.provideService(batchOf(party)(mind), Journal, journal),
        failed: (cause) => {
          if (isJournalError(cause)) die()
        }
      })
      const lived = Effect.flatMap(Layer.build(store({ life, isLast, isAlive: () => alive, die })), (context) =>
        live(living(Context.get(context, Journal)))
      )
      const at = deaths[life]
      const killed = at === undefined ? Effect.never : Effect.delay(Effect.sync(die), at)
      const end = Effect.raceAll([Effect.as(lived, "done" as const), Deferred.await(dead), killed])
      return Effect.flatMap(Effect.scoped(end), (how) => {
        const closed = Effect.forEach(scopes, (scope) => Scope.close(scope, Exit.void), { discard: true })
        if (how === "done") return closed
        return Effect.zipRight(closed, isLast ? Effect.dieMessage("the last process has crashed") : from(life + 1))
      })
    })
  return from(0)
}
