/**
 * What providers document about their limits, as a table: only what each says in its own words.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"

/**
 * What a provider documents. Upper and lower case in codes make no difference.
 *
 * @since 0.2.0
 * @category models
 */
export interface Facts {
  /** A host, or the end of one, which begins with a dot. */
  readonly hosts: ReadonlyArray<string>
  /** Codes that mean "not now", whatever the status. */
  readonly notNow?: ReadonlyArray<string>
  /** Codes that mean "never for this account". */
  readonly never?: ReadonlyArray<string>
  /** Codes that mean "never for this request". */
  readonly refused?: ReadonlyArray<string>
  /** Codes that mean that nobody knows what was done. */
  readonly lost?: ReadonlyArray<string>
  /** A sentence that means "not now". */
  readonly says?: RegExp
  /** A sentence that means "never for this account". */
  readonly saysNever?: RegExp
  /** Statuses that mean "not now" where the headers say that nothing remains. */
  readonly spentStatuses?: ReadonlyArray<number>
  /** How long to wait where the answer does not say. */
  readonly pause?: Duration.DurationInput
  /** Whether an error may come in a JSON answer with status 200; an expression limits that to URLs that it matches. */
  readonly inside200?: boolean | RegExp
  /** Where the wait is read from, in a few words. */
  readonly waitFrom: string
}

const facts = {
  airtable: {
    hosts: ["api.airtable.com"],
    notNow: ["RATE_LIMIT_REACHED", "TOO_MANY_REQUESTS"],
    never: ["PUBLIC_API_BILLING_LIMIT_EXCEEDED"],
    pause: "30 seconds",
    waitFrom: "30 s"
  },
  anthropic: {
    hosts: ["api.anthropic.com"],
    notNow: ["rate_limit_error", "overloaded_error"],
    never: ["billing_error", "enforced_spend_limit_reached"],
    saysNever: /reached your specified (\w+ )?api usage limits/i,
    refused: ["request_too_large"],
    lost: ["api_error", "timeout_error"],
    waitFrom: "`retry-after`, `anthropic-ratelimit-*`"
  },
  aws: {
    hosts: [".amazonaws.com", ".api.aws"],
    notNow: [
      "Throttling",
      "ThrottlingException",
      "ThrottledException",
      "RequestThrottled",
      "RequestThrottledException",
      "TooManyRequestsException",
      "ProvisionedThroughputExceededException",
      "RequestLimitExceeded",
      "BandwidthLimitExceeded",
      "LimitExceededException",
      "SlowDown",
      "PriorRequestNotComplete",
      "TransactionInProgressException",
      "EC2ThrottledException",
      "ServiceUnavailableException",
      "ModelNotReadyException"
    ],
    lost: [
      "InternalServerException",
      "InternalFailure",
      "InternalError",
      "ModelTimeoutException",
      "RequestTimeout",
      "RequestTimeoutException"
    ],
    waitFrom: "`retry-after`, else the law"
  },
  azure: {
    hosts: [".azure.com", ".windows.net"],
    notNow: ["TooManyRequests", "ServerBusy", "RateLimitReached", "SubscriptionRequestsThrottled"],
    never: ["QuotaExceeded"],
    lost: ["OperationTimedOut", "InternalError", "InternalServerError", "GatewayTimeout"],
    waitFrom: "`retry-after-ms`, `x-ms-retry-after-ms`, `retry-after`"
  },
  dashScope: {
    hosts: ["dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"],
    notNow: [
      "Throttling",
      "Throttling.RateQuota",
      "Throttling.BurstRate",
      "Throttling.AllocationQuota",
      "Throttling.Concurrency",
      "insufficient_quota",
      "limit_requests",
      "LimitRequests",
      "limit_burst_rate"
    ],
    never: [
      "Arrearage",
      "AllocationQuota.FreeTierOnly",
      "CommodityNotPurchased",
      "PrepaidBillOverdue",
      "PostpaidBillOverdue"
    ],
    waitFrom: "the law"
  },
  discord: {
    hosts: ["discord.com", "discordapp.com"],
    says: /rate limited/i,
    waitFrom: "`retry-after`, `x-ratelimit-reset-after`, `retry_after` in the body"
  },
  github: {
    hosts: ["api.github.com", "uploads.github.com"],
    notNow: ["RATE_LIMITED", "RATE_LIMIT"],
    says: /rate limit|abuse detection/i,
    spentStatuses: [403],
    pause: "1 minute",
    inside200: /\/graphql\b/,
    waitFrom: "`retry-after`, `x-ratelimit-reset` once nothing remains, else 60 s"
  },
  google: {
    hosts: [".googleapis.com"],
    notNow: ["rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED", "OVER_QUERY_LIMIT"],
    never: [
      "dailyLimitExceeded",
      "dailyLimitExceededUnreg",
      "OVER_DAILY_LIMIT",
      "billingDisabled",
      "BILLING_DISABLED",
      "accountDisabled"
    ],
    lost: ["INTERNAL", "DEADLINE_EXCEEDED", "backendError"],
    inside200: /\/maps\/api\//,
    waitFrom: "`RetryInfo` in the body, `retry-after`"
  },
  hubspot: {
    hosts: ["api.hubapi.com"],
    notNow: ["RATE_LIMIT", "RATE_LIMITS", "TEN_SECONDLY_ROLLING", "SECONDLY"],
    never: ["DAILY"],
    waitFrom: "`retry-after`, else the law"
  },
  linear: {
    hosts: ["api.linear.app"],
    notNow: ["RATELIMITED"],
    spentStatuses: [400],
    inside200: true,
    waitFrom: "`x-ratelimit-*-reset`, `retry-after`"
  },
  monday: {
    hosts: ["api.monday.com"],
    notNow: [
      "ComplexityException",
      "complexityBudgetExhausted",
      "COMPLEXITY_BUDGET_EXHAUSTED",
      "RateLimitExceeded",
      "maxConcurrencyExceeded",
      "IP_RATE_LIMIT_EXCEEDED"
    ],
    never: ["DAILY_LIMIT_EXCEEDED"],
    refused: ["maxComplexityExceeded"],
    inside200: true,
    waitFrom: "`retry-after`, `retry_in_seconds` or the message"
  },
  notion: {
    hosts: ["api.notion.com"],
    notNow: ["rate_limited", "service_overload", "service_unavailable", "database_connection_unavailable"],
    lost: ["conflict_error", "internal_server_error", "gateway_timeout"],
    waitFrom: "`retry-after`"
  },
  openAi: {
    hosts: ["api.openai.com"],
    notNow: ["rate_limit_exceeded", "slow_down", "server_is_overloaded", "tokens", "requests"],
    never: [
      "credit_balance_exhausted",
      "organization_spend_limit_exceeded",
      "organization_usage_limit_exceeded",
      "project_spend_limit_exceeded",
      "billing_hard_limit_reached",
      "billing_not_active",
      "account_deactivated"
    ],
    lost: ["server_error"],
    waitFrom: "`retry-after-ms`, `retry-after`, `x-ratelimit-reset-*`, the message"
  },
  openRouter: {
    hosts: ["openrouter.ai"],
    notNow: ["openrouter_in_flight_budget", "in_flight_budget_exhausted"],
    never: ["openrouter_key_limit", "openrouter_guardrail_budget", "openrouter_workspace_budget"],
    refused: ["weight_exceeds_budget"],
    inside200: true,
    waitFrom: "`retry-after`, `metadata.headers` in the body"
  },
  salesforce: {
    hosts: [".salesforce.com", ".force.com"],
    notNow: ["REQUEST_LIMIT_EXCEEDED", "SERVER_UNAVAILABLE"],
    saysNever: /total ?requests limit exceeded/i,
    waitFrom: "the law"
  },
  shopify: {
    hosts: [".myshopify.com"],
    notNow: ["THROTTLED"],
    says: /^throttled$/i,
    refused: ["MAX_COST_EXCEEDED"],
    lost: ["INTERNAL_SERVER_ERROR", "TIMEOUT"],
    inside200: true,
    waitFrom: "`retry-after`; GraphQL: the cost and `restoreRate`"
  },
  slack: {
    hosts: ["slack.com"],
    notNow: ["ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable"],
    lost: ["internal_error", "fatal_error", "request_timeout"],
    inside200: true,
    waitFrom: "`retry-after`"
  },
  stripe: {
    hosts: ["api.stripe.com"],
    notNow: ["rate_limit", "lock_timeout", "idempotency_key_in_use"],
    lost: ["api_error"],
    waitFrom: "`retry-after`, else the law"
  }
} as const satisfies { readonly [provider: string]: Facts }

/**
 * The providers that are known.
 *
 * @since 0.2.0
 * @category models
 */
export type Provider = keyof typeof facts

/**
 * What is known of each provider.
 *
 * @since 0.2.0
 * @category constants
 */
export const providers: { readonly [provider in Provider]: Facts } = facts
