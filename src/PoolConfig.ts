/**
 * The options of a pool: defaults, units, rules, and the same from the environment.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Str from "effect/String"
import * as Format from "./structure/Format.js"
import type { ControlLaw } from "./law/ControlLaw.js"

/**
 * The options of an AIMD throttle. Every duration is a `DurationInput`: `"50 millis"`, a number of milliseconds, or a
 * `Duration`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ThrottleOptions {
  /** Least delay, and the pool's least spacing between two starts. Default 0. */
  readonly minDispatchDelay?: Duration.DurationInput
  /** The delay never grows past this. Default 5 seconds; more than 0 and not under `minDispatchDelay`. */
  readonly maxDispatchDelay?: Duration.DurationInput
  /** What a capacity error multiplies the delay by. Default 2; finite and over 1. */
  readonly backoffMultiplier?: number
  /** What a success takes off the delay, and the first delay. Default 50 millis; with 0 the delay never recovers. */
  readonly recoveryStep?: Duration.DurationInput
}

/**
 * The options of a pool.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends ThrottleOptions {
  /** Upper bound of the attempts in flight. Default 1. */
  readonly poolSize?: number
  /** How long a row may go on being retried for capacity errors, from its first start. Default 1 hour. */
  readonly maxCapacityRetry?: Duration.DurationInput
  /** Longest that the pool holds its starts for a `Retry-After`. Default 5 minutes. */
  readonly maxRetryAfter?: Duration.DurationInput
  /** Interrupts an attempt that takes longer. Default none. */
  readonly attemptTimeout?: Duration.DurationInput
  /**
   * The control law. `"window"`, the default, finds the API's limit; `"delay"` has rejected rows wait, as the throttle
   * options say, which `"window"` has no use for; or a `ControlLaw` of your own.
   */
  readonly control?: "window" | "delay" | ControlLaw
  /** Names the pool in metrics, spans, logs and errors. Default `"default"`. */
  readonly name?: string
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
  readonly name: string
}

/**
 * What an option that is left out stands for.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaults: PoolConfig = {
  poolSize: 1,
  minDispatchDelay: Duration.zero,
  maxDispatchDelay: Duration.seconds(5),
  backoffMultiplier: 2,
  recoveryStep: Duration.millis(50),
  maxCapacityRetry: Duration.hours(1),
  maxRetryAfter: Duration.minutes(5),
  control: "window",
  name: "default"
}

const show = (u: unknown): string =>
  Duration.isDuration(u)
    ? Format.duration(u)
    : Predicate.isString(u)
      ? JSON.stringify(u)
      : Inspectable.toStringUnknown(u, 0)

const expected =
  (what: string) =>
  (issue: ParseResult.ParseIssue): { readonly message: string; readonly override: true } => ({
    message: `expected ${what}, got ${show(issue.actual)}`,
    override: true
  })

const numberOf = (what: string, is: (n: number) => boolean) =>
  Schema.Number.pipe(Schema.filter(is)).annotations({ message: expected(what) })

// Effect reads NaN and negative durations as zero, so what was written is looked at before it is decoded.
const isNegativeOrNaN = (u: unknown): boolean =>
  typeof u === "number"
    ? !(u >= 0)
    : typeof u === "bigint"
      ? u < 0n
      : typeof u === "string"
        ? u.trim().startsWith("-")
        : Array.isArray(u) && u.some(isNegativeOrNaN)

const durationOf = (what: string, is: (d: Duration.Duration) => boolean) =>
  Schema.transformOrFail(Schema.Unknown, Schema.DurationFromSelf, {
    decode: (u, _, ast) =>
      Option.match(isNegativeOrNaN(u) ? Option.none() : Duration.decodeUnknown(u), {
        onNone: () => ParseResult.fail(new ParseResult.Type(ast, u)),
        onSome: (d) => (is(d) ? ParseResult.succeed(d) : ParseResult.fail(new ParseResult.Type(ast, u)))
      }),
    encode: ParseResult.succeed
  }).annotations({ message: expected(`${what}, such as "50 millis"`) })

const anyDuration = durationOf("a duration of at least 0", () => true)
const notNegative = durationOf("a finite duration of at least 0", Duration.isFinite)
const positive = durationOf("a finite duration over 0", (d) => Duration.isFinite(d) && Duration.toMillis(d) > 0)

const isMethod = (u: unknown, name: string): boolean => Predicate.hasProperty(u, name) && Predicate.isFunction(u[name])

const ControlLawSchema = Schema.declare((u): u is ControlLaw => isMethod(u, "initial") && isMethod(u, "step"))

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
  name: orDefault(Schema.NonEmptyString.annotations({ message: expected("a non-empty string") }), defaults.name)
}

const rules = (config: ThrottleConfig): ReadonlyArray<Schema.FilterIssue> => {
  const { maxDispatchDelay, minDispatchDelay, recoveryStep } = config
  const issues: Array<Schema.FilterIssue> = []
  // Effect compares by way of nanoseconds where one side is no whole number of milliseconds, and a number can be too large.
  if (Duration.toMillis(minDispatchDelay) > Duration.toMillis(maxDispatchDelay)) {
    issues.push({
      path: ["minDispatchDelay"],
      message: `cannot exceed maxDispatchDelay (${show(maxDispatchDelay)}), got ${show(minDispatchDelay)}`
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

const Pool = Schema.Struct(poolFields).pipe(Schema.filter(rules))

const strict = { onExcessProperty: "error", errors: "all" } as const

/**
 * Validates options that come from anywhere. An unknown key, a value out of range and options that contradict each other
 * are errors, all of them named at once.
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
export const decodeUnknown: (u: unknown) => Effect.Effect<PoolConfig, ParseResult.ParseError> = Schema.decodeUnknown(
  Pool,
  strict
)

const issues = (error: ParseResult.ParseError): ReadonlyArray<readonly [option: string, problem: string]> =>
  ParseResult.ArrayFormatter.formatErrorSync(error).map(({ _tag, message, path }) => {
    const option = path.map(String).join(".")
    const input = error.issue.actual
    if (option === "") return ["options", `expected an object, got ${show(input)}`]
    return [
      option,
      _tag === "Unexpected" && Predicate.hasProperty(input, option) ? `${message}, got ${show(input[option])}` : message
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
  orDie(Schema.decodeUnknown(Throttle, strict)(options))

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
  name: variable("name")
}

const numeric: ReadonlySet<string> = new Set(["poolSize", "backoffMultiplier"])

/**
 * Reads the options from the environment: `POOL_SIZE`, `MIN_DISPATCH_DELAY`, `MAX_DISPATCH_DELAY`, `BACKOFF_MULTIPLIER`,
 * `RECOVERY_STEP`, `MAX_CAPACITY_RETRY`, `MAX_RETRY_AFTER`, `ATTEMPT_TIMEOUT`, `CONTROL`, `NAME`, each optional and each
 * behind `prefix` where one is given (`OPENAI_POOL_SIZE`). Durations carry their unit: `"50 millis"`, `"5 seconds"`.
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
 * Validates options that a `Config` of one's own has read: what is wrong is a `ConfigError`, not a defect. `name` is the
 * pool's name where the options leave it at its default.
 *
 * @since 0.1.0
 * @category config
 */
export const fromConfig = (options: Config.Config.Wrap<Options>, name = defaults.name): Config.Config<PoolConfig> =>
  // `Config.unwrap` cannot read a record of nothing.
  Config.mapOrFail(Object.keys(options).length === 0 ? Config.succeed<Options>({}) : Config.unwrap(options), (read) =>
    Either.mapBoth(decodeEither(read), {
      onLeft: toConfigError((option) => option),
      onRight: (config) => (config.name === defaults.name ? { ...config, name } : config)
    })
  )

const decodeEither = Schema.decodeUnknownEither(Pool, strict)

const toConfigError =
  (name: (option: string) => string) =>
  (error: ParseResult.ParseError): ConfigError.ConfigError =>
    issues(error)
      .map(([option, problem]) => ConfigError.InvalidData([name(option)], problem))
      .reduce((left, right) => ConfigError.And(left, right))
