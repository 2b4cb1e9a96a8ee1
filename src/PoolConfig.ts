/**
 * The options of a pool: defaults, units, rules, and how to read them from the environment.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Str from "effect/String"
import * as Argument from "./structure/Argument.js"
import type { ControlLaw } from "./law/ControlLaw.js"
import type { Limit } from "./limit/Limit.js"
import * as Prices from "./limit/Prices.js"
import * as Read from "./limit/Read.js"

export {
  /**
   * A known limit of an API.
   *
   * @since 0.2.0
   * @category models
   */
  type Limit
} from "./limit/Limit.js"

export {
  /**
   * What a model costs.
   *
   * @since 0.2.0
   * @category models
   */
  type Price,
  /**
   * A table of prices.
   *
   * @since 0.2.0
   * @category models
   */
  type Prices
} from "./limit/Prices.js"

/**
 * The options of an AIMD throttle. Every duration is a `DurationInput`: `"50 millis"`, a number of milliseconds, or a
 * `Duration`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThrottleOptions {
  /** The least delay, and the pool's least time between two starts. Default 0. */
  readonly minDispatchDelay?: Duration.DurationInput | undefined
  /** The delay never grows past this. Default 5 seconds; more than 0 and not under `minDispatchDelay`. */
  readonly maxDispatchDelay?: Duration.DurationInput | undefined
  /** What a capacity error multiplies the delay by. Default 2; finite and over 1. */
  readonly backoffMultiplier?: number | undefined
  /** What a success takes off the delay, and the first delay. Default 50 millis; with 0 the delay never recovers. */
  readonly recoveryStep?: Duration.DurationInput | undefined
}

/**
 * The options of a pool.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ThrottleOptions {
  /** The most attempts in flight at once. Default 16; with 1, one attempt runs after the other. */
  readonly poolSize?: number | undefined
  /** How long a row may go on being retried for capacity errors, from its first start. Default 1 hour. */
  readonly maxCapacityRetry?: Duration.DurationInput | undefined
  /** The longest time that the pool holds its starts for a `Retry-After`. Default 5 minutes. */
  readonly maxRetryAfter?: Duration.DurationInput | undefined
  /** Interrupts an attempt that takes longer. Default none. */
  readonly attemptTimeout?: Duration.DurationInput | undefined
  /**
   * The control law. `"window"`, the default, finds the API's limit; `"delay"` makes rejected rows wait; or give a
   * `ControlLaw` of your own. The options of the throttle change only `"delay"`.
   */
  readonly control?: "window" | "delay" | ControlLaw | undefined
  /**
   * The API's limits, if you know them. The pool never exceeds them, and the law still learns if the API allows less.
   * `"headers"` takes them from the answers. Text is read as in the environment, see {@link config}. Default none.
   */
  readonly limits?: ReadonlyArray<Limit | "headers"> | string | undefined
  /** What calls cost, by model, in any currency. Default none. */
  readonly prices?: Prices.Prices | undefined
  /** Nothing starts that could make the pool spend more than this, in the currency of `prices`. Default none. */
  readonly budget?: number | undefined
  /**
   * After this wait, a row goes as if it had the next higher priority and had just come. A row without a deadline goes
   * as if it were due after this time. Default 1 minute; with `Infinity` a lower priority waits for all higher ones.
   */
  readonly ageing?: Duration.DurationInput | undefined
  /** Names the pool in metrics, spans, logs and errors. Default `"default"`. */
  readonly name?: string | undefined
}

/**
 * A validated throttle configuration.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThrottleConfig {
  readonly minDispatchDelay: Duration.Duration
  readonly maxDispatchDelay: Duration.Duration
  readonly backoffMultiplier: number
  readonly recoveryStep: Duration.Duration
}

/**
 * A validated pool configuration.
 *
 * @since 0.1.0
 * @category models
 */
export interface PoolConfig extends ThrottleConfig {
  readonly poolSize: number
  readonly maxCapacityRetry: Duration.Duration
  readonly maxRetryAfter: Duration.Duration
  readonly attemptTimeout?: Duration.Duration
  readonly control: "window" | "delay" | ControlLaw
  readonly limits?: ReadonlyArray<Read.Known>
  readonly prices?: Prices.Prices
  readonly budget?: number
  readonly ageing: Duration.Duration
  readonly name: string
}

/**
 * The default of every option.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: PoolConfig = {
  poolSize: 16,
  minDispatchDelay: Duration.zero,
  maxDispatchDelay: Duration.seconds(5),
  backoffMultiplier: 2,
  recoveryStep: Duration.millis(50),
  maxCapacityRetry: Duration.hours(1),
  maxRetryAfter: Duration.minutes(5),
  control: "window",
  ageing: Duration.minutes(1),
  name: "default"
}

const expected =
  (what: string) =>
  (issue: ParseResult.ParseIssue): { readonly message: string; readonly override: true } => ({
    message: `expected ${what}, got ${Argument.show(issue.actual)}`,
    override: true
  })

const numberOf = (what: string, is: (n: number) => boolean) =>
  Schema.Number.pipe(Schema.filter(is)).annotations({ message: expected(what) })

const durationOf = (what: string, is: (d: Duration.Duration) => boolean) =>
  Schema.transformOrFail(Schema.Unknown, Schema.DurationFromSelf, {
    decode: (u, _, ast) =>
      Option.match(Argument.duration(u), {
        onNone: () => ParseResult.fail(new ParseResult.Type(ast, u)),
        onSome: (d) => (is(d) ? ParseResult.succeed(d) : ParseResult.fail(new ParseResult.Type(ast, u)))
      }),
    encode: ParseResult.succeed
  }).annotations({ message: expected(`${what}, such as "50 millis"`) })

const anyDuration = durationOf("a duration of at least 0", () => true)
const notNegative = durationOf("a finite duration of at least 0", Duration.isFinite)
const overZero = durationOf("a duration over 0", (d) => Duration.toMillis(d) > 0)
const positive = durationOf("a finite duration over 0", (d) => Duration.isFinite(d) && Duration.toMillis(d) > 0)

const isMethod = (u: unknown, name: string): boolean => Predicate.hasProperty(u, name) && Predicate.isFunction(u[name])

const ControlLawSchema = Schema.declare((u): u is ControlLaw => isMethod(u, "initial") && isMethod(u, "step"))

/** Reads an option with its own error message, which names the place inside the option. */
const readBy = <A>(read: (u: unknown) => Either.Either<A, string>): Schema.Schema<A, unknown> =>
  Schema.transformOrFail(
    Schema.Unknown,
    Schema.declare((_: unknown): _ is A => true),
    {
      decode: (u, _, ast) => Either.mapLeft(read(u), (problem) => new ParseResult.Type(ast, u, problem)),
      encode: ParseResult.succeed
    }
  )

/** A table of prices, or its JSON as in the environment. */
const readPrices = (u: unknown): Either.Either<Prices.Prices, string> => {
  const table = Predicate.isString(u) ? Option.getOrElse(decodeJson(u), () => u) : u
  const problem = Prices.problem(table)
  // Whatever has no problem is a table of prices.
  return problem === undefined ? Either.right(table as Prices.Prices) : Either.left(problem)
}

const decodeJson = Schema.decodeUnknownOption(Schema.parseJson())

const orDefault = <A, I>(schema: Schema.Schema<A, I>, value: A) =>
  Schema.optionalWith(schema, { exact: true, default: () => value })

const throttleFields = {
  minDispatchDelay: orDefault(notNegative, defaults.minDispatchDelay),
  maxDispatchDelay: orDefault(positive, defaults.maxDispatchDelay),
  backoffMultiplier: orDefault(
    numberOf("a finite number over 1", (n) => Number.isFinite(n) && n > 1),
    defaults.backoffMultiplier
  ),
  recoveryStep: orDefault(notNegative, defaults.recoveryStep)
}

const poolFields = {
  ...throttleFields,
  poolSize: orDefault(
    numberOf("an integer of at least 1", (n) => Number.isSafeInteger(n) && n >= 1),
    defaults.poolSize
  ),
  maxCapacityRetry: orDefault(positive, defaults.maxCapacityRetry),
  maxRetryAfter: orDefault(positive, defaults.maxRetryAfter),
  attemptTimeout: Schema.optionalWith(positive, { exact: true }),
  control: orDefault(
    Schema.Union(Schema.Literal("window", "delay"), ControlLawSchema).annotations({
      message: expected('"window", "delay" or a ControlLaw with `initial` and `step`')
    }),
    defaults.control
  ),
  limits: Schema.optionalWith(readBy(Read.limits), { exact: true }),
  prices: Schema.optionalWith(readBy(readPrices), { exact: true }),
  budget: Schema.optionalWith(
    numberOf("a finite number over 0", (n) => Number.isFinite(n) && n > 0),
    { exact: true }
  ),
  ageing: orDefault(overZero, defaults.ageing),
  name: orDefault(Schema.NonEmptyString.annotations({ message: expected("a non-empty string") }), defaults.name)
}

const rules = (config: ThrottleConfig): ReadonlyArray<Schema.FilterIssue> => {
  const { maxDispatchDelay, minDispatchDelay, recoveryStep } = config
  const issues: Array<Schema.FilterIssue> = []
  // Not by Duration's own order: it counts in nanoseconds, and throws where there are too many of them.
  if (Duration.toMillis(minDispatchDelay) > Duration.toMillis(maxDispatchDelay)) {
    issues.push({
      path: ["minDispatchDelay"],
      message: `cannot exceed maxDispatchDelay (${Argument.show(maxDispatchDelay)}), got ${Argument.show(minDispatchDelay)}`
    })
  }
  if (Duration.toMillis(minDispatchDelay) === 0 && Duration.toMillis(recoveryStep) === 0) {
    issues.push({
      path: ["recoveryStep"],
      message: "minDispatchDelay and recoveryStep cannot both be 0: a rejected row would be sent again without a wait"
    })
  }
  return issues
}

const Throttle = Schema.Struct(throttleFields).pipe(Schema.filter(rules))

const Pool = Schema.Struct(poolFields).pipe(
  Schema.filter(rules),
  Schema.filter(({ budget, prices }) =>
    budget === undefined || prices !== undefined
      ? undefined
      : { path: ["budget"], message: "needs prices beside it: nobody knows what a call costs" }
  )
)

/** The options without those that are `undefined`: what many callers write for "left out". */
const given = <Some>(options: Some): Some => {
  if (!Predicate.isRecord(options)) return options
  const isLeftOut = ([key, value]: readonly [string, unknown]): boolean => key in poolFields && value === undefined
  const entries = Object.entries(options)
  // Every option may be left out, so what is left is of the same type.
  return entries.some(isLeftOut) ? (Object.fromEntries(entries.filter((entry) => !isLeftOut(entry))) as Some) : options
}

const strict = { onExcessProperty: "error", errors: "all" } as const

/**
 * Validates options from any source. An unknown key, a value out of range, and options that contradict each other are
 * errors. The message names all of them at once.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { PoolConfig } from "effect-aimd"
 *
 * const config = Effect.runSync(PoolConfig.decodeUnknown({ poolSize: 64, attemptTimeout: "1 minute" }))
 * assert.strictEqual(config.poolSize, 64)
 * assert.strictEqual(config.backoffMultiplier, 2)
 * ```
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeUnknown = (u: unknown): Effect.Effect<PoolConfig, ParseResult.ParseError> => decodeEither(u)

const decodeEither = (u: unknown): Either.Either<PoolConfig, ParseResult.ParseError> => decodePool(given(u))

const decodePool = Schema.decodeUnknownEither(Pool, strict)

const issues = (error: ParseResult.ParseError): ReadonlyArray<readonly [option: string, problem: string]> =>
  ParseResult.ArrayFormatter.formatErrorSync(error).map(({ _tag, message, path }) => {
    const option = path.map(String).join(".")
    const input = error.issue.actual
    if (option === "") return ["options", `expected an object, got ${Argument.show(input)}`]
    return [
      option,
      _tag === "Unexpected" && Predicate.hasProperty(input, option)
        ? `${message}, got ${Argument.show(input[option])}`
        : message
    ]
  })

const orDie = <A>(decoded: Effect.Effect<A, ParseResult.ParseError>): Effect.Effect<A> =>
  Effect.catchAll(decoded, (error) =>
    Effect.die(
      new Cause.IllegalArgumentException(
        issues(error)
          .map(([option, problem]) => `effect-aimd: option ${option}: ${problem}`)
          .join("\n")
      )
    )
  )

/**
 * Validates options written in code: a mistake there dies with an `IllegalArgumentException` that names option, value and
 * expectation.
 *
 * @since 0.1.0
 * @category decoding
 */
export const make = (options: Options = {}): Effect.Effect<PoolConfig> => orDie(decodeUnknown(options))

/**
 * Validates a duration written in code as {@link make} does; `name` names it in the defect.
 *
 * @since 0.1.0
 * @category decoding
 */
export const makeDuration = (name: string, input: Duration.DurationInput): Effect.Effect<Duration.Duration> =>
  Effect.map(orDie(Schema.decodeUnknown(Schema.Struct({ [name]: anyDuration }))({ [name]: input })), (decoded) =>
    Duration.decode(decoded[name] ?? input)
  )

/**
 * The same as {@link make}, for the options of a throttle alone.
 *
 * @since 0.1.0
 * @category decoding
 */
export const makeThrottle = (options: ThrottleOptions = {}): Effect.Effect<ThrottleConfig> =>
  orDie(Schema.decodeUnknown(Throttle, strict)(given(options)))

const environmentName = (option: string): string => Str.camelToSnake(option).toUpperCase()

const variable = (option: string) => Config.option(Config.string(environmentName(option)))

const variables = {
  poolSize: variable("poolSize"),
  minDispatchDelay: variable("minDispatchDelay"),
  maxDispatchDelay: variable("maxDispatchDelay"),
  backoffMultiplier: variable("backoffMultiplier"),
  recoveryStep: variable("recoveryStep"),
  maxCapacityRetry: variable("maxCapacityRetry"),
  maxRetryAfter: variable("maxRetryAfter"),
  attemptTimeout: variable("attemptTimeout"),
  control: variable("control"),
  limits: variable("limits"),
  prices: variable("prices"),
  budget: variable("budget"),
  ageing: variable("ageing"),
  name: variable("name")
}

const numeric: ReadonlySet<string> = new Set(["poolSize", "backoffMultiplier", "budget"])

/**
 * Reads the options from the environment: `POOL_SIZE`, `MIN_DISPATCH_DELAY`, `MAX_DISPATCH_DELAY`,
 * `BACKOFF_MULTIPLIER`, `RECOVERY_STEP`, `MAX_CAPACITY_RETRY`, `MAX_RETRY_AFTER`, `ATTEMPT_TIMEOUT`, `CONTROL`,
 * `LIMITS`, `PRICES`, `BUDGET`, `AGEING`, `NAME`, each optional, and each with `prefix` before it if there is one
 * (`OPENAI_POOL_SIZE`). Durations have a unit: `"50 millis"`, `"5 seconds"`. Limits are written as in `600 requests per
 * minute, 90_000 tokens per minute, 8 concurrent`, a bucket as in `10 requests per second burst 3`; prices are JSON.
 *
 * @example
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { PoolConfig } from "effect-aimd"
 *
 * const provider = ConfigProvider.fromMap(new Map([["OPENAI.POOL_SIZE", "64"]]))
 * const config = Effect.runSync(Effect.withConfigProvider(PoolConfig.config("OPENAI"), provider))
 * assert.strictEqual(config.poolSize, 64)
 * ```
 *
 * @since 0.1.0
 * @category config
 */
export const config = (prefix?: string): Config.Config<PoolConfig> => {
  const read = Config.mapOrFail(Config.all(variables), (texts) => {
    const options: { [option: string]: unknown } = {}
    for (const [option, text] of Object.entries(texts)) {
      if (Option.isNone(text)) continue
      const number = Number(text.value)
      options[option] = numeric.has(option) && text.value.trim() !== "" && !Number.isNaN(number) ? number : text.value
    }
    return Either.mapLeft(decodeEither(options), toConfigError(environmentName))
  })
  return prefix === undefined ? read : Config.nested(read, prefix)
}

/**
 * Validates options that a `Config` of your own has read: a wrong option is a `ConfigError`, not a defect. `name` names
 * the pool if the options do not.
 *
 * @since 0.1.0
 * @category config
 */
export const fromConfig = (options: Config.Config.Wrap<Options>, name = defaults.name): Config.Config<PoolConfig> => {
  const wrapped = given(options)
  // `Config.unwrap` cannot read a record of nothing.
  const read = Object.keys(wrapped).length === 0 ? Config.succeed<Options>({}) : Config.unwrap(wrapped)
  return Config.mapOrFail(read, (found) =>
    Either.mapBoth(decodeEither(found), {
      onLeft: toConfigError((option) => option),
      onRight: (config) => (config.name === defaults.name ? { ...config, name } : config)
    })
  )
}

const toConfigError =
  (name: (option: string) => string) =>
  (error: ParseResult.ParseError): ConfigError.ConfigError =>
    issues(error)
      .map(([option, problem]) => ConfigError.InvalidData([name(option)], problem))
      .reduce((left, right) => ConfigError.And(left, right))
