/**
 * What an answer means to the pool: served, not now, never for this account, never for this request, lost, or nothing
 * about capacity.
 *
 * @since 0.2.0
 */

export {
  /**
   * An answer as a classifier sees it.
   *
   * @since 0.2.0
   * @category models
   */
  type Answer,
  /**
   * The API has no capacity now. Without a `retryAfter` of its own, the wait is read from the headers and the body.
   *
   * @since 0.2.0
   * @category verdicts
   */
  capacity,
  /**
   * Says what an answer means, or returns `None` to leave that to the next classifier.
   *
   * @since 0.2.0
   * @category models
   */
  type Classifier,
  /**
   * Asks one classifier after the other until one has a verdict.
   *
   * @since 0.2.0
   * @category combinators
   */
  firstOf,
  /**
   * Chooses a classifier by the host of the request: an exact name, or the end of a name, which begins with a dot, such
   * as `.openai.azure.com`. If several ends fit, the longest counts. Returns `None` for other hosts.
   *
   * @since 0.2.0
   * @category combinators
   */
  forHost,
  /**
   * Nobody knows whether the work was done.
   *
   * @since 0.2.0
   * @category verdicts
   */
  lost,
  /**
   * The answer says nothing about capacity.
   *
   * @since 0.2.0
   * @category verdicts
   */
  neutral,
  /**
   * The quota or the credit is used up. `code` is the word in the answer that says so, and shows in the error. If
   * `isSure` is false, it is believed only when it is said again later. Default true.
   *
   * @since 0.2.0
   * @category verdicts
   */
  quotaExhausted,
  /**
   * This request will never be served, however long you wait. `code` is the word in the answer that says so, and shows
   * in the error.
   *
   * @since 0.2.0
   * @category verdicts
   */
  refused,
  /**
   * The API did its work.
   *
   * @since 0.2.0
   * @category verdicts
   */
  served,
  /**
   * What an answer means.
   *
   * @since 0.2.0
   * @category models
   */
  type Verdict
} from "./Verdict.js"

export {
  /**
   * Among the answers with the given statuses, finds those that no wait will change: `QuotaExhausted` and `Refused`.
   *
   * @since 0.2.0
   * @category classifiers
   */
  byQuota,
  /**
   * Looks only at the status. The given statuses (default 429, 503 and 529) mean no capacity. 408, 500, 502, 504 and
   * 520 to 524 mean a lost answer. A status under 400 is served, and all others are neutral.
   *
   * @since 0.2.0
   * @category classifiers
   */
  byStatus,
  /**
   * Looks at the words of an error: JSON codes and sentences, `x-should-retry` and `stripe-should-retry`,
   * `retry-after`. It decides only if the words mean the same at every API: that a rate is exceeded, that the account
   * has nothing left, or that this request will never be served.
   *
   * @since 0.2.0
   * @category classifiers
   */
  byWords,
  /**
   * {@link byWords}, then {@link byStatus}: the default of a pooled client. It never takes missing rights for a limit.
   *
   * @since 0.2.0
   * @category classifiers
   */
  standard
} from "./Standard.js"

export {
  /**
   * Airtable: 429, then a wait of thirty seconds, which no header tells.
   *
   * @since 0.2.0
   * @category profiles
   */
  airtable,
  /**
   * Combines profiles and your own classifiers: each is asked in turn, and `Classifier.standard()` decides what none of
   * them knows.
   *
   * @since 0.2.0
   * @category combinators
   */
  all,
  /**
   * Anthropic: `rate_limit_error` (429), `overloaded_error` (529), in streams too.
   *
   * @since 0.2.0
   * @category profiles
   */
  anthropic,
  /**
   * Amazon Web Services: throttling with 400, 403 or 503, by the code in the body or in `x-amzn-errortype`.
   *
   * @since 0.2.0
   * @category profiles
   */
  aws,
  /**
   * Azure, also Azure OpenAI: 429 and 503 with `retry-after-ms` or `x-ms-retry-after-ms`.
   *
   * @since 0.2.0
   * @category profiles
   */
  azure,
  /**
   * Alibaba's DashScope (Model Studio), which says `insufficient_quota` for a limit of a minute.
   *
   * @since 0.2.0
   * @category profiles
   */
  dashScope,
  /**
   * Discord: 429 with `retry_after` in seconds.
   *
   * @since 0.2.0
   * @category profiles
   */
  discord,
  /**
   * GitHub: 403 or 429 for its primary and secondary limits, and GraphQL errors in a 200. A 403 about rights is no
   * limit.
   *
   * @since 0.2.0
   * @category profiles
   */
  github,
  /**
   * Google, also Gemini: 429 with `RetryInfo` in the body, 403 with `rateLimitExceeded`, a day's quota by `quotaId`.
   *
   * @since 0.2.0
   * @category profiles
   */
  google,
  /**
   * HubSpot: 429 whose `policyName` says which limit it is.
   *
   * @since 0.2.0
   * @category profiles
   */
  hubspot,
  /**
   * Chooses the provider by the host of the request. Returns `None` for hosts that are not known.
   *
   * @since 0.2.0
   * @category classifiers
   */
  known,
  /**
   * Linear: 400 with the code `RATELIMITED`.
   *
   * @since 0.2.0
   * @category profiles
   */
  linear,
  /**
   * monday.com: an error inside a 200 that says in how many seconds the complexity budget is full again.
   *
   * @since 0.2.0
   * @category profiles
   */
  monday,
  /**
   * Notion: 429 `rate_limited` with `retry-after`.
   *
   * @since 0.2.0
   * @category profiles
   */
  notion,
  /**
   * OpenAI: 429 for requests, tokens and a spent quota.
   *
   * @since 0.2.0
   * @category profiles
   */
  openAi,
  /**
   * OpenRouter: 429 with the headers in the body, 402 for the credit and for requests in flight, and errors inside a
   * 200.
   *
   * @since 0.2.0
   * @category profiles
   */
  openRouter,
  /**
   * Salesforce: 403 with `REQUEST_LIMIT_EXCEEDED`, for the calls of a day (which ends the batch) and for calls at once.
   *
   * @since 0.2.0
   * @category profiles
   */
  salesforce,
  /**
   * Shopify: 429 for REST; GraphQL says `THROTTLED` in a 200, with what the bucket holds.
   *
   * @since 0.2.0
   * @category profiles
   */
  shopify,
  /**
   * Slack: 429 with `retry-after`, or a 200 with `ok: false` and `ratelimited`.
   *
   * @since 0.2.0
   * @category profiles
   */
  slack,
  /**
   * Stripe: 429 for its rate and for objects that are locked.
   *
   * @since 0.2.0
   * @category profiles
   */
  stripe
} from "./Profile.js"

export {
  /**
   * What is known of each provider.
   *
   * @since 0.2.0
   * @category constants
   */
  providers
} from "./Provider.js"
