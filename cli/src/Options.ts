/** The options of `run`, one by one: what they are called, and what they take. */
import { Args, HelpDoc, Options, ValidationError } from "@effect/cli"
import { Config, Effect, Either } from "effect"
import * as Row from "./input/Row.js"
import * as Template from "./input/Template.js"
import * as Words from "./Words.js"

/** An option whose text is read; a wrong one is told with the option's name. */
const read =
  <A>(name: string, parse: (text: string) => Either.Either<A, string>) =>
  (options: Options.Options<string>): Options.Options<A> =>
    Options.mapEffect(options, (text) =>
      Effect.mapError(parse(text), (why) => ValidationError.invalidValue(HelpDoc.p(`--${name}: ${why}`)))
    )

/** The same for an option that may be given any number of times. */
const readAll =
  <A>(name: string, parse: (text: string) => Either.Either<A, string>) =>
  (options: Options.Options<Array<string>>): Options.Options<Array<A>> =>
    Options.mapEffect(options, (texts) =>
      Effect.mapError(Either.all(texts.map(parse)), (why) =>
        ValidationError.invalidValue(HelpDoc.p(`--${name}: ${why}`))
      )
    )

const whole = (name: string, least: number) =>
  Options.text(name).pipe(
    Options.withPseudoName("n"),
    read(name, (text) => {
      const n = Number(text)
      return Number.isSafeInteger(n) && n >= least && /^\d+$/.test(text)
        ? Either.right(n)
        : Either.left(`expected a whole number of at least ${least}, got ${JSON.stringify(text)}`)
    })
  )

const amount = (name: string) =>
  Options.text(name).pipe(
    Options.withPseudoName("amount"),
    read(name, (text) => {
      const n = Number(text)
      return Number.isFinite(n) && n >= 0 && text.trim() !== ""
        ? Either.right(n)
        : Either.left(`expected an amount of at least 0, got ${JSON.stringify(text)}`)
    })
  )

const duration = (name: string) => Options.text(name).pipe(Options.withPseudoName("time"), read(name, Words.duration))

/** The input. */
export const input = Args.text({ name: "input" }).pipe(
  Args.withDescription("A file of requests, or - for stdin (then give --format csv for CSV)")
)

/** All options of `run`. */
export const options = {
  out: Options.text("out").pipe(
    Options.withPseudoName("file"),
    Options.withDescription("The results; their journal lies beside them as <file>.journal")
  ),
  url: Options.text("url").pipe(
    Options.withFallbackConfig(Config.string("OPENAI_BASE_URL")),
    Options.optional,
    Options.withDescription(
      "Base URL; default OPENAI_BASE_URL, else https://api.openai.com/v1. With --body and no --endpoint, the whole URL"
    )
  ),
  endpoint: Options.text("endpoint").pipe(
    Options.withPseudoName("path"),
    Options.optional,
    Options.withDescription("Path behind --url, for rows that have no url of their own")
  ),
  key: Options.redacted("key").pipe(
    Options.withFallbackConfig(Config.redacted("OPENAI_API_KEY")),
    Options.optional,
    Options.withDescription("Bearer token; better given as OPENAI_API_KEY, where the process list does not show it")
  ),
  header: Options.text("header").pipe(
    Options.withPseudoName("'name: value'"),
    Options.repeated,
    readAll("header", Words.header),
    Options.withDescription("A header of each request, any number of times; 'name:' leaves one out")
  ),
  body: Options.text("body").pipe(
    Options.withPseudoName("template"),
    read("body", Template.parse),
    Options.optional,
    Options.withDescription("The body for rows of your own: JSON with {{field}} where a field goes")
  ),
  method: Options.choice("method", Row.methods).pipe(
    Options.optional,
    Options.withDescription("Method for rows of your own; default POST with --body, GET without")
  ),
  id: Options.text("id").pipe(
    Options.withPseudoName("field"),
    Options.optional,
    Options.withDescription("The field that names a row of your own; default custom_id, else id, else its number")
  ),
  format: Options.choice("format", ["batch", "jsonl", "csv", "tsv"] as const).pipe(
    Options.optional,
    Options.withDescription("Default by the ending of the file: csv, tsv, else jsonl with --body, else batch")
  ),
  poolSize: whole("pool-size", 1).pipe(
    Options.withDefault(16),
    Options.withDescription("Most requests at once, an upper bound: the limit below it is found; default 16")
  ),
  retry: Options.choice("retry", ["unanswered", "failed", "never"] as const).pipe(
    Options.withDefault("unanswered" as const),
    Options.withDescription(
      "Which rows that failed in an earlier run are done again: those without a real answer (default), all, or none"
    )
  ),
  fresh: Options.boolean("fresh").pipe(
    Options.withDescription("Begin anew; results and journal of before are kept with .old behind their names")
  ),
  timeout: duration("timeout").pipe(
    Options.optional,
    Options.withDescription("No request starts after this time; default none")
  ),
  requestTimeout: duration("request-timeout").pipe(
    Options.optional,
    Options.withDescription("Longest time for one request; default 10min")
  ),
  maxRetry: duration("max-retry").pipe(
    Options.optional,
    Options.withDescription("How long a row that is rejected is sent again; default 1h")
  ),
  grace: duration("grace").pipe(
    Options.optional,
    Options.withDescription("How long requests in flight get to end, once the run is stopped; default 30s")
  ),
  giveUpAfter: whole("give-up-after", 0).pipe(
    Options.withDefault(20),
    Options.withDescription("Stop after so many failures of the API in a row; 0 for never, default 20")
  ),
  priceInput: amount("price-input").pipe(
    Options.optional,
    Options.withDescription("Price of a million tokens that are sent")
  ),
  priceOutput: amount("price-output").pipe(
    Options.optional,
    Options.withDescription("Price of a million tokens that are answered")
  ),
  maxCost: amount("max-cost").pipe(
    Options.optional,
    Options.withDescription("No request starts that may pass this amount, earlier runs included; needs a price")
  ),
  dryRun: Options.boolean("dry-run").pipe(
    Options.withDescription("Send nothing: simulate how long it takes and what is rejected, by --limit and --latency")
  ),
  limit: Options.text("limit").pipe(
    Options.repeated,
    readAll("limit", Words.limit),
    Options.withDescription(`For --dry-run, a limit of the API: 600/min, "90000 tokens/min", "8 at once"`)
  ),
  latency: duration("latency").pipe(
    Options.optional,
    Options.withDescription("For --dry-run, how long the API works on a request, in the middle; default 1s")
  ),
  json: Options.boolean("json").pipe(
    Options.withDescription("Print the summary as JSON on stdout, and nothing else there")
  )
}
