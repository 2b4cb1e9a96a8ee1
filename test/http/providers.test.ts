/** What public reports of users of other clients say of answers: each kind of fault over several providers. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Classifier } from "effect-aimd/http"
import { cases, epoch, type Given, judge, now } from "./judging.js"

const standard = Classifier.standard()

const quotaFailure = (quotaId: string) => ({
  "@type": "type.googleapis.com/google.rpc.QuotaFailure",
  violations: [{ quotaMetric: "generativelanguage.googleapis.com/requests", quotaId }]
})
const retryInfo = (retryDelay: unknown) => ({ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay })
const google = (...details: ReadonlyArray<unknown>) => ({
  error: { code: 429, message: "Resource has been exhausted", status: "RESOURCE_EXHAUSTED", details }
})
const openAi = (message: string, code = "rate_limit_exceeded", type = "requests") => ({
  error: { message, type, param: null, code }
})

cases("the wait is in the body", standard, [
  ["Google's RetryInfo", { status: 429, body: google(retryInfo("45.837906927s")) }, "not now: 45837.906927"],
  ["the same in a list", { status: 429, body: [google(retryInfo("7s"))] }, "not now: 7000"],
  [
    "the same as seconds and nanos",
    { status: 429, body: google(retryInfo({ seconds: "2", nanos: 5e8 })) },
    "not now: 2500"
  ],
  [
    "Google's minute's quota with it",
    { status: 429, body: google(quotaFailure("RequestsPerMinute"), retryInfo("9s")) },
    "not now: 9000"
  ],
  [
    "Discord's retry_after",
    { status: 429, body: { message: "You are being rate limited.", retry_after: 64.57, global: false } },
    "not now: 64570"
  ],
  ["retryAfter in camel case", { status: 429, body: { error: { retryAfter: 3 } } }, "not now: 3000"],
  ["retryAfterMs", { status: 429, body: { retryAfterMs: 1500 } }, "not now: 1500"],
  ["retry_after_seconds as text", { status: 503, body: { retry_after_seconds: "12" } }, "not now: 12000"],
  [
    "OpenRouter's metadata.headers",
    {
      status: 429,
      body: {
        error: {
          code: 429,
          message: "Rate limit exceeded",
          metadata: {
            headers: {
              "X-RateLimit-Limit": "20",
              "X-RateLimit-Remaining": "0",
              "X-RateLimit-Reset": String(now + 30_000)
            }
          }
        }
      }
    },
    "not now: 30000"
  ],
  [
    "OpenAI's sentence",
    { status: 429, body: openAi("Rate limit reached. Limit 3, Used 3, Requested 1. Please try again in 1m5.289s.") },
    "not now: 65289"
  ],
  [
    "Azure's sentence",
    { status: 429, body: { error: { code: "429", message: "Please retry after 30 seconds." } } },
    "not now: 30000"
  ],
  [
    "Gemini's sentence",
    { status: 429, body: { error: { code: 429, message: "Quota exceeded. Please retry in 26.5s." } } },
    "not now: 26500"
  ],
  [
    "Django's sentence",
    { status: 429, body: { detail: "Request was throttled. Expected available in 8 seconds." } },
    "not now: 8000"
  ],
  [
    "a plain sentence",
    { status: 429, headers: { "content-type": "text/plain" }, body: "Too many requests, try again in 2 minutes" },
    "not now: 120000"
  ],
  [
    "a provider's error within a string",
    { status: 429, body: { error: { metadata: { raw: '{"error":{"retry_after":4}}' } } } },
    "not now: 4000"
  ],
  [
    "none: negative, absurd, or of something else",
    { status: 429, body: { retry_after: -5, retryAfterMs: 1e15, reset_after: "soon" } },
    "not now"
  ]
])

cases('"not now" with a status of its own', standard, [
  ["a 403 with retry-after", { status: 403, headers: { "retry-after": "60" } }, "not now: 60000"],
  ["a 400 with retry-after", { status: 400, headers: { "retry-after": "5" } }, "not now: 5000"],
  [
    "GitHub's primary limit",
    {
      status: 403,
      headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${epoch + 90}` },
      body: { message: "API rate limit exceeded for user ID 1." }
    },
    "not now: 90000"
  ],
  [
    "AWS, in the body",
    { status: 400, body: { __type: "com.amazon.coral.availability#ThrottlingException", message: "Rate exceeded" } },
    "not now"
  ],
  [
    "AWS, in a header",
    { status: 400, headers: { "x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/" }, body: {} },
    "not now"
  ],
  [
    "AWS, in XML",
    {
      status: 400,
      headers: { "content-type": "text/xml" },
      body: "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>"
    },
    "not now"
  ],
  [
    "Google's userRateLimitExceeded",
    {
      status: 403,
      body: { error: { code: 403, errors: [{ domain: "usageLimits", reason: "userRateLimitExceeded" }] } }
    },
    "not now"
  ],
  [
    "Linear",
    { status: 400, body: { errors: [{ message: "Rate limit exceeded", extensions: { code: "RATELIMITED" } }] } },
    "not now"
  ],
  [
    "a sentence without a code",
    { status: 400, body: { error: { message: "(#4) Application request limit reached", code: 4 } } },
    "not now"
  ],
  ["another one", { status: 403, body: { message: "You have exceeded a secondary rate limit." } }, "not now"],
  ["a lock", { status: 423, headers: { "retry-after": "2" } }, "not now: 2000"],
  ["Groq's 498", { status: 498, body: { error: { code: "capacity_exceeded" } } }, "not now"],
  ["an overload with 500", { status: 500, body: { type: "error", error: { type: "overloaded_error" } } }, "not now"]
])

cases("a lack of rights is no limit", standard, [
  ["a bare 403", { status: 403 }, "Neutral"],
  ["a bare 401", { status: 401 }, "Neutral"],
  [
    "GitHub",
    {
      status: 403,
      headers: { "x-ratelimit-remaining": "4999", "x-ratelimit-reset": `${epoch + 90}` },
      body: { message: "Resource not accessible by integration" }
    },
    "Neutral"
  ],
  [
    "GitHub, with the last request of the hour",
    {
      status: 403,
      headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${epoch + 90}` },
      body: { message: "Resource not accessible by integration" }
    },
    "Neutral"
  ],
  [
    "Google",
    {
      status: 403,
      body: { error: { code: 403, status: "PERMISSION_DENIED", message: "The caller does not have permission" } }
    },
    "Neutral"
  ],
  [
    "AWS",
    { status: 400, body: { __type: "AccessDeniedException", message: "not authorized to perform this" } },
    "Neutral"
  ],
  [
    "OpenAI",
    { status: 401, body: openAi("Incorrect API key provided", "invalid_api_key", "invalid_request_error") },
    "Neutral"
  ],
  [
    "a parameter that is called like a quota",
    { status: 400, body: { message: "monthly budget must be a number, and the limit per day too" } },
    "Neutral"
  ],
  [
    "a parameter that is called so",
    { status: 400, body: { message: "rate_limit must be an integer: the rate limit of a key is at least 1" } },
    "Neutral"
  ],
  [
    "a bad request",
    {
      status: 400,
      body: openAi(
        "max_tokens is too large: 5000. This model supports at most 4096",
        "invalid_value",
        "invalid_request_error"
      )
    },
    "Neutral"
  ]
])

cases("a spent quota in whose words ever", standard, [
  [
    "OpenAI",
    { status: 429, body: openAi("You exceeded your current quota", "insufficient_quota", "insufficient_quota") },
    "never: insufficient_quota"
  ],
  [
    "Gemini's day",
    { status: 429, body: google(quotaFailure("GenerateRequestsPerDayPerProjectPerModel-FreeTier")) },
    "never: GenerateRequestsPerDayPerProjectPerModel-FreeTier"
  ],
  [
    "DeepSeek",
    {
      status: 402,
      body: { error: { message: "Insufficient Balance", type: "unknown_error", code: "invalid_request_error" } }
    },
    "never: by its message"
  ],
  [
    "OpenRouter",
    { status: 402, body: { error: { code: 402, message: "This account never purchased credits" } } },
    "never: 402"
  ],
  [
    "Anthropic",
    {
      status: 400,
      body: {
        type: "error",
        error: { type: "invalid_request_error", message: "Your credit balance is too low to access the API." }
      }
    },
    "never: by its message"
  ],
  [
    "Moonshot",
    { status: 429, body: { error: { type: "exceeded_current_quota_error", message: "suspended" } } },
    "never: exceeded_current_quota_error"
  ],
  [
    "Alibaba",
    {
      status: 400,
      body: { code: "Arrearage", message: "Access denied, please make sure your account is in good standing." }
    },
    "never: Arrearage"
  ],
  [
    "ElevenLabs",
    { status: 401, body: { detail: { status: "quota_exceeded", message: "You have 3 credits remaining" } } },
    "never: quota_exceeded, if time agrees"
  ],
  [
    "YouTube",
    { status: 403, body: { error: { code: 403, errors: [{ reason: "dailyLimitExceeded" }] } } },
    "never: dailyLimitExceeded"
  ],
  [
    "a month's limit",
    { status: 429, body: { message: "You have reached your monthly request limit" } },
    "never: by its message"
  ]
])

cases("a day's or a month's limit in a sentence", standard, [
  [
    "OpenRouter",
    { status: 429, body: { error: { code: 429, message: "Rate limit exceeded: free-models-per-day" } } },
    "never: by its message"
  ],
  [
    "Cohere",
    { status: 429, body: { message: "You are using a Trial key, which is limited to 1000 API calls / month." } },
    "never: by its message"
  ],
  [
    "Cohere's minute",
    { status: 429, body: { message: "You are using a Trial key, which is limited to 10 API calls / minute." } },
    "not now"
  ],
  [
    "both, and the minute's is meant as likely",
    { status: 429, body: { message: "The limit is 60 requests per minute and 5000 per day." } },
    "never: by its message, if time agrees"
  ],
  [
    "a day's limit that moves on",
    {
      status: 429,
      body: openAi("Rate limit reached on requests per day (RPD): Limit 200, Used 200. Try again in 7m12s.")
    },
    "not now: 432000"
  ]
])

cases("a spent quota that something contradicts", standard, [
  [
    "DashScope's link to its token limit",
    {
      status: 429,
      body: openAi(
        "You exceeded your current quota. For details see https://help.example.com/error-code#token-limit",
        "insufficient_quota",
        "insufficient_quota"
      )
    },
    "never: insufficient_quota, if time agrees"
  ],
  [
    "a short wait in a header",
    { status: 429, headers: { "retry-after": "20" }, body: openAi("quota", "insufficient_quota") },
    "never: insufficient_quota, if time agrees"
  ],
  [
    "a short wait in the body",
    { status: 429, body: google(quotaFailure("RequestsPerDay"), retryInfo("36s")) },
    "never: RequestsPerDay, if time agrees"
  ],
  [
    "a long wait agrees",
    { status: 429, headers: { "retry-after": "40000" }, body: openAi("quota", "insufficient_quota") },
    "never: insufficient_quota"
  ]
])

cases("never for this request", standard, [
  [
    "OpenAI's x-should-retry",
    { status: 429, headers: { "x-should-retry": "false" } },
    "refused: x-should-retry: false"
  ],
  ["Stripe's", { status: 429, headers: { "stripe-should-retry": "false" } }, "refused: stripe-should-retry: false"],
  [
    "OpenAI: larger than the limit",
    {
      status: 429,
      body: openAi(
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45211.",
        "rate_limit_exceeded",
        "tokens"
      )
    },
    "refused: larger than the limit"
  ],
  [
    "Groq's, a 413",
    {
      status: 413,
      body: openAi("Request too large on tokens per minute (TPM): Limit 6000, Requested 8000", "rate_limit_exceeded")
    },
    "refused: larger than the limit"
  ],
  [
    "the same with other words",
    { status: 429, body: { message: "Requested 1,200 tokens, which is over the limit of 1,000" } },
    "refused: larger than the limit"
  ],
  [
    "not: what is used counts as well",
    {
      status: 429,
      body: openAi("Limit 30000, Used 29000, Requested 2500. Please try again in 3s", "rate_limit_exceeded", "tokens")
    },
    "not now: 3000"
  ],
  [
    "OpenRouter: larger than the credit",
    {
      status: 402,
      body: { error: { code: 402, message: "This request requires more credits, or fewer max_tokens." } }
    },
    "refused: larger than the credit"
  ]
])

cases("a conflict that the API asks to send again", standard, [
  ["by x-should-retry", { status: 409, headers: { "x-should-retry": "true" } }, "Lost"],
  ["by stripe-should-retry", { status: 409, headers: { "stripe-should-retry": "true" } }, "Lost"],
  ["not without", { status: 409 }, "Neutral"]
])

cases(
  "lost answers",
  standard,
  [408, 500, 502, 504, 520, 524].map((status) => [
    `${status}`,
    { status, body: "<html>", headers: { "content-type": "text/html" } },
    "Lost"
  ])
)

const known = Classifier.known
const shopify = {
  errors: [{ message: "Throttled", extensions: { code: "THROTTLED" } }],
  extensions: {
    cost: {
      requestedQueryCost: 752,
      throttleStatus: { maximumAvailable: 1000, currentlyAvailable: 602, restoreRate: 50 }
    }
  }
}

const graphQl = { host: "api.github.com", path: "graphql", status: 200 }

cases("providers, known by their host", known, [
  [
    "GitHub's secondary limit without a hint",
    { host: "api.github.com", status: 403, body: { message: "You have exceeded a secondary rate limit." } },
    "not now: 60000"
  ],
  [
    "GitHub's rights",
    { host: "api.github.com", status: 403, body: { message: "Must have admin rights" } },
    "no opinion"
  ],
  [
    "Airtable",
    { host: "api.airtable.com", status: 429, body: { errors: [{ error: "RATE_LIMIT_REACHED" }] } },
    "not now: 30000"
  ],
  ["Airtable without a body", { host: "api.airtable.com", status: 429 }, "not now: 30000"],
  [
    "Airtable's month",
    { host: "api.airtable.com", status: 429, body: { errors: [{ error: "PUBLIC_API_BILLING_LIMIT_EXCEEDED" }] } },
    "never: PUBLIC_API_BILLING_LIMIT_EXCEEDED"
  ],
  [
    "Slack's 200",
    { host: "slack.com", status: 200, body: { ok: false, error: "ratelimited" }, headers: { "retry-after": "3" } },
    "not now: 3000"
  ],
  [
    "Slack's own failure in a 200",
    { host: "slack.com", status: 200, body: { ok: false, error: "internal_error" } },
    "Lost"
  ],
  [
    "Slack's other errors",
    { host: "slack.com", status: 200, body: { ok: false, error: "channel_not_found" } },
    "no opinion"
  ],
  ["Slack, served", { host: "slack.com", status: 200, body: { ok: true } }, "no opinion"],
  ["Shopify's bucket", { host: "x.myshopify.com", status: 200, body: shopify }, "not now: 3000"],
  [
    "Shopify's largest query",
    { host: "x.myshopify.com", status: 200, body: { errors: [{ extensions: { code: "MAX_COST_EXCEEDED" } }] } },
    "refused: MAX_COST_EXCEEDED"
  ],
  [
    "Linear in a 200",
    {
      host: "api.linear.app",
      status: 200,
      body: { errors: [{ extensions: { code: "RATELIMITED" } }] },
      headers: { "x-ratelimit-requests-remaining": "0", "x-ratelimit-requests-reset": `${now + 5_000}` }
    },
    "not now: 5000"
  ],
  [
    "OpenRouter's error in a 200",
    { host: "openrouter.ai", status: 200, body: { error: { code: 429, message: "Provider returned error" } } },
    "not now"
  ],
  [
    "OpenRouter's gateway in a 200",
    { host: "openrouter.ai", status: 200, body: { error: { code: 502, message: "Provider returned error" } } },
    "Lost"
  ],
  [
    "OpenRouter, served",
    { host: "openrouter.ai", status: 200, body: { choices: [{ message: { content: "an error" } }] } },
    "no opinion"
  ],
  [
    "HubSpot's day",
    { host: "api.hubapi.com", status: 429, body: { status: "error", errorType: "RATE_LIMIT", policyName: "DAILY" } },
    "never: DAILY"
  ],
  [
    "HubSpot's ten seconds",
    {
      host: "api.hubapi.com",
      status: 429,
      body: { status: "error", errorType: "RATE_LIMIT", policyName: "TEN_SECONDLY_ROLLING" }
    },
    "not now"
  ],
  [
    "AWS's LimitExceededException",
    { host: "kinesis.us-east-1.amazonaws.com", status: 400, body: { __type: "LimitExceededException" } },
    "not now"
  ],
  [
    "Stripe's lock",
    { host: "api.stripe.com", status: 429, body: { error: { code: "lock_timeout", type: "invalid_request_error" } } },
    "not now"
  ],
  [
    "Notion",
    {
      host: "api.notion.com",
      status: 429,
      body: { object: "error", code: "rate_limited" },
      headers: { "retry-after": "4" }
    },
    "not now: 4000"
  ],
  [
    "Notion's conflict",
    { host: "api.notion.com", status: 409, body: { object: "error", code: "conflict_error" } },
    "Lost"
  ],
  [
    "DashScope",
    {
      host: "dashscope.aliyuncs.com",
      status: 429,
      body: openAi("You exceeded your current quota", "insufficient_quota")
    },
    "not now"
  ],
  [
    "Discord",
    { host: "discord.com", status: 429, body: { message: "You are being rate limited.", retry_after: 0.75 } },
    "not now: 750"
  ],
  [
    "Azure's storage",
    {
      host: "x.blob.core.windows.net",
      status: 503,
      headers: { "content-type": "application/xml" },
      body: "<?xml version='1.0'?><Error><Code>ServerBusy</Code></Error>"
    },
    "not now"
  ],
  [
    "Anthropic",
    { host: "api.anthropic.com", status: 529, body: { type: "error", error: { type: "overloaded_error" } } },
    "not now"
  ],
  [
    "another host",
    { host: "api.test", status: 403, body: { message: "You have exceeded a secondary rate limit." } },
    "no opinion"
  ],
  [
    "GitHub's GraphQL, which says it in a 200",
    {
      ...graphQl,
      body: { errors: [{ type: "RATE_LIMITED", message: "API rate limit exceeded for user ID 1." }] },
      headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": `${epoch + 40}` }
    },
    "not now: 40000"
  ],
  [
    "GitHub's GraphQL, a secondary limit without a hint",
    { ...graphQl, body: { errors: [{ message: "You have exceeded a secondary rate limit." }] } },
    "not now: 60000"
  ],
  [
    "GitHub's GraphQL, served in part: what was asked for is no error",
    {
      ...graphQl,
      body: { data: { issue: { title: "rate limit" } }, errors: [{ type: "NOT_FOUND", message: "no such node" }] }
    },
    "no opinion"
  ],
  [
    "GitHub's REST, where a 200 is a 200",
    { host: "api.github.com", status: 200, body: { errors: [{ type: "RATE_LIMITED" }] } },
    "no opinion"
  ],
  [
    "a 200 that is no JSON",
    {
      host: "slack.com",
      status: 200,
      headers: { "content-type": "text/plain" },
      body: '{"ok":false,"error":"ratelimited"}'
    },
    "no opinion"
  ],
  ...["credit_balance_exhausted", "organization_usage_limit_exceeded", "project_spend_limit_exceeded"].map(
    (code): readonly [string, Given, string] => [
      `OpenAI's ${code}`,
      { host: "api.openai.com", status: 429, body: openAi("You exceeded your quota", code, "insufficient_quota") },
      `never: ${code}`
    ]
  ),
  [
    "OpenAI's slow_down",
    { host: "api.openai.com", status: 429, body: openAi("Slow down", "slow_down", "rate_limit_error") },
    "not now"
  ],
  [
    "OpenAI: larger than the limit, with the code for a rate",
    {
      host: "api.openai.com",
      status: 429,
      body: openAi(
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45211.",
        "rate_limit_exceeded",
        "tokens"
      )
    },
    "refused: larger than the limit"
  ],
  [
    "OpenAI's x-should-retry, with the code for a rate",
    {
      host: "api.openai.com",
      status: 429,
      headers: { "x-should-retry": "false" },
      body: openAi("Rate limit reached")
    },
    "refused: x-should-retry: false"
  ],
  [
    "Anthropic's month",
    {
      host: "api.anthropic.com",
      status: 429,
      body: {
        type: "error",
        error: { type: "rate_limit_error", message: "spent", details: { error_code: "enforced_spend_limit_reached" } }
      }
    },
    "never: enforced_spend_limit_reached"
  ],
  [
    "Anthropic's limit of one's own",
    {
      host: "api.anthropic.com",
      status: 400,
      body: {
        type: "error",
        error: {
          type: "invalid_request_error",
          message: "You have reached your specified workspace API usage limits. You will regain access on 2027-02-01."
        }
      }
    },
    "never: by its message"
  ],
  [
    "OpenRouter's budget in flight, a 402 that is over soon",
    {
      host: "openrouter.ai",
      status: 402,
      headers: { "retry-after": "4" },
      body: {
        error: {
          code: 402,
          message: "This request would exceed your available credits given your current in-flight requests.",
          metadata: { reason: "in_flight_budget_exhausted", limit_source: "openrouter_in_flight_budget" }
        }
      }
    },
    "not now: 4000"
  ],
  [
    "OpenRouter: larger than the budget",
    {
      host: "openrouter.ai",
      status: 402,
      body: { error: { code: 402, metadata: { reason: "weight_exceeds_budget", limit_source: "openrouter_credits" } } }
    },
    "refused: weight_exceeds_budget"
  ],
  [
    "OpenRouter's budget of a workspace, a 403",
    {
      host: "openrouter.ai",
      status: 403,
      body: { error: { code: 403, metadata: { limit_source: "openrouter_workspace_budget" } } }
    },
    "never: openrouter_workspace_budget"
  ],
  [
    "Google's day, with the code for a rate",
    {
      host: "sheets.googleapis.com",
      status: 429,
      body: google({ reason: "RATE_LIMIT_EXCEEDED", metadata: { quota_limit: "ReadRequestsPerDayPerProject" } })
    },
    "never: ReadRequestsPerDayPerProject"
  ],
  [
    "Google's minute, with the same code",
    {
      host: "sheets.googleapis.com",
      status: 429,
      body: google({ reason: "RATE_LIMIT_EXCEEDED", metadata: { quota_limit: "ReadRequestsPerMinutePerUser" } })
    },
    "not now"
  ],
  [
    "Google's failure",
    { host: "www.googleapis.com", status: 503, body: { error: { code: 503, errors: [{ reason: "backendError" }] } } },
    "Lost"
  ],
  [
    "Notion's overload",
    {
      host: "api.notion.com",
      status: 529,
      body: { object: "error", code: "service_overload" },
      headers: { "retry-after": "7" }
    },
    "not now: 7000"
  ],
  [
    "Bedrock's quota of the account, which may be asked for later",
    { host: "bedrock-runtime.us-east-1.amazonaws.com", status: 400, body: { __type: "ServiceQuotaExceededException" } },
    "no opinion"
  ],
  [
    "Shopify without a code",
    { host: "x.myshopify.com", status: 200, body: { errors: [{ message: "Throttled" }] } },
    "not now"
  ],
  [
    "DashScope's unpaid bill",
    { host: "dashscope.aliyuncs.com", status: 429, body: { code: "PrepaidBillOverdue", message: "overdue" } },
    "never: PrepaidBillOverdue"
  ]
])

describe("classifiers for hosts", () => {
  it.effect("are picked by name, or by the longest end, and compose with the standard one", () =>
    Effect.gen(function* () {
      const say =
        (code: string): Classifier.Classifier =>
        () =>
          Effect.succeedSome(Classifier.refused(code))
      const classify = Classifier.all(
        Classifier.forHost({ "a.test": say("a"), ".test": say("end"), ".long.test": say("longer") })
      )
      const hosts = ["a.test", "b.test", "x.long.test", "test", "other"]
      assert.deepStrictEqual(yield* Effect.forEach(hosts, (host) => judge(classify, { host, status: 429 })), [
        "refused: a",
        "refused: end",
        "refused: longer",
        "not now",
        "not now"
      ])
    })
  )
})

describe("the table of providers in docs/HTTP.md", () => {
  it("says what the profiles say", () => {
    const list = (codes: ReadonlyArray<string> = []) => codes.map((code) => `\`${code}\``).join(", ")
    const rows = Object.entries(Classifier.providers).map(([provider, { lost, never, notNow, refused, waitFrom }]) =>
      [`\`${provider}\``, list(notNow), list([...(never ?? []), ...(refused ?? [])]), list(lost), waitFrom].join(" | ")
    )
    const cells = (line: string) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
        .join(" | ")
    const [, table = ""] = readFileSync("docs/HTTP.md", "utf8").split("<!-- providers -->")
    assert.deepStrictEqual(table.trim().split("\n").slice(2).map(cells), rows)
  })

  it("is followed by where each profile's facts come from", () => {
    const [, list = ""] = readFileSync("docs/HTTP.md", "utf8").split("<!-- sources -->")
    const named = list
      .trim()
      .split(/^- /m)
      .slice(1)
      .map((line) => /^`(\w+)`: .*\(https:/s.exec(line)?.[1])
    assert.deepStrictEqual(named, Object.keys(Classifier.providers))
  })
})
