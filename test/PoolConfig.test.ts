import { assert, describe, it } from "@effect/vitest"
import { Cause, Config, ConfigProvider, Duration, Effect, Either, FastCheck } from "effect"
import { type ControlLaw, DelayLaw, PoolConfig } from "effect-aimd"

const law: ControlLaw.ControlLaw = DelayLaw.make({ minDelay: 0, maxDelay: 100, multiplier: 2, recoveryStep: 10 })

/** A configuration with its durations in milliseconds. */
const plain = (config: object) =>
  Object.fromEntries(
    Object.entries(config).map(([key, value]: [string, unknown]) => [
      key,
      Duration.isDuration(value) ? Duration.toMillis(value) : value
    ])
  )

const defaults = {
  poolSize: 16,
  minDispatchDelay: 0,
  maxDispatchDelay: 5_000,
  backoffMultiplier: 2,
  recoveryStep: 50,
  maxCapacityRetry: 3_600_000,
  maxRetryAfter: 300_000,
  control: "window",
  ageing: 60_000,
  name: "default"
}

const read = (options: PoolConfig.Options) => Effect.map(PoolConfig.make(options), plain)

const linesOf = (defect: unknown) =>
  Cause.isIllegalArgumentException(defect)
    ? Effect.succeed(defect.message.split("\n").map((line) => line.replace("effect-aimd: option ", "")))
    : Effect.die(defect)

/** What `make` says of options, a line for each problem; none when it takes them. */
const problems = (options: unknown) =>
  PoolConfig.make(options as PoolConfig.Options).pipe(Effect.as(Array<string>()), Effect.catchAllDefect(linesOf))

const throttleProblems = (options: unknown) =>
  PoolConfig.makeThrottle(options as PoolConfig.ThrottleOptions).pipe(
    Effect.as(Array<string>()),
    Effect.catchAllDefect(linesOf)
  )

/** What `make` says of each value of one option. */
const problemsOf = (option: string, values: ReadonlyArray<unknown>) =>
  Effect.map(
    Effect.forEach(values, (value) => problems({ [option]: value })),
    (lines) => lines.flat()
  )

const refusals = (option: string, expected: string, shown: ReadonlyArray<string>) =>
  shown.map((value) => `${option}: expected ${expected}, got ${value}`)

const bothZero =
  "recoveryStep: minDispatchDelay and recoveryStep cannot both be 0: a rejected row would be sent again without a wait"

describe("Pool config defaults", () => {
  it.effect("are 16 attempts at once, the window law and no attempt timeout", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(plain(yield* PoolConfig.make()), defaults)
      assert.deepStrictEqual(yield* read({}), defaults)
      assert.deepStrictEqual(plain(yield* PoolConfig.decodeUnknown({})), defaults)
      assert.deepStrictEqual(plain(PoolConfig.defaults), defaults)
    })
  )

  it.effect("stand for every option that is undefined, and for no option that there is not", () =>
    Effect.gen(function* () {
      const nothing = Object.fromEntries([...Object.keys(defaults), "attemptTimeout"].map((key) => [key, undefined]))
      assert.deepStrictEqual(yield* read(nothing), defaults)
      assert.deepStrictEqual(plain(yield* PoolConfig.decodeUnknown(nothing)), defaults)
      assert.deepStrictEqual(plain(yield* PoolConfig.fromConfig(nothing)), defaults)
      assert.deepStrictEqual(yield* read({ poolSize: 4, name: undefined }), { ...defaults, poolSize: 4 })
      assert.deepStrictEqual(
        yield* PoolConfig.makeThrottle({ recoveryStep: undefined }),
        yield* PoolConfig.makeThrottle()
      )
      assert.lengthOf(yield* problems({ poolSize: undefined, poolsize: undefined }), 1)
    })
  )

  it.effect("keeps the AIMD settings of a pool of size 1", () =>
    Effect.gen(function* () {
      const config = yield* read({ poolSize: 1, backoffMultiplier: 3, recoveryStep: 25 })
      assert.deepStrictEqual(config, { ...defaults, poolSize: 1, backoffMultiplier: 3, recoveryStep: 25 })
    })
  )
})

describe("Pool config explicit", () => {
  it.effect("keeps the other defaults when only poolSize is given", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ poolSize: 10 }), { ...defaults, poolSize: 10 })
    })
  )

  it.effect("keeps custom AIMD settings", () =>
    Effect.gen(function* () {
      const config = yield* read({
        poolSize: 5,
        minDispatchDelay: 10,
        maxDispatchDelay: 1_000,
        backoffMultiplier: 3,
        recoveryStep: 25,
        maxCapacityRetry: "1800 seconds"
      })
      assert.deepStrictEqual(config, {
        ...defaults,
        poolSize: 5,
        minDispatchDelay: 10,
        maxDispatchDelay: 1_000,
        backoffMultiplier: 3,
        recoveryStep: 25,
        maxCapacityRetry: 1_800_000
      })
    })
  )

  it.effect("keeps every other option", () =>
    Effect.gen(function* () {
      const config = yield* read({ maxRetryAfter: "1 minute", attemptTimeout: "2 seconds", control: law, name: "gpt" })
      assert.deepStrictEqual(config, {
        ...defaults,
        maxRetryAfter: 60_000,
        attemptTimeout: 2_000,
        control: law,
        name: "gpt"
      })
      assert.strictEqual(config["control"], law)
    })
  )

  it.effect("reads every form of a duration", () =>
    Effect.gen(function* () {
      const forms: ReadonlyArray<Duration.DurationInput> = [
        40,
        0.5,
        "40 millis",
        "2 seconds",
        Duration.minutes(1),
        5_000_000n,
        [1, 500_000_000]
      ]
      const configs = yield* Effect.forEach(forms, (attemptTimeout) => read({ attemptTimeout }))
      assert.deepStrictEqual(
        configs.map((config) => config["attemptTimeout"]),
        [40, 0.5, 40, 2_000, 60_000, 5, 1_500]
      )
    })
  )
})

describe("Pool config validation", () => {
  it.effect("refuses a minDispatchDelay over maxDispatchDelay, naming both", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problems({ minDispatchDelay: 1_000, maxDispatchDelay: 100 }), [
        "minDispatchDelay: cannot exceed maxDispatchDelay (100ms), got 1s"
      ])
      assert.deepStrictEqual(yield* problems({ minDispatchDelay: "6 seconds" }), [
        "minDispatchDelay: cannot exceed maxDispatchDelay (5s), got 6s"
      ])
    })
  )

  it.effect("accepts a minDispatchDelay equal to maxDispatchDelay: a fixed delay", () =>
    Effect.gen(function* () {
      const config = yield* read({ minDispatchDelay: 500, maxDispatchDelay: 500 })
      assert.deepStrictEqual(config, { ...defaults, minDispatchDelay: 500, maxDispatchDelay: 500 })
    })
  )

  it.effect("refuses a poolSize that is no integer of at least 1", () =>
    Effect.gen(function* () {
      const values = [0, -1, 1.5, 2 ** 53, NaN, Infinity, -Infinity, "4", 4n, true, null, [4], { size: 4 }]
      assert.deepStrictEqual(
        yield* problemsOf("poolSize", values),
        refusals("poolSize", "an integer of at least 1", [
          "0",
          "-1",
          "1.5",
          "9007199254740992",
          "NaN",
          "Infinity",
          "-Infinity",
          '"4"',
          "4",
          "true",
          "null",
          "[4]",
          '{"size":4}'
        ])
      )
    })
  )

  it.effect("refuses a backoffMultiplier that is no finite number over 1", () =>
    Effect.gen(function* () {
      const values = [1, 0.5, 0, -2, "2", null]
      assert.deepStrictEqual(
        yield* problemsOf("backoffMultiplier", values),
        refusals("backoffMultiplier", "a finite number over 1", ["1", "0.5", "0", "-2", '"2"', "null"])
      )
    })
  )

  it.effect("accepts the least multiplier over 1", () =>
    Effect.gen(function* () {
      const backoffMultiplier = 1 + Number.EPSILON
      assert.deepStrictEqual(yield* read({ backoffMultiplier }), { ...defaults, backoffMultiplier })
    })
  )

  const noDuration: ReadonlyArray<readonly [value: unknown, shown: string]> = [
    [-1, "-1"],
    [NaN, "NaN"],
    [Infinity, "Infinity"],
    [-Infinity, "-Infinity"],
    [-1n, "-1"],
    ["-5 millis", '"-5 millis"'],
    [" -5 millis", '" -5 millis"'],
    ["Infinity", '"Infinity"'],
    ["-Infinity", '"-Infinity"'],
    ["50", '"50"'],
    ["50 parsecs", '"50 parsecs"'],
    ["", '""'],
    [Duration.infinity, "Infinity"],
    [[0, -1], "[0,-1]"],
    [[-1, 0], "[-1,0]"],
    [[NaN, 0], "[null,0]"],
    [[Infinity, 0], "[null,0]"],
    [[1, 2, 3], "[1,2,3]"],
    [{ millis: 5 }, '{"millis":5}'],
    [true, "true"],
    [null, "null"]
  ]
  const zeros: ReadonlyArray<readonly [value: unknown, shown: string]> = [
    [0, "0"],
    [0n, "0"],
    ["0 millis", '"0 millis"'],
    [Duration.zero, "0"]
  ]

  for (const option of ["minDispatchDelay", "recoveryStep"]) {
    it.effect(`refuses a ${option} that is no finite duration of at least 0`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* problemsOf(
            option,
            noDuration.map(([value]) => value)
          ),
          refusals(
            option,
            'a finite duration of at least 0, such as "50 millis"',
            noDuration.map(([, shown]) => shown)
          )
        )
      })
    )

    it.effect(`accepts a ${option} of 0 in every form`, () =>
      Effect.gen(function* () {
        const other = option === "recoveryStep" ? "minDispatchDelay" : "recoveryStep"
        const found = yield* Effect.forEach(zeros, ([zero]) => problems({ [option]: zero, [other]: 10 }))
        assert.deepStrictEqual(found, [[], [], [], []])
      })
    )
  }

  for (const option of ["maxDispatchDelay", "maxCapacityRetry", "maxRetryAfter", "attemptTimeout"]) {
    it.effect(`refuses a ${option} that is no finite duration over 0`, () =>
      Effect.gen(function* () {
        const refused = [...zeros, ...noDuration]
        assert.deepStrictEqual(
          yield* problemsOf(
            option,
            refused.map(([value]) => value)
          ),
          refusals(
            option,
            'a finite duration over 0, such as "50 millis"',
            refused.map(([, shown]) => shown)
          )
        )
      })
    )

    it.effect(`accepts the least ${option}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* problems({ [option]: 1n }), [])
      })
    )
  }

  it.effect("refuses a control that is neither a name of a law nor a law", () =>
    Effect.gen(function* () {
      const step = () => undefined
      const values = ["windows", "", 1, null, {}, { step }, { initial: step }, { step: 1, initial: step }]
      assert.deepStrictEqual(
        yield* problemsOf("control", values),
        refusals("control", '"window", "delay" or a ControlLaw with `initial` and `step`', [
          '"windows"',
          '""',
          "1",
          "null",
          "{}",
          "{}",
          "{}",
          '{"step":1}'
        ])
      )
    })
  )

  it.effect("refuses a control whose initial is no function", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* problems({ control: { initial: 3, step: () => undefined } }),
        refusals("control", '"window", "delay" or a ControlLaw with `initial` and `step`', ['{"initial":3}'])
      )
    })
  )

  it.effect("refuses a name that is empty or no string", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* problemsOf("name", ["", 3, null]),
        refusals("name", "a non-empty string", ['""', "3", "null"])
      )
    })
  )

  it.effect("refuses an unknown key, naming it, its value and the keys there are", () =>
    Effect.gen(function* () {
      const keys =
        '"minDispatchDelay" | "maxDispatchDelay" | "backoffMultiplier" | "recoveryStep" | "poolSize" | ' +
        '"maxCapacityRetry" | "maxRetryAfter" | "attemptTimeout" | "control" | "limits" | "prices" | "budget" | "ageing" | "name"'
      assert.deepStrictEqual(yield* problems({ poolsize: 4, retries: undefined }), [
        `poolsize: is unexpected, expected: ${keys}, got 4`,
        `retries: is unexpected, expected: ${keys}, got undefined`
      ])
      assert.deepStrictEqual(yield* problems({ [Symbol.for("size")]: 4 }), [
        `Symbol(size): is unexpected, expected: ${keys}`
      ])
    })
  )

  it.effect("names every problem at once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problems({ poolSize: 0, backoffMultiplier: NaN, recoveryStep: -1, name: "" }), [
        "backoffMultiplier: expected a finite number over 1, got NaN",
        'recoveryStep: expected a finite duration of at least 0, such as "50 millis", got -1',
        "poolSize: expected an integer of at least 1, got 0",
        'name: expected a non-empty string, got ""'
      ])
    })
  )

  it.effect("says what it expected where the options are no object", () =>
    Effect.gen(function* () {
      const lines = yield* Effect.forEach([null, 5, "pool", []], problems)
      for (const line of lines.flat()) {
        assert.match(line, /expected an object/)
        assert.notMatch(line, /^:|option :|Encoded side/)
      }
    })
  )

  it.effect(
    "dies with an IllegalArgumentException that names the package, the option, the value and the expectation",
    () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(PoolConfig.make({ poolSize: 0 }))
        const message = "effect-aimd: option poolSize: expected an integer of at least 1, got 0"
        const isDefect = exit._tag === "Failure" && Cause.isDieType(exit.cause) ? exit.cause.defect : undefined
        assert.isTrue(Cause.isIllegalArgumentException(isDefect))
        assert.deepInclude(isDefect, { message })
      })
  )

  it.effect("makes what comes from anywhere a typed error", () =>
    Effect.gen(function* () {
      const decoded = yield* Effect.either(PoolConfig.decodeUnknown({ poolSize: 0, size: 3 }))
      const error = Either.getOrThrow(Either.flip(decoded))
      assert.strictEqual(error._tag, "ParseError")
      assert.match(error.message, /poolSize[^]*expected an integer of at least 1, got 0/)
      assert.match(error.message, /size[^]*is unexpected/)
    })
  )

  it.effect("accepts what it has validated", () =>
    Effect.gen(function* () {
      const config = yield* PoolConfig.make({ poolSize: 4, attemptTimeout: "1 minute", control: law })
      assert.deepStrictEqual(plain(yield* PoolConfig.make(config)), plain(config))
    })
  )

  const orAnything = (values: FastCheck.Arbitrary<unknown>) =>
    FastCheck.oneof({ weight: 9, arbitrary: values }, { weight: 1, arbitrary: FastCheck.anything() })
  const duration = orAnything(
    FastCheck.oneof(
      { weight: 4, arbitrary: FastCheck.integer({ min: -1, max: 9_000 }) },
      { weight: 1, arbitrary: FastCheck.double() }
    )
  )
  const anyOptions = orAnything(
    FastCheck.record(
      {
        poolSize: orAnything(FastCheck.integer({ min: -1, max: 100 })),
        minDispatchDelay: duration,
        maxDispatchDelay: duration,
        backoffMultiplier: orAnything(FastCheck.double({ min: 0, max: 10 })),
        recoveryStep: duration
      },
      { requiredKeys: [] }
    )
  )

  it.effect("shows a duration too long for Effect to print", () =>
    Effect.gen(function* () {
      const lines = yield* problems({ minDispatchDelay: Number.MAX_VALUE })
      assert.strictEqual(lines.length, 1)
      assert.match(lines.join(), /^minDispatchDelay: cannot exceed maxDispatchDelay \(5s\), got /)
    })
  )

  it.effect("compares bounds of every size, without counting their nanoseconds", () =>
    Effect.gen(function* () {
      const tiny = Number.MIN_VALUE
      assert.deepStrictEqual(yield* problems({ minDispatchDelay: tiny, maxDispatchDelay: 1.8e302 }), [])
      assert.deepStrictEqual(yield* problems({ attemptTimeout: 0.5, maxCapacityRetry: 1.8e302 }), [])
      const found = yield* problems({ minDispatchDelay: 1.8e302, maxDispatchDelay: 1.5 })
      assert.match(found.join(), /^minDispatchDelay: cannot exceed maxDispatchDelay \(1ms 500000ns\), got 1.8e\+302ms$/)
    })
  )

  it.prop(
    "never lets anything through that breaks its rules, and never throws",
    [anyOptions],
    ([options]) => {
      const decoded = Effect.runSync(Effect.either(PoolConfig.decodeUnknown(options)))
      if (Either.isLeft(decoded)) return
      const { poolSize, backoffMultiplier, minDispatchDelay, maxDispatchDelay, recoveryStep } = decoded.right
      const min = Duration.toMillis(minDispatchDelay)
      const max = Duration.toMillis(maxDispatchDelay)
      const step = Duration.toMillis(recoveryStep)
      assert.isTrue(Number.isInteger(poolSize) && poolSize >= 1)
      assert.isTrue(Number.isFinite(backoffMultiplier) && backoffMultiplier > 1)
      assert.isTrue(min >= 0 && min <= max && max > 0 && Number.isFinite(max))
      assert.isTrue(step >= 0 && Number.isFinite(step) && (min > 0 || step > 0))
    },
    { fastCheck: { numRuns: 500 } }
  )
})

describe("Pool config to throttle config", () => {
  it.effect("makes the throttle's part of the options, and no other key", () =>
    Effect.gen(function* () {
      const config = yield* PoolConfig.makeThrottle({
        minDispatchDelay: 100,
        maxDispatchDelay: 2_000,
        backoffMultiplier: 1.5,
        recoveryStep: 25
      })
      assert.deepStrictEqual(plain(config), {
        minDispatchDelay: 100,
        maxDispatchDelay: 2_000,
        backoffMultiplier: 1.5,
        recoveryStep: 25
      })
    })
  )

  it.effect("has the pool's defaults", () =>
    Effect.gen(function* () {
      const expected = { minDispatchDelay: 0, maxDispatchDelay: 5_000, backoffMultiplier: 2, recoveryStep: 50 }
      assert.deepStrictEqual(plain(yield* PoolConfig.makeThrottle()), expected)
      assert.deepStrictEqual(plain(yield* PoolConfig.makeThrottle({})), expected)
    })
  )

  it.effect("refuses the pool's other options, and what the pool refuses", () =>
    Effect.gen(function* () {
      const keys = '"minDispatchDelay" | "maxDispatchDelay" | "backoffMultiplier" | "recoveryStep"'
      assert.deepStrictEqual(yield* throttleProblems({ poolSize: 4, maxCapacityRetry: "1 hour" }), [
        `poolSize: is unexpected, expected: ${keys}, got 4`,
        `maxCapacityRetry: is unexpected, expected: ${keys}, got "1 hour"`
      ])
      assert.deepStrictEqual(yield* throttleProblems({ minDispatchDelay: "2 seconds", maxDispatchDelay: 100 }), [
        "minDispatchDelay: cannot exceed maxDispatchDelay (100ms), got 2s"
      ])
      assert.deepStrictEqual(yield* throttleProblems({ minDispatchDelay: 0, recoveryStep: 0 }), [bothZero])
    })
  )
})

describe("Pool config of a duration alone", () => {
  it.effect("reads every form of a duration, 0 and Infinity too", () =>
    Effect.gen(function* () {
      const inputs = [0, 40, "2 seconds", Duration.minutes(1), 5_000_000n, Infinity] as const
      const read = yield* Effect.forEach(inputs, (input) => PoolConfig.makeDuration("timeout", input))
      assert.deepStrictEqual(read.map(Duration.toMillis), [0, 40, 2_000, 60_000, 5, Infinity])
    })
  )

  it.effect("dies on what is no duration of at least 0, under the name it was given", () =>
    Effect.gen(function* () {
      const lines = yield* Effect.forEach([-1, NaN, -Infinity, "-1 millis", "soon", null], (input) =>
        PoolConfig.makeDuration("timeout", input as Duration.DurationInput).pipe(
          Effect.as(["accepted"]),
          Effect.catchAllDefect(linesOf)
        )
      )
      assert.deepStrictEqual(
        lines.flat(),
        refusals("timeout", 'a duration of at least 0, such as "50 millis"', [
          "-1",
          "NaN",
          "-Infinity",
          '"-1 millis"',
          '"soon"',
          "null"
        ])
      )
    })
  )
})

describe("Pool config zero delay", () => {
  it.effect("refuses a maxDispatchDelay of 0", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* problems({ maxDispatchDelay: 0 }),
        refusals("maxDispatchDelay", 'a finite duration over 0, such as "50 millis"', ["0"])
      )
    })
  )

  it.effect("refuses minDispatchDelay and recoveryStep both 0, in whatever form", () =>
    Effect.gen(function* () {
      const found = yield* Effect.forEach(
        [
          { minDispatchDelay: 0, recoveryStep: 0 },
          { recoveryStep: 0 },
          { minDispatchDelay: "0 millis", recoveryStep: Duration.zero }
        ],
        problems
      )
      assert.deepStrictEqual(found, [[bothZero], [bothZero], [bothZero]])
    })
  )

  it.effect("accepts one of the two 0", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problems({ minDispatchDelay: 0, recoveryStep: 50 }), [])
      assert.deepStrictEqual(yield* problems({ minDispatchDelay: 10, recoveryStep: 0 }), [])
    })
  )

  it.effect("accepts a positive maxDispatchDelay", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ maxDispatchDelay: 1_000 }), { ...defaults, maxDispatchDelay: 1_000 })
    })
  )

  it.effect("accepts its own defaults written out", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* problems({ maxDispatchDelay: 5_000, recoveryStep: 50 }), [])
    })
  )
})

describe("Pool config infinite backoff", () => {
  for (const value of [Infinity, -Infinity, NaN]) {
    it.effect(`refuses a backoffMultiplier of ${value}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual(
          yield* problems({ backoffMultiplier: value }),
          refusals("backoffMultiplier", "a finite number over 1", [String(value)])
        )
      })
    )
  }

  it.effect("accepts a finite backoffMultiplier", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read({ backoffMultiplier: 1.5 }), { ...defaults, backoffMultiplier: 1.5 })
    })
  )
})

/** Reads a `Config` where the environment holds just these variables. */
const fromEnvironment = <A>(config: Config.Config<A>, variables: Record<string, string>) =>
  Effect.withConfigProvider(config, ConfigProvider.fromMap(new Map(Object.entries(variables)), { pathDelim: "_" }))

const readEnvironment = (variables: Record<string, string>, prefix?: string) =>
  Effect.map(fromEnvironment(PoolConfig.config(prefix), variables), plain)

/** What is said of the environment, or "accepted". */
const environmentProblem = (variables: Record<string, string>, prefix?: string) =>
  Effect.match(readEnvironment(variables, prefix), { onFailure: String, onSuccess: () => "accepted" })

const variables = {
  POOL_SIZE: "64",
  MIN_DISPATCH_DELAY: "5 millis",
  MAX_DISPATCH_DELAY: "10 seconds",
  BACKOFF_MULTIPLIER: "1.5",
  RECOVERY_STEP: "20 millis",
  MAX_CAPACITY_RETRY: "2 hours",
  MAX_RETRY_AFTER: "1 minute",
  ATTEMPT_TIMEOUT: "30 seconds",
  CONTROL: "delay",
  AGEING: "Infinity",
  NAME: "gpt"
}

const readFromVariables = {
  poolSize: 64,
  minDispatchDelay: 5,
  maxDispatchDelay: 10_000,
  backoffMultiplier: 1.5,
  recoveryStep: 20,
  maxCapacityRetry: 7_200_000,
  maxRetryAfter: 60_000,
  attemptTimeout: 30_000,
  control: "delay",
  ageing: Infinity,
  name: "gpt"
}

describe("Pool config from the environment", () => {
  it.effect("has the defaults where the environment is empty, with and without a prefix", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* readEnvironment({}), defaults)
      assert.deepStrictEqual(yield* readEnvironment({}, "OPENAI"), defaults)
    })
  )

  it.effect("reads every option", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* readEnvironment(variables), readFromVariables)
    })
  )

  it.effect("reads every option behind a prefix, and nothing without it", () =>
    Effect.gen(function* () {
      const prefixed = Object.fromEntries(Object.entries(variables).map(([name, text]) => [`OPENAI_${name}`, text]))
      assert.deepStrictEqual(yield* readEnvironment(prefixed, "OPENAI"), readFromVariables)
      assert.deepStrictEqual(yield* readEnvironment(prefixed), defaults)
      assert.deepStrictEqual(yield* readEnvironment(variables, "OPENAI"), defaults)
    })
  )

  it.effect("leaves other variables alone", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* readEnvironment({ POOL_SIZE: "2", POOL: "x", POOL_SIZES: "y", PATH: "/bin" }), {
        ...defaults,
        poolSize: 2
      })
    })
  )

  it.effect("names the variable, its value and what was expected", () =>
    Effect.gen(function* () {
      const notNegative = 'expected a finite duration of at least 0, such as "50 millis"'
      const positive = 'expected a finite duration over 0, such as "50 millis"'
      const cases: ReadonlyArray<readonly [variable: string, text: string, problem: string]> = [
        ["POOL_SIZE", "0", "expected an integer of at least 1, got 0"],
        ["POOL_SIZE", "eight", 'expected an integer of at least 1, got "eight"'],
        ["POOL_SIZE", "1.5", "expected an integer of at least 1, got 1.5"],
        ["POOL_SIZE", "Infinity", "expected an integer of at least 1, got Infinity"],
        ["POOL_SIZE", "NaN", 'expected an integer of at least 1, got "NaN"'],
        ["BACKOFF_MULTIPLIER", "1", "expected a finite number over 1, got 1"],
        ["BACKOFF_MULTIPLIER", "twice", 'expected a finite number over 1, got "twice"'],
        ["MIN_DISPATCH_DELAY", "50", `${notNegative}, got "50"`],
        ["MIN_DISPATCH_DELAY", "-5 millis", `${notNegative}, got "-5 millis"`],
        ["RECOVERY_STEP", "soon", `${notNegative}, got "soon"`],
        ["MAX_DISPATCH_DELAY", "0 seconds", `${positive}, got "0 seconds"`],
        ["MAX_CAPACITY_RETRY", "Infinity", `${positive}, got "Infinity"`],
        ["MAX_RETRY_AFTER", "", `${positive}, got ""`],
        ["ATTEMPT_TIMEOUT", "0 millis", `${positive}, got "0 millis"`],
        ["CONTROL", "windows", 'expected "window", "delay" or a ControlLaw with `initial` and `step`, got "windows"'],
        ["NAME", "", 'expected a non-empty string, got ""']
      ]
      const found = yield* Effect.forEach(cases, ([variable, text]) => environmentProblem({ [variable]: text }))
      assert.deepStrictEqual(
        found,
        cases.map(([variable, , problem]) => `(Invalid data at ${variable}: "${problem}")`)
      )
    })
  )

  it.effect("shows an empty number as what it is, not as 0", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        [yield* environmentProblem({ POOL_SIZE: "" }), yield* environmentProblem({ BACKOFF_MULTIPLIER: " " })],
        [
          '(Invalid data at POOL_SIZE: "expected an integer of at least 1, got """)',
          '(Invalid data at BACKOFF_MULTIPLIER: "expected a finite number over 1, got " "")'
        ]
      )
    })
  )

  it.effect("names the prefix too, and every variable at once", () =>
    Effect.gen(function* () {
      const problem = yield* environmentProblem({ OPENAI_POOL_SIZE: "0", OPENAI_BACKOFF_MULTIPLIER: "1" }, "OPENAI")
      assert.strictEqual(
        problem,
        '(Invalid data at OPENAI.BACKOFF_MULTIPLIER: "expected a finite number over 1, got 1") and ' +
          '(Invalid data at OPENAI.POOL_SIZE: "expected an integer of at least 1, got 0")'
      )
    })
  )

  it.effect("keeps the rules between options", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        [
          yield* environmentProblem({ MIN_DISPATCH_DELAY: "2 seconds", MAX_DISPATCH_DELAY: "1 second" }),
          yield* environmentProblem({ RECOVERY_STEP: "0 millis" }),
          yield* environmentProblem({ RECOVERY_STEP: "0 millis", MIN_DISPATCH_DELAY: "1 millis" })
        ],
        [
          '(Invalid data at MIN_DISPATCH_DELAY: "cannot exceed maxDispatchDelay (1s), got 2s")',
          `(Invalid data at RECOVERY_STEP: "${bothZero.replace("recoveryStep: ", "")}")`,
          "accepted"
        ]
      )
    })
  )
})

describe("Pool config from a Config of one's own", () => {
  it.effect("reads each option by its own Config, and the whole by one", () =>
    Effect.gen(function* () {
      const options = { poolSize: Config.integer("WORKERS"), attemptTimeout: Config.duration("PATIENCE") }
      const environment = { WORKERS: "8", PATIENCE: "2 seconds" }
      const expected = { ...defaults, poolSize: 8, attemptTimeout: 2_000 }
      const parts = yield* fromEnvironment(PoolConfig.fromConfig(options), environment)
      const whole = yield* fromEnvironment(PoolConfig.fromConfig(Config.all(options)), environment)
      assert.deepStrictEqual([plain(parts), plain(whole)], [expected, expected])
    })
  )

  it.effect("takes the given name only where the options have none", () =>
    Effect.gen(function* () {
      const poolSize = Config.succeed(2)
      const names = yield* Effect.forEach(
        [
          PoolConfig.fromConfig({ poolSize }),
          PoolConfig.fromConfig({ poolSize }, "gpt"),
          PoolConfig.fromConfig({ poolSize, name: Config.string("NAME") }, "gpt"),
          PoolConfig.fromConfig(Config.succeed({}), "gpt")
        ],
        (config) => fromEnvironment(config, { NAME: "claude" })
      )
      assert.deepStrictEqual(
        names.map((config) => config.name),
        ["default", "gpt", "claude", "gpt"]
      )
    })
  )

  it.effect("takes a control law as a constant", () =>
    Effect.gen(function* () {
      const config = yield* fromEnvironment(PoolConfig.fromConfig({ control: Config.succeed(law) }), {})
      assert.strictEqual(config.control, law)
    })
  )

  it.effect("takes no options at all", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(plain(yield* fromEnvironment(PoolConfig.fromConfig({}), {})), defaults)
    })
  )

  it.effect("makes what is missing or invalid a ConfigError, never a defect", () =>
    Effect.gen(function* () {
      const config = PoolConfig.fromConfig({ poolSize: Config.integer("WORKERS") })
      const problem = (environment: Record<string, string>) =>
        Effect.map(Effect.flip(fromEnvironment(config, environment)), String)
      assert.deepStrictEqual(
        [yield* problem({}), yield* problem({ WORKERS: "many" }), yield* problem({ WORKERS: "0" })],
        [
          '(Missing data at WORKERS: "Expected WORKERS to exist in the provided map")',
          '(Invalid data at WORKERS: "Expected an integer value but received "many"")',
          '(Invalid data at poolSize: "expected an integer of at least 1, got 0")'
        ]
      )
    })
  )
})
