/** The command line: what is given becomes a run, and its end an exit code. */
import { Command, HelpDoc, ValidationError } from "@effect/cli"
import { Cause, Console, Duration, Effect, Either, Exit, Option, Redacted } from "effect"
import { codes, type Status } from "./ExitCode.js"
import { InputError, OutputError } from "./Failure.js"
import * as Help from "./Help.js"
import type * as Input from "./input/Input.js"
import * as Row from "./input/Row.js"
import * as Target from "./input/Target.js"
import * as Template from "./input/Template.js"
import { input, options } from "./Options.js"
import * as Screen from "./output/Screen.js"
import * as Summary from "./output/Summary.js"
import * as DryRun from "./plan/DryRun.js"
import * as Proxy from "./Proxy.js"
import type * as Money from "./run/Money.js"
import * as Run from "./run/Run.js"
import { version } from "./Version.js"

const openAi = "https://api.openai.com/v1"

const fail = (message: string) => Either.left(new InputError({ message }))

type Given = Command.Command.ParseConfig<typeof config>
const config = { input, ...options }

const syntaxOf = ({ body, format, input }: Given): "batch" | Input.Syntax => {
  if (Option.isSome(format)) return format.value
  const ending = /\.([a-z]+)$/i.exec(input)?.[1]?.toLowerCase()
  if (ending === "csv" || ending === "tsv") return ending
  return Option.isSome(body) ? "jsonl" : "batch"
}

const readerOf = (given: Given, syntax: "batch" | Input.Syntax): Either.Either<Row.Reader, InputError> => {
  const url = Option.getOrElse(given.url, () => openAi)
  const endpoint = Option.getOrUndefined(given.endpoint)
  const checkedBase = Either.mapLeft(Target.parseBase(url), (why) => new InputError({ message: `--url: ${why}` }))
  if (syntax === "batch") {
    const own = (["body", "method", "id"] as const).find((name) => given[name]._tag === "Some")
    if (own !== undefined) return fail(`--${own} is for rows of your own: give --format jsonl or csv`)
    return Either.map(checkedBase, (base) => Row.ofBatch(base, endpoint))
  }
  const body = Option.getOrUndefined(given.body)
  const method = Option.getOrElse(given.method, () => (body === undefined ? "GET" : "POST"))
  if (body === undefined && method !== "GET" && method !== "HEAD" && method !== "DELETE" && method !== "OPTIONS") {
    return fail(`a ${method} of rows of your own needs --body`)
  }
  if (body !== undefined && (method === "GET" || method === "HEAD")) return fail(`a ${method} has no body`)
  if (endpoint === undefined && Option.isNone(given.url)) return fail("rows of your own need --url or --endpoint")
  const plain = { base: url, endpoint, method, body, id: Option.getOrUndefined(given.id) }
  return Template.hasPlaces(url) ? Either.right(Row.ofPlain(plain)) : Either.map(checkedBase, () => Row.ofPlain(plain))
}

const inputOf = (given: Given): Either.Either<Input.Input, InputError> => {
  const syntax = syntaxOf(given)
  return Either.map(readerOf(given, syntax), (read) => ({
    path: given.input,
    syntax: syntax === "batch" ? "jsonl" : syntax,
    read
  }))
}

const pricesOf = ({
  maxCost,
  priceInput,
  priceOutput
}: Given): Either.Either<Option.Option<Money.Prices>, InputError> => {
  if (Option.isNone(priceInput) && Option.isNone(priceOutput)) {
    return Option.isSome(maxCost)
      ? fail("--max-cost needs --price-input, --price-output, or both")
      : Either.right(Option.none())
  }
  const price = Option.getOrElse(() => 0)
  return Either.right(Option.some({ input: price(priceInput), output: price(priceOutput) }))
}

const second = Duration.seconds(1)

const runOptions = (given: Given): Either.Either<Run.Options, InputError> =>
  Either.gen(function* () {
    if (Option.isNone(given.out)) return yield* fail("--out is missing: where the results go")
    const out = given.out.value
    if (out === given.input) return yield* fail("--out is the input itself")
    if (given.limit.length > 0 || Option.isSome(given.latency)) {
      return yield* fail("--limit and --latency are for --dry-run: a real run finds the limit by itself")
    }
    yield* Either.mapLeft(Proxy.ofEnvironment(process.env), (message) => new InputError({ message }))
    return {
      input: yield* inputOf(given),
      out,
      isFresh: given.fresh,
      retry: given.retry,
      call: { key: Option.filter(given.key, (key) => Redacted.value(key) !== ""), headers: given.header },
      poolSize: given.poolSize,
      requestTimeout: Option.getOrElse(given.requestTimeout, () => Duration.minutes(10)),
      maxRetry: Option.getOrElse(given.maxRetry, () => Duration.hours(1)),
      timeout: given.timeout,
      grace: Option.getOrElse(given.grace, () => Duration.seconds(30)),
      prices: yield* pricesOf(given),
      maxCost: Option.getOrElse(given.maxCost, () => Infinity),
      giveUpAfter: given.giveUpAfter,
      report: given.report
    }
  })

const dryRunOptions = (given: Given): Either.Either<DryRun.Options, InputError> =>
  Either.gen(function* () {
    return {
      input: yield* inputOf(given),
      limits: given.limit,
      latency: Option.getOrElse(given.latency, () => second),
      poolSize: given.poolSize,
      prices: Option.getOrUndefined(yield* pricesOf(given))
    }
  })

/** The run ended, and not every row was served. */
class Unsuccessful {
  readonly _tag = "Unsuccessful"
  readonly status: Status
  constructor(status: Status) {
    this.status = status
  }
}

const runCommand = (screen: Screen.Screen) =>
  Command.make("run", config, (given) =>
    Effect.gen(function* () {
      const show = <A>(value: A, format: (value: A) => string) =>
        Console.log(given.json ? JSON.stringify(value) : format(value))
      if (given.dryRun) return yield* show(yield* Effect.flatMap(dryRunOptions(given), DryRun.forecast), DryRun.format)
      const summary = yield* Effect.flatMap(runOptions(given), (options) => Run.run(options, screen))
      yield* show(summary, Summary.format)
      if (summary.status !== "done") return yield* Effect.fail(new Unsuccessful(summary.status))
    })
  )

/** A lone `-` would be taken for an option where it stands before others. */
const normal = (argv: ReadonlyArray<string>): ReadonlyArray<string> =>
  argv.includes("-") ? [...argv.filter((word) => word !== "-"), "-"] : argv

const statusOfFailure = (failure: unknown): Status => {
  if (failure instanceof Unsuccessful) return failure.status
  if (failure instanceof OutputError) return "output"
  return failure instanceof InputError || ValidationError.isValidationError(failure) ? "input" : "defect"
}

/** The exit code of a command line that has ended. */
export const exitCode = (exit: Exit.Exit<unknown, unknown>): number =>
  Exit.match(exit, {
    onSuccess: () => codes.done,
    onFailure: (cause) =>
      codes[Option.match(Cause.failureOption(cause), { onNone: () => "defect" as const, onSome: statusOfFailure })]
  })

const tell = (screen: Screen.Screen, isJson: boolean, cause: Cause.Cause<unknown>) => {
  const failure = Option.getOrUndefined(Cause.failureOption(cause))
  if (failure instanceof Unsuccessful) return Effect.void
  const status = failure === undefined ? "defect" : statusOfFailure(failure)
  const isTold = ValidationError.isValidationError(failure)
  const message =
    failure instanceof InputError || failure instanceof OutputError
      ? failure.message
      : isTold
        ? HelpDoc.toAnsiText(failure.error).trim()
        : Cause.pretty(cause)
  const json = isJson ? Console.log(JSON.stringify({ exitCode: codes[status], status, error: message })) : Effect.void
  return Effect.zipRight(isTold ? Effect.void : Screen.print(screen, `effect-aimd: ${message}`), json)
}

/** Whether somebody wants to know what there is to be had. */
const asksForHelp = (words: ReadonlyArray<string>): boolean =>
  words.length === 0 || words.includes("--help") || words.includes("-h")

/** Runs a command line, and says on the screen why it failed. `argv` is Node's. */
export const main = (argv: ReadonlyArray<string>, screen: Screen.Screen) => {
  if (asksForHelp(argv.slice(2))) return Console.log(Help.text(version))
  const command = Command.make("effect-aimd").pipe(Command.withSubcommands([runCommand(screen)]))
  return Command.run(command, { name: "effect-aimd", version })(normal(argv)).pipe(
    Effect.tapErrorCause((cause) => tell(screen, argv.includes("--json"), cause))
  )
}
