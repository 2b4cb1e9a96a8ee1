/**
 * A response whose body is still coming in: what was read of it to judge it stands before the rest, and the permit of its
 * attempt is kept until it has ended.
 *
 * @since 0.2.0
 */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Capacity from "../Capacity.js"
import * as Insider from "../pool/Insider.js"
import * as Body from "./Body.js"
import * as EventStream from "./EventStream.js"

type Failure = HttpClientError.ResponseError

/**
 * A body that is being read.
 *
 * @since 0.2.0
 * @category models
 */
export interface Reading {
  /** The next bytes; fails with `None` at the end. */
  readonly pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<Failure>>
  /** What was read so far. */
  readonly read: Array<Uint8Array>
  readonly close: Effect.Effect<void>
}

/**
 * Begins to read the body of a response. Whoever gets it closes it.
 *
 * @since 0.2.0
 * @category constructors
 */
export const begin = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Reading> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const close = Scope.close(scope, Exit.void)
    const pull = yield* Scope.extend(Stream.toPull(response.stream), scope)
    return {
      pull: pull.pipe(
        // A response without a body says so as an error.
        Effect.mapError(Option.filter(({ reason }) => reason !== "EmptyBody")),
        // The web's stream throws where somebody underneath has read it already.
        Effect.catchAllDefect((cause) => Effect.fail(Option.some(Body.failed(response, { cause }))))
      ),
      read: [],
      close
    }
  })

/**
 * Reads on until `isEnough` of the bytes that came last; returns whether that was the end of the body.
 *
 * @since 0.2.0
 * @category reading
 */
export const readUntil = (
  reading: Reading,
  isEnough: (bytes: Uint8Array) => boolean
): Effect.Effect<boolean, Failure> =>
  Effect.matchEffect(reading.pull, {
    onFailure: Option.match({ onNone: () => Effect.succeed(true), onSome: (error) => Effect.fail(error) }),
    onSuccess: (chunk) => {
      let enough = false
      for (const bytes of chunk) {
        reading.read.push(bytes)
        enough = isEnough(bytes) || enough
      }
      return enough ? Effect.succeed(false) : readUntil(reading, isEnough)
    }
  })

/**
 * All bytes of some chunks.
 *
 * @since 0.2.0
 * @category reading
 */
export const concat = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}

/**
 * How long a body may lie unread until its reader is taken to have left.
 *
 * @since 0.2.0
 * @category constants
 */
export const patience = Duration.seconds(10)

/** How far a body is, for whoever watches that it is read. */
interface Progress {
  /** Since when the reader has not asked for more, in epoch milliseconds; undefined while it waits for more. */
  idleSince: number | undefined
}

/** What keeps the permit of a body. */
interface Keeper {
  readonly hold: Insider.Hold
  /** The pool that holds the permit closes. */
  readonly broken: Deferred.Deferred<never, Failure>
  readonly end: (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>
}

/**
 * A response with a body that is still coming in. It can be read once as a stream, or in any other way as often as one
 * likes.
 *
 * @since 0.2.0
 * @category models
 */
export class OpenResponse extends Body.BufferedResponse {
  private readonly bytes: Stream.Stream<Uint8Array, Failure>
  private state: "fresh" | "streamed" | "collected" = "fresh"

  constructor(
    original: HttpClientResponse.HttpClientResponse,
    headers: HttpClientResponse.HttpClientResponse["headers"],
    bytes: Stream.Stream<Uint8Array, Failure>
  ) {
    const whole = Deferred.unsafeMake<Uint8Array, Failure>(FiberId.none)
    super(
      original,
      headers,
      Effect.suspend(() => {
        if (this.state === "streamed") return Effect.fail(this.used())
        if (this.state === "collected") return Deferred.await(whole)
        this.state = "collected"
        const all = Effect.map(Stream.runCollect(bytes), (chunks) => concat(Chunk.toReadonlyArray(chunks)))
        return Effect.onExit(all, (exit) => Deferred.done(whole, exit))
      })
    )
    this.bytes = bytes
  }

  override get stream(): Stream.Stream<Uint8Array, Failure> {
    return Stream.suspend(() => {
      if (this.state === "collected") return super.stream
      if (this.state === "streamed") return Stream.fail(this.used())
      this.state = "streamed"
      return this.bytes
    })
  }

  private used(): Failure {
    return Body.failed(this, { description: "the body was read as a stream already" })
  }
}

/** Watches what passes by for an error, and says so to the law; and for what was used. */
const listen = (form: EventStream.Form, hold: Insider.Hold) => {
  const parser = EventStream.make(form)
  return (bytes: Uint8Array): void => {
    if (hold.isOver) return
    const events = parser.push(bytes)
    hold.usage = EventStream.usageOf(events, hold.usage)
    for (const event of events) {
      const status = EventStream.statusOf(event)
      if (status !== undefined && Capacity.isCapacityStatus(status)) {
        hold.end(Exit.fail(new Capacity.CapacityError({ status })))
      }
    }
  }
}

const bytesOf = (
  reading: Effect.Effect<Reading>,
  keeper: Keeper | undefined,
  form: EventStream.Form | undefined,
  progress: Progress
): Stream.Stream<Uint8Array, Failure> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const { close, pull, read } = yield* reading
      yield* Effect.addFinalizer((exit) =>
        Effect.zipRight(keeper === undefined ? Effect.void : keeper.end(exit), close)
      )
      const before = Stream.fromIterable(read.splice(0))
      if (keeper === undefined) return Stream.concat(before, Stream.repeatEffectChunkOption(pull))
      const { broken, hold } = keeper
      const hear = form === undefined ? undefined : listen(form, hold)
      const next = Effect.clockWith((clock) => {
        progress.idleSince = undefined
        return Effect.ensuring(
          Effect.raceFirst(pull, Effect.mapError(Deferred.await(broken), Option.some)),
          Effect.sync(() => void (progress.idleSince = clock.unsafeCurrentTimeMillis()))
        )
      })
      const all = Stream.concat(before, Stream.repeatEffectChunkOption(next))
      return hear === undefined ? all : Stream.tap(all, (bytes) => Effect.sync(() => hear(bytes)))
    })
  )

/** Waits until a body was left unread for too long. */
const untilLeft = (progress: Progress): Effect.Effect<void> =>
  Effect.clockWith((clock) => {
    const now = clock.unsafeCurrentTimeMillis()
    const left = (progress.idleSince ?? now) + Duration.toMillis(patience) - now
    return left > 0 ? Effect.zipRight(Effect.sleep(left), untilLeft(progress)) : Effect.void
  })

/**
 * A response whose permit is kept until the body has ended, was given up, or its scope has closed; until the reader has not
 * asked for more for {@link patience}; or until the pool closes, which breaks it off.
 *
 * @since 0.2.0
 * @category constructors
 */
export const keep = (
  original: HttpClientResponse.HttpClientResponse,
  headers: HttpClientResponse.HttpClientResponse["headers"],
  reading: Effect.Effect<Reading>,
  /** Run where the reader has left. */
  onLeft: Effect.Effect<void>
): Effect.Effect<OpenResponse> =>
  Effect.gen(function* () {
    const broken = Deferred.unsafeMake<never, Failure>(FiberId.none)
    const hold: Insider.Hold = new Insider.Hold(() => {
      Deferred.unsafeDone(broken, Effect.fail(Body.failed(original, { description: "the pool was closed" })))
      hold.end(Exit.interrupt(FiberId.none))
    })
    const around = yield* Effect.serviceOption(Scope.Scope)
    // A scope of its own, that leaves the other when the body ends.
    const scope = yield* Option.match(around, {
      onNone: () => Scope.make(),
      onSome: (scope) => Scope.fork(scope, ExecutionStrategy.sequential)
    })
    yield* Scope.addFinalizerExit(scope, (exit) => Effect.sync(() => hold.end(exit)))
    const end = (exit: Exit.Exit<unknown, unknown>) => Scope.close(scope, exit)
    const clock = yield* Effect.clock
    const progress: Progress = { idleSince: clock.unsafeCurrentTimeMillis() }
    const watcher = yield* untilLeft(progress).pipe(
      Effect.zipRight(end(Exit.interrupt(FiberId.none))),
      Effect.zipRight(onLeft),
      Effect.forkDaemon
    )
    hold.onEnd(() => watcher.unsafeInterruptAsFork(FiberId.none))
    yield* Insider.keep(hold)
    const keeper = { hold, broken, end }
    return new OpenResponse(original, headers, bytesOf(reading, keeper, EventStream.formOf(headers), progress))
  })

/**
 * A response of which a part was read, and whose permit goes back.
 *
 * @since 0.2.0
 * @category constructors
 */
export const resume = (
  original: HttpClientResponse.HttpClientResponse,
  headers: HttpClientResponse.HttpClientResponse["headers"],
  reading: Reading
): OpenResponse =>
  new OpenResponse(original, headers, bytesOf(Effect.succeed(reading), undefined, undefined, { idleSince: undefined }))
