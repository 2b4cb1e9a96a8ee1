/** Where a run is seen while it goes on: stderr, so that stdout is the summary's alone. */
import { Effect, Logger } from "effect"

/** A terminal redraws its last line, anything else gets plain lines. */
export interface Screen {
  readonly isTerminal: boolean
  readonly columns: () => number
  readonly write: (text: string) => void
}

const clearLine = "\r\u001b[K"

/** Prints a line that stays. */
export const print = (screen: Screen, text: string): Effect.Effect<void> =>
  Effect.sync(() => screen.write(`${screen.isTerminal ? clearLine : ""}${text}\n`))

/** Cuts a line to what fits: one that wraps cannot be redrawn. */
export const fit = (text: string, columns: number): string =>
  text.length < columns ? text : `${text.slice(0, Math.max(0, columns - 2))}…`

/** Draws the last line of a terminal anew; anything else gets a line. */
export const draw = (screen: Screen, text: string): Effect.Effect<void> =>
  Effect.sync(() => screen.write(screen.isTerminal ? clearLine + fit(text, screen.columns()) : `${text}\n`))

/** Takes the last line of a terminal away. */
export const clear = (screen: Screen): Effect.Effect<void> =>
  Effect.sync(() => {
    if (screen.isTerminal) screen.write(clearLine)
  })

/** Sends log lines to the screen, where the progress line does not garble them. */
export const logger = (screen: Screen) =>
  Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => {
      const texts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
      screen.write(`${screen.isTerminal ? clearLine : ""}${logLevel.label}: ${texts.map(String).join(" ")}\n`)
    })
  )
