/** The command line of the demo. */
import { Command, Options, ValidationError } from "@effect/cli"
import { Cause, Config, Console, Data, Effect, Exit, Option, Predicate, Schema } from "effect"
import * as Demo from "./demo.js"
import * as Progress from "./progress.js"
import * as Summary from "./summary.js"

/** The run came to its end, but not every row is done. */
class IncompleteError extends Data.TaggedError("IncompleteError") {}

const positive = (option: string) =>
  Schema.Int.pipe(
    Schema.positive({ message: (issue) => `${option}: expected an integer of at least 1, got ${String(issue.actual)}` })
  )

const WebAddress = Schema.String.pipe(
  Schema.filter((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), {
    message: (issue) => `--url: expected a base URL such as https://api.openai.com/v1, got ${String(issue.actual)}`
  })
)

const options = {
  url: Options.text("url").pipe(
    Options.withSchema(WebAddress),
    Options.optional,
    Options.withDescription(
      "Base URL of an OpenAI-compatible server, such as https://api.openai.com/v1; without it, a rate-limited one is started on loopback"
    )
  ),
  key: Options.redacted("key").pipe(
    Options.withFallbackConfig(Config.redacted("OPENAI_API_KEY")),
    Options.optional,
    Options.withDescription(
      "API key for --url; better given as OPENAI_API_KEY, where the process list does not show it"
    )
  ),
  model: Options.text("model").pipe(
    Options.optional,
    Options.withDescription("Model to ask for; with --url, text-embedding-3-small unless given")
  ),
  poolSize: Options.integer("pool-size").pipe(
    Options.withSchema(positive("--pool-size")),
    Options.withDefault(16),
    Options.withDescription("Most requests in flight; 16 unless given")
  ),
  limit: Options.integer("limit").pipe(
    Options.withSchema(positive("--limit")),
    Options.optional,
    Options.withDescription("Embed only the first so many rows")
  ),
  out: Options.text("out").pipe(
    Options.withDefault("demo-out"),
    Options.withDescription("Folder for results.jsonl and audit.jsonl; demo-out unless given")
  ),
  json: Options.boolean("json").pipe(
    Options.withDescription("Print the summary as JSON on stdout; progress is on stderr either way")
  )
}

const command = (screen: Progress.Screen) =>
  Command.make("demo", options, ({ json, ...given }) =>
    Effect.gen(function* () {
      const summary = yield* Demo.run(given, {
        screen,
        summary: (done) => Console.log(json ? JSON.stringify(done) : Summary.format(done))
      })
      if (summary.succeeded < summary.rows) return yield* new IncompleteError()
    })
  ).pipe(
    Command.withDescription(
      "Embeds every doc comment of the installed effect package through a pool that keeps to the server's rate limit."
    )
  )

/** Runs the demo with a command line, and says on the screen why it failed. `argv` is Node's. */
export const main = (argv: ReadonlyArray<string>, screen: Progress.Screen) =>
  Command.run(command(screen), { name: "effect-aimd demo", version: "0.1.0" })(argv).pipe(
    Effect.tapErrorCause((cause) => {
      const failure = Option.getOrUndefined(Cause.failureOption(cause))
      if (failure === undefined) {
        return Cause.isInterruptedOnly(cause) ? Effect.void : Progress.print(screen, Cause.pretty(cause))
      }
      // The command line has told what is wrong with itself, the summary what became of the rows.
      if (ValidationError.isValidationError(failure) || failure instanceof IncompleteError) return Effect.void
      return Progress.print(
        screen,
        `demo: ${Predicate.hasProperty(failure, "message") ? String(failure.message) : String(failure)}`
      )
    })
  )

/** 0 if every row is done, 130 after Ctrl-C as shells have it, 1 for everything else. */
export const exitCode = (exit: Exit.Exit<unknown, unknown>): number =>
  Exit.isSuccess(exit) ? 0 : Cause.isInterrupted(exit.cause) ? 130 : 1
