/** The progress line: what it says, and how it is shown. */
import { Clock, Duration, Effect, Logger } from "effect"

/** Where the run stands. */
export interface Counts {
  readonly done: number
  readonly total: number
  readonly inFlight: number
  readonly delay: Duration.Duration
  readonly capacityRetries: number
  /** Nothing starts before this instant, in epoch milliseconds. */
  readonly holdUntil: number
}

/** How many rows were done at an instant, in epoch milliseconds. */
export interface Sample {
  readonly at: number
  readonly done: number
}

const window = 5000

/** Adds a sample and forgets those that the rate no longer needs: it is taken over the last five seconds. */
export const sample = (samples: ReadonlyArray<Sample>, next: Sample): ReadonlyArray<Sample> => [
  ...samples.filter((_, i) => next.at - (samples[i + 1]?.at ?? next.at) < window),
  next
]

/** Rows a second over the samples; 0 as long as there is no time between them. */
export const rate = (samples: ReadonlyArray<Sample>): number => {
  const [first, last] = [samples[0], samples[samples.length - 1]]
  return first === undefined || last === undefined || last.at <= first.at
    ? 0
    : ((last.done - first.done) * 1000) / (last.at - first.at)
}

const seconds = (millis: number): string => Duration.format(Duration.seconds(Math.ceil(millis / 1000)))

/** The line, with `perSecond` rows a second; what matters least comes last, where a narrow terminal cuts it off. */
export const line = (counts: Counts, perSecond: number, now: number): string => {
  const { capacityRetries, delay, done, holdUntil, inFlight, total } = counts
  const left = total - done
  const hold = holdUntil - now
  const parts = [
    `${done}/${total}`,
    `${perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond)}/s`,
    left === 0 ? "done" : `ETA ${perSecond > 0 ? seconds((left * 1000) / perSecond) : "?"}`,
    `${inFlight} in flight`,
    `delay ${Math.round(Duration.toMillis(delay))} ms`,
    `${capacityRetries} capacity retries`
  ]
  if (hold > 0) parts.push(hold < 1000 ? `held ${Math.ceil(hold)} ms` : `held ${seconds(hold)}`)
  return parts.join(" · ")
}

/** Cuts a line to what fits: one that wraps cannot be redrawn. */
export const fit = (text: string, columns: number): string =>
  text.length < columns ? text : `${text.slice(0, Math.max(0, columns - 2))}…`

/** Where progress is shown: a terminal redraws its last line, anything else gets plain lines. */
export interface Screen {
  readonly isTerminal: boolean
  readonly columns: () => number
  readonly write: (text: string) => void
}

const clearLine = "\r\u001b[K"

/** Prints a line that stays. */
export const print = (screen: Screen, text: string): Effect.Effect<void> =>
  Effect.sync(() => screen.write(`${screen.isTerminal ? clearLine : ""}${text}\n`))

/** Sends log lines to the screen, where the progress line does not garble them and `--json` keeps stdout to itself. */
export const logger = (screen: Screen) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      const texts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
      screen.write(`${screen.isTerminal ? clearLine : ""}${logLevel.label}: ${texts.map(String).join(" ")}\n`)
    })
  )

/** Shows progress until it is interrupted; a terminal's last line is cleared then. */
export const show = (screen: Screen, read: Effect.Effect<Counts>): Effect.Effect<never> =>
  Effect.flatMap(Clock.currentTimeMillis, (startedAt) => {
    let samples: ReadonlyArray<Sample> = [{ at: startedAt, done: 0 }]
    const draw = Effect.gen(function* () {
      const counts = yield* read
      const now = yield* Clock.currentTimeMillis
      samples = sample(samples, { at: now, done: counts.done })
      const text = line(counts, rate(samples), now)
      screen.write(screen.isTerminal ? clearLine + fit(text, screen.columns()) : `${text}\n`)
    })
    const clear = Effect.sync(() => {
      if (screen.isTerminal) screen.write(clearLine)
    })
    return Effect.sleep(screen.isTerminal ? "200 millis" : "1 second").pipe(
      Effect.zipRight(draw),
      Effect.forever,
      Effect.ensuring(clear)
    )
  })
