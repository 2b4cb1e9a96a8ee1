import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Either, Equal, FastCheck, Schema } from "effect"
import { Capacity, PoolError } from "effect-aimd"

const { CapacityError } = Capacity

const retryAfterOf = (error: Capacity.CapacityError) =>
  error.retryAfter === undefined ? undefined : Duration.toMillis(error.retryAfter)

const decode = Schema.decodeUnknownEither(CapacityError)

describe("Capacity error init", () => {
  for (const status of [0, -1, 99, 600]) {
    it(`refuses status ${status}, naming the value and what a valid HTTP status is`, () => {
      assert.throws(
        () => new CapacityError({ status }),
        `expected a valid HTTP status, an integer from 100 to 599, got ${status}`
      )
    })
  }

  for (const status of [100, 429, 599]) {
    it(`accepts status ${status}`, () => {
      assert.strictEqual(new CapacityError({ status }).status, status)
    })
  }

  for (const status of [NaN, Infinity, -Infinity, 429.5]) {
    it(`refuses status ${status}`, () => {
      assert.throws(() => new CapacityError({ status }), String(status))
    })
  }

  const wrong: ReadonlyArray<readonly [props: unknown, message: string]> = [
    [
      { status: "429" },
      'status of a CapacityError: expected a valid HTTP status, an integer from 100 to 599, got "429"'
    ],
    [{}, "status of a CapacityError: expected a valid HTTP status, an integer from 100 to 599, got undefined"],
    [undefined, "argument of a CapacityError: expected an object with a status, got undefined"],
    [429, "argument of a CapacityError: expected an object with a status, got 429"],
    [{ status: 429, message: 3 }, "message of a CapacityError: expected a string, got 3"],
    ...["2", "2 parsecs", -1, NaN, null, new Date(0)].map((retryAfter) => {
      const shown = retryAfter instanceof Date ? '"1970-01-01T00:00:00.000Z"' : Number.isNaN(retryAfter) ? "NaN" : null
      return [
        { status: 429, retryAfter },
        `retryAfter of a CapacityError: expected a duration of at least 0, such as "2 seconds", got ${shown ?? JSON.stringify(retryAfter)}`
      ] as const
    })
  ]
  for (const [props, message] of wrong) {
    it(`refuses what callers without types write: ${message.slice(message.indexOf(", got") + 2)} as ${message.split(" ", 1)[0]}`, () => {
      // The type is the lie that such a caller tells.
      const make = () => new CapacityError(props as Capacity.CapacityErrorProps)
      assert.throws(make, new RegExp(`^effect-aimd: ${message.replaceAll(".", "\\.")}$`))
    })
  }

  it("takes a retryAfter in every form of a duration", () => {
    const forms = ["2 seconds", 2_000, Duration.seconds(2), 2_000_000_000n, [2, 0]] as const
    const read = forms.map((retryAfter) => retryAfterOf(new CapacityError({ status: 429, retryAfter })))
    assert.deepStrictEqual(read, [2_000, 2_000, 2_000, 2_000, 2_000])
    assert.deepStrictEqual(retryAfterOf(new CapacityError({ status: 429, retryAfter: undefined })), undefined)
  })

  it.prop(
    "accepts the integers from 100 to 599 and no other number",
    [FastCheck.oneof(FastCheck.integer({ min: 0, max: 700 }), FastCheck.double())],
    ([status]) => {
      const accepted = Either.isRight(decode({ _tag: "CapacityError", status }))
      assert.strictEqual(accepted, Number.isInteger(status) && status >= 100 && status <= 599)
    }
  )

  it("refuses fields of the wrong type when it is decoded", () => {
    const refused = [
      { status: "429" },
      { status: null },
      {},
      { status: 429, message: 3 },
      { status: 429, retryAfter: "2 seconds" },
      { status: 429, retryAfter: -1 }
    ].map((fields) => Either.isLeft(decode({ _tag: "CapacityError", ...fields })))
    assert.deepStrictEqual(refused, [true, true, true, true, true, true])
  })
})

describe("Capacity error classification", () => {
  for (const [status, isCapacity] of [
    [429, true],
    [503, true],
    [529, true],
    [500, false],
    [400, false],
    [401, false],
    [200, false],
    [NaN, false]
  ] as const) {
    it(`${status} is ${isCapacity ? "a" : "no"} capacity status`, () => {
      assert.strictEqual(Capacity.isCapacityStatus(status), isCapacity)
    })
  }

  it("knows 429, 503 and 529 and no other status", () => {
    assert.deepStrictEqual([...Capacity.capacityStatuses], [429, 503, 529])
  })
})

describe("Capacity error", () => {
  it("keeps status, message, retryAfter and cause", () => {
    const cause = new Error("socket")
    const error = new CapacityError({ status: 503, message: "busy", retryAfter: Duration.seconds(2), cause })
    assert.deepStrictEqual([error.status, error.message, retryAfterOf(error)], [503, "busy", 2_000])
    assert.strictEqual(error.cause, cause)
  })

  it("builds its message from status and retryAfter where none is given", () => {
    const messages = [
      new CapacityError({ status: 429 }),
      new CapacityError({ status: 429, retryAfter: Duration.seconds(2) }),
      new CapacityError({ status: 529, retryAfter: Duration.zero }),
      new CapacityError({ status: 429, message: "" })
    ].map((error) => error.message)
    assert.deepStrictEqual(messages, [
      "the API has no capacity now: status 429",
      "the API has no capacity now: status 429, retry after 2s",
      "the API has no capacity now: status 529, retry after 0",
      ""
    ])
  })

  it("has a message for every retryAfter, also one too long for Effect to print", () => {
    const messages = [0.001, 1e300, Number.MAX_VALUE, Infinity].map(
      (millis) => new CapacityError({ status: 429, retryAfter: Duration.millis(millis) }).message
    )
    for (const message of messages) assert.match(message, /^the API has no capacity now: status 429, retry after ./)
  })

  it("has no retryAfter and no cause where none is given", () => {
    const error = new CapacityError({ status: 429 })
    assert.deepStrictEqual([error.retryAfter, error.cause], [undefined, undefined])
  })

  it("is an Error that prints its tag and message", () => {
    const error = new CapacityError({ status: 429 })
    assert.instanceOf(error, Error)
    assert.strictEqual(String(error), "CapacityError: the API has no capacity now: status 429")
  })

  it.effect("is yielded, and caught by its tag, as any tagged error", () =>
    Effect.gen(function* () {
      const status = yield* Effect.gen(function* () {
        return yield* new CapacityError({ status: 503 })
      }).pipe(Effect.catchTag("CapacityError", (error) => Effect.succeed(error.status)))
      assert.strictEqual(status, 503)
    })
  )

  it("equals another with the same fields", () => {
    const make = (status: number) => new CapacityError({ status, retryAfter: Duration.seconds(1) })
    assert.isTrue(Equal.equals(make(429), make(429)))
    assert.isFalse(Equal.equals(make(429), make(503)))
  })

  it("survives being encoded and decoded", () => {
    const error = new CapacityError({ status: 429, message: "busy", retryAfter: Duration.millis(1_500) })
    const encoded: unknown = JSON.parse(JSON.stringify(Schema.encodeSync(CapacityError)(error)))
    const decoded = Schema.decodeUnknownSync(CapacityError)(encoded)
    assert.deepStrictEqual([decoded.status, decoded.message, retryAfterOf(decoded)], [429, "busy", 1_500])
    assert.isTrue(Capacity.isCapacityError(decoded))
  })
})

describe("isCapacityError", () => {
  it("recognises every capacity error, whatever its status: all are retried", () => {
    const recognised = [100, 429, 500, 599].map((status) => Capacity.isCapacityError(new CapacityError({ status })))
    assert.deepStrictEqual(recognised, [true, true, true, true])
  })

  it("recognises an error of a subclass and of another copy of the package", () => {
    class Overloaded extends CapacityError {}
    const ofAnotherCopy = Object.assign(new Error("busy"), { _tag: "CapacityError", ["~effect-aimd/CapacityError"]: 1 })
    assert.isTrue(Capacity.isCapacityError(new Overloaded({ status: 529 })))
    assert.isTrue(Capacity.isCapacityError(ofAnotherCopy))
  })

  it.prop("recognises nothing else, and never throws", [FastCheck.anything()], ([u]) => {
    assert.isFalse(Capacity.isCapacityError(u))
  })

  it("is not fooled by a tag, a status or an error", () => {
    const recognised = [
      { _tag: "CapacityError", status: 429 },
      new Error("429"),
      null,
      undefined,
      429,
      "CapacityError",
      CapacityError
    ].map(Capacity.isCapacityError)
    assert.deepStrictEqual(recognised, [false, false, false, false, false, false, false])
  })
})

describe("Pool errors", () => {
  const errors = [
    new PoolError.RetryTimeoutError({
      elapsed: Duration.millis(61_500),
      budget: Duration.minutes(1),
      attempts: 7,
      lastError: new CapacityError({ status: 503 })
    }),
    new PoolError.PoolShutdownError({ pool: "gpt" }),
    new PoolError.BatchTimeoutError({ timeout: Duration.seconds(30) }),
    new PoolError.AttemptTimeoutError({ timeout: Duration.millis(250), attempt: 2 })
  ]

  it("say in a sentence what happened, out of their fields", () => {
    assert.deepStrictEqual(
      errors.map(({ _tag, message }) => [_tag, message]),
      [
        ["RetryTimeoutError", "no capacity for 1m 1s 500ms (budget 1m), 7 attempts, last status 503"],
        ["PoolShutdownError", 'the pool "gpt" is shut down: nothing starts any more'],
        ["BatchTimeoutError", "no outcome within the batch's timeout of 30s"],
        ["AttemptTimeoutError", "attempt 2 had no answer within 250ms"]
      ]
    )
  })

  it("are Errors, and no capacity errors: nothing retries them", () => {
    for (const error of errors) {
      assert.instanceOf(error, Error)
      assert.isFalse(Capacity.isCapacityError(error))
    }
  })
})
