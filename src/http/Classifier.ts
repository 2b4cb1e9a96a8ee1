/**
 * What an answer means to the pool: served, not now, never for this account, never for this request, lost, or none of the
 * pool's business.
 *
 * @since 0.2.0
 */

/**
 * @since 0.2.0
 */
export {
  type Answer,
  capacity,
  type Classifier,
  firstOf,
  forHost,
  lost,
  neutral,
  quotaExhausted,
  refused,
  served,
  type Verdict
} from "./Verdict.js"

/**
 * @since 0.2.0
 */
export { byQuota, byStatus, byWords, standard } from "./Standard.js"

/**
 * @since 0.2.0
 */
export {
  airtable,
  all,
  anthropic,
  aws,
  azure,
  dashScope,
  discord,
  github,
  google,
  hubspot,
  known,
  linear,
  notion,
  openAi,
  openRouter,
  providers,
  shopify,
  slack,
  stripe
} from "./Profile.js"
