import { Headers, HttpClientRequest } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, FastCheck, Option } from "effect"
import { Classifier } from "effect-aimd/http"

const json = { "content-type": "application/json; charset=utf-8" }

const answer = (status: number, headers: Record<string, string> = {}, body = ""): Classifier.Answer => ({
  request: HttpClientRequest.get("http://api.test"),
  status,
  headers: Headers.fromInput(headers),
  body: Effect.succeed(body)
})

/** The verdict in a word, with the code of one that is final. */
const judge = (classifier: Classifier.Classifier, ...given: Parameters<typeof answer>) =>
  Option.match(Effect.runSync(classifier(answer(...given))), {
    onNone: () => "no opinion",
    onSome: (verdict) => (verdict._tag === "QuotaExhausted" ? verdict.code : verdict._tag)
  })

const standard = Classifier.standard()

describe("the standard classifier", () => {
  it("takes 429, 503 and 529 for a lack of capacity, failures of a gateway for lost, the rest for served or neutral", () => {
    const statuses = [200, 204, 302, 304, 400, 401, 402, 403, 404, 408, 418, 429, 500, 502, 503, 504, 529]
    assert.deepStrictEqual(
      statuses.map((status) => [status, judge(standard, status)]),
      statuses.map((status) => [
        status,
        status < 400
          ? "Served"
          : [429, 503, 529].includes(status)
            ? "Capacity"
            : [408, 500, 502, 504].includes(status)
              ? "Lost"
              : "Neutral"
      ])
    )
  })

  it("takes other statuses where it is told to", () => {
    const classifier = Classifier.standard(new Set([420]))
    assert.deepStrictEqual([judge(classifier, 420), judge(classifier, 429)], ["Capacity", "Neutral"])
  })

  it("finds in a 429 of each provider that the quota, the credit or the billing is at its end", () => {
    const bodies: ReadonlyArray<readonly [body: object, code: string]> = [
      // OpenAI, Azure OpenAI
      [
        {
          error: {
            message: "You exceeded your current quota",
            type: "insufficient_quota",
            param: null,
            code: "insufficient_quota"
          }
        },
        "insufficient_quota"
      ],
      [
        {
          error: {
            message: "Billing hard limit reached",
            type: "invalid_request_error",
            code: "billing_hard_limit_reached"
          }
        },
        "billing_hard_limit_reached"
      ],
      [{ error: { message: "not active", type: "billing_not_active" } }, "billing_not_active"],
      // Anthropic
      [{ type: "error", error: { type: "billing_error", message: "..." } }, "billing_error"],
      // others
      [{ error: "credit_balance_exhausted" }, "credit_balance_exhausted"],
      [{ error: { code: 429, type: "insufficient_credits" } }, "insufficient_credits"],
      [{ code: "insufficient_balance", message: "top up" }, "insufficient_balance"],
      [{ type: "spend_limit_reached" }, "spend_limit_reached"]
    ]
    assert.deepStrictEqual(
      bodies.map(([body]) => judge(standard, 429, json, JSON.stringify(body))),
      bodies.map(([, code]) => code)
    )
  })

  it("takes every other 429 for a lack of capacity, whatever its body", () => {
    const bodies = [
      '{"error":{"message":"Rate limit reached","type":"requests","code":"rate_limit_exceeded"}}',
      '{"type":"error","error":{"type":"rate_limit_error","message":"insufficient_quota is not the matter"}}',
      '{"error":{"code":"insufficient_quota: ask sales, key sk-123"}}',
      '{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}',
      "{}",
      "[]",
      "null",
      "{",
      ""
    ]
    assert.deepStrictEqual(
      bodies.map((body) => judge(standard, 429, json, body)),
      bodies.map(() => "Capacity")
    )
    const html = { "content-type": "text/html; charset=utf-8" }
    assert.strictEqual(judge(standard, 429, html, "<h1>insufficient_quota</h1>"), "Capacity")
    assert.strictEqual(judge(standard, 429, html, '{"error":{"code":"insufficient_quota"}}'), "Capacity")
  })

  it("takes the API's word that a retry does not help this request; where it failed, its answer passes", () => {
    const no = { "x-should-retry": "false" }
    assert.deepStrictEqual(
      [
        judge(standard, 429, no),
        judge(standard, 429, { ...no, ...json }, "{}"),
        judge(standard, 429, { ...no, ...json }, '{"error":{"code":"insufficient_quota"}}'),
        judge(standard, 429, { "stripe-should-retry": "false" }),
        judge(standard, 503, no),
        judge(standard, 502, no),
        judge(standard, 429, { "x-should-retry": "true" }),
        judge(standard, 200, no)
      ],
      ["Refused", "Refused", "insufficient_quota", "Refused", "Refused", "Neutral", "Capacity", "Served"]
    )
  })

  it('goes by the words of a status that some API means "not now" or "never" by, and by no other', () => {
    const wordy = [400, 401, 403, 409, 412, 413, 418, 420, 422, 423, 425, 456, 477, 498, 509]
    const others = [399, 404, 410, 411, 421, 424]
    const slow = '{"error":{"code":"rate_limit_exceeded","message":"Slow down"}}'
    const plain = '{"error":{"code":"invalid_request","message":"No such model"}}'
    assert.deepStrictEqual(
      [...wordy, ...others].map((status) => [
        judge(standard, status, json, slow),
        judge(standard, status, json, plain)
      ]),
      [
        ...wordy.map(() => ["Capacity", "Neutral"]),
        ["Served", "Served"],
        ...others.slice(1).map(() => ["Neutral", "Neutral"])
      ]
    )
  })

  it("goes by the words of a 402 that are about money", () => {
    const bodies = [
      ['{"error":{"code":"insufficient_credits"}}', "insufficient_credits"],
      ['{"error":{"message":"Payment required"}}', "402"],
      ['{"error":{"code":"rate_limit_exceeded"}}', "Neutral"]
    ] as const
    assert.deepStrictEqual(
      bodies.map(([body]) => judge(standard, 402, json, body)),
      bodies.map(([, verdict]) => verdict)
    )
  })

  it("hears nothing of a spent quota from an API that has no capacity at all", () => {
    const spent = '{"error":{"code":"insufficient_quota"}}'
    assert.deepStrictEqual(
      [429, 503, 529].map((status) => judge(standard, status, json, spent)),
      ["insufficient_quota", "Capacity", "Capacity"]
    )
    assert.strictEqual(judge(standard, 503, { ...json, "x-should-retry": "false" }, spent), "Refused")
    assert.deepStrictEqual(
      [499, 500].map((status) => judge(Classifier.standard(new Set([499, 500])), status, json, spent)),
      ["insufficient_quota", "Capacity"]
    )
  })

  it("reads no body of an answer that is not about capacity", () => {
    const unread = { ...answer(200, json), body: Effect.dieMessage("read") }
    const verdict = (status: number) => Option.getOrUndefined(Effect.runSync(standard({ ...unread, status })))
    assert.deepStrictEqual([verdict(200), verdict(404)], [Classifier.served, Classifier.neutral])
  })

  it.prop("never throws", [FastCheck.integer(), FastCheck.string(), FastCheck.json()], ([status, type, body]) => {
    judge(standard, status, { "content-type": type }, body)
    judge(standard, 429, json, body)
  })
})

describe("the classifier of quotas", () => {
  it("has no opinion but of its own statuses, and there of nothing but what no wait will change", () => {
    const spent = '{"error":{"code":"insufficient_quota"}}'
    const quota = Classifier.byQuota(new Set([420]))
    assert.deepStrictEqual(
      [
        judge(Classifier.byQuota(), 429, json, spent),
        judge(Classifier.byQuota(), 429, json, '{"error":{"code":"rate_limit_exceeded"}}'),
        judge(Classifier.byQuota(), 420, json, spent),
        judge(quota, 420, json, spent),
        judge(quota, 429, json, spent)
      ],
      ["insufficient_quota", "no opinion", "no opinion", "insufficient_quota", "no opinion"]
    )
  })
})

describe("classifiers", () => {
  it("are asked in turn until one has a verdict", () => {
    const none: Classifier.Classifier = () => Effect.succeedNone
    const always: Classifier.Classifier = () => Effect.succeedSome(Classifier.quotaExhausted("mine"))
    assert.deepStrictEqual(
      [
        judge(Classifier.firstOf(), 200),
        judge(Classifier.firstOf(none, none), 200),
        judge(Classifier.firstOf(none, always, standard), 200),
        judge(Classifier.firstOf(standard, always), 200),
        judge(Classifier.firstOf(Classifier.byQuota(), Classifier.byStatus()), 503)
      ],
      ["no opinion", "no opinion", "mine", "Served", "Capacity"]
    )
  })
})
