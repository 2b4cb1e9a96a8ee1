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

/** What the help says of each option: what it takes, and what it is for. `docs/CLI.md` has the same table. */
export const about = {
  out: ["<file>", "the results; their journal is written next to them as <file>.journal"],
  url: [
    "<url>",
    "base URL; default OPENAI_BASE_URL, else https://api.openai.com/v1. With --body and no --endpoint it is the whole URL"
  ],
  endpoint: ["<path>", "path behind --url, for rows that have no url of their own"],
  key: ["<key>", "bearer token; better given as OPENAI_API_KEY, which the process list does not show"],
  header: ["'<name>: <value>'", "a header of each request; may be repeated; '<name>:' leaves one out"],
  body: ["<template>", "the body for rows of your own: JSON with {{field}} where a field goes"],
  method: ["<method>", "for rows of your own; default POST with --body, GET without"],
  id: ["<field>", "the field that names a row of your own; default custom_id, else id, else the number of the row"],
  format: [
    "<format>",
    "batch, jsonl, csv or tsv; default by the file's ending: csv, tsv, else jsonl with --body, else batch"
  ],
  "pool-size": ["<n>", "most requests at once, an upper bound; the real limit is found by itself; default 16"],
  retry: [
    "<which>",
    "which failed rows of an earlier run are done again: unanswered (default) for those without a real answer, failed for all, never"
  ],
  fresh: ["", "begin anew; the old results and journal are kept with .old after their names"],
  timeout: ["<time>", "no request starts after this time, such as 30s, 5min or 2h; default none"],
  "request-timeout": ["<time>", "longest time for one request; default 10min"],
  "max-retry": ["<time>", "how long a rejected row is sent again; default 1h"],
  grace: ["<time>", "how long requests in flight get to end once the run is stopped; default 30s"],
  "give-up-after": ["<n>", "stop after this many failures of the API one after the other; 0 for never, default 20"],
  "price-input": ["<amount>", "price of a million tokens that are sent"],
  "price-output": ["<amount>", "price of a million tokens that are answered"],
  "max-cost": ["<amount>", "no request starts that may exceed this amount, with earlier runs; needs a price"],
  "dry-run": ["", "send nothing: simulate how long it takes and what is rejected, by --limit and --latency"],
  limit: ["<limit>", 'for --dry-run, a limit of the API; may be repeated: 600/min, "90000 tokens/min", "8 at once"'],
  latency: ["<time>", "for --dry-run, the median time that the API works on a request; default 1s"],
  report: [
    "<file>",
    "write a page about the run: how fast it went and why not faster, what failed, what the law found"
  ],
  json: ["", "print the summary as JSON on stdout, and nothing else there"]
} as const satisfies { readonly [name: string]: readonly [takes: string, what: string] }

type Name = keyof typeof about

const text = (name: Name) => Options.text(name).pipe(Options.withDescription(about[name][1]))

const flag = (name: Name) => Options.boolean(name).pipe(Options.withDescription(about[name][1]))

const whole = (name: Name, least: number) =>
  read(name, (given) => {
    const n = Number(given)
    return Number.isSafeInteger(n) && n >= least && /^\d+$/.test(given)
      ? Either.right(n)
      : Either.left(`expected a whole number of at least ${least}, got ${JSON.stringify(given)}`)
  })(text(name))

const amount = (name: Name) =>
  read(name, (given) => {
    const n = Number(given)
    return Number.isFinite(n) && n >= 0 && given.trim() !== ""
      ? Either.right(n)
      : Either.left(`expected an amount of at least 0, got ${JSON.stringify(given)}`)
  })(text(name))

const duration = (name: Name) => read(name, Words.duration)(text(name))

/** The input: a file, or - for stdin. */
export const input = Args.text({ name: "input" })

/** All options of `run`. */
export const options = {
  out: Options.optional(text("out")),
  url: text("url").pipe(Options.withFallbackConfig(Config.string("OPENAI_BASE_URL")), Options.optional),
  endpoint: Options.optional(text("endpoint")),
  key: Options.redacted("key").pipe(
    Options.withDescription(about.key[1]),
    Options.withFallbackConfig(Config.redacted("OPENAI_API_KEY")),
    Options.optional
  ),
  header: text("header").pipe(Options.repeated, readAll("header", Words.header)),
  body: text("body").pipe(read("body", Template.parse), Options.optional),
  method: Options.optional(Options.choice("method", Row.methods)),
  id: Options.optional(text("id")),
  format: Options.optional(Options.choice("format", ["batch", "jsonl", "csv", "tsv"] as const)),
  poolSize: Options.withDefault(whole("pool-size", 1), 16),
  retry: Options.choice("retry", ["unanswered", "failed", "never"] as const).pipe(
    Options.withDefault("unanswered" as const)
  ),
  fresh: flag("fresh"),
  timeout: Options.optional(duration("timeout")),
  requestTimeout: Options.optional(duration("request-timeout")),
  maxRetry: Options.optional(duration("max-retry")),
  grace: Options.optional(duration("grace")),
  giveUpAfter: Options.withDefault(whole("give-up-after", 0), 20),
  priceInput: Options.optional(amount("price-input")),
  priceOutput: Options.optional(amount("price-output")),
  maxCost: Options.optional(amount("max-cost")),
  dryRun: flag("dry-run"),
  limit: text("limit").pipe(Options.repeated, readAll("limit", Words.limit)),
  latency: Options.optional(duration("latency")),
  report: Options.optional(text("report")),
  json: flag("json")
}
