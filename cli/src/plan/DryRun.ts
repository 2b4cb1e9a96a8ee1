/** What a run would be like, in virtual time: the real pool and law, and a simulated API with the limits that the user names. */
import { Duration, Effect, Stream } from "effect"
import { Latency, type Report, ServerModel, Simulation } from "effect-aimd/testing"
import { InputError } from "../Failure.js"
import * as Input from "../input/Input.js"
import type { Row } from "../input/Row.js"
import { money, span } from "../output/ProgressLine.js"
import * as Money from "../run/Money.js"
import type { Limit } from "../Words.js"

/** So many rows are simulated; what is beyond goes on at the rate of the second half. */
const most = 5000

export interface Options {
  readonly input: Input.Input
  readonly limits: ReadonlyArray<Limit>
  readonly latency: Duration.Duration
  readonly poolSize: number
  readonly prices: Money.Prices | undefined
}

export interface Forecast {
  readonly rows: number
  readonly simulated: number
  readonly server: string
  readonly poolSize: number
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly rejected: number
  /** 1 is as fast as the limits allow. */
  readonly shareOfIdeal: number
  /** The most that the rows can cost; null without prices, or where rows set no bound to the answer. */
  readonly costAtMost: number | null
}

/** A token of English text has about four bytes. */
const bytesPerToken = 4

const tokensOf = (row: Row): number => {
  const { input, output = 0 } = Money.boundOf(row)
  return Math.max(1, Math.ceil(input / bytesPerToken) + output)
}

/** A bucket that fills evenly. Of requests it holds a second's worth, of tokens all of a period, as a row may take many. */
const modelOf = (limit: Limit): ServerModel.ServerModel => {
  if (limit.unit === "at once") return ServerModel.concurrencyCap({ cap: limit.count })
  const rate = (limit.count * 1000) / limit.perMillis
  const burst = limit.unit === "tokens" ? limit.count : Math.max(1, Math.min(rate, limit.count))
  return ServerModel.tokenBucket({ rate, burst, unit: limit.unit })
}

interface Seen {
  readonly count: number
  readonly tokens: ReadonlyArray<number>
  readonly cost: number | undefined
}

const see =
  (prices: Money.Prices | undefined) =>
  (seen: Seen, row: Row): Seen => {
    const { input, output = prices?.output === 0 ? 0 : undefined } = Money.boundOf(row)
    const bound = prices === undefined || output === undefined ? undefined : Money.costOf(prices, { input, output })
    const tokens = seen.tokens as Array<number>
    if (tokens.length < most) tokens.push(tokensOf(row))
    return {
      count: seen.count + 1,
      tokens,
      cost: bound === undefined || seen.cost === undefined ? undefined : seen.cost + bound
    }
  }

/** How long the rows beyond those that were simulated take, and how many rejections there are. */
const extend = (report: Report.Report, rows: number) => {
  const { bins, width } = report.timeline
  const late = bins.slice(Math.floor(bins.length / 2))
  const served = late.reduce((sum, { successes }) => sum + successes, 0)
  const rejected = late.reduce((sum, { rejections }) => sum + rejections, 0)
  const beyond = rows - report.rows
  const millis = served === 0 ? Infinity : (beyond * late.length * width) / served
  return { millis, rejections: served === 0 ? 0 : (rejected / served) * beyond }
}

/** Simulates a run. Nothing is sent. */
export const forecast = (options: Options): Effect.Effect<Forecast, InputError> =>
  Effect.gen(function* () {
    const { input, latency, limits, poolSize, prices } = options
    const seen = yield* Stream.runFold(Input.rows(input, true), { count: 0, tokens: [], cost: 0 } as Seen, see(prices))
    if (seen.count === 0) return yield* new InputError({ message: "there is no row in the input" })
    const model = ServerModel.all(...limits.map(modelOf))
    const report = Simulation.report(
      {
        api: { model, latency: Latency.logNormal(Duration.toMillis(latency)), hints: "milliseconds" },
        clients: [
          { pool: { poolSize }, workload: [{ kind: "batch", rows: seen.tokens.map((tokens) => ({ tokens })) }] }
        ]
      },
      { checkers: [] }
    )
    const beyond = seen.count > report.rows ? extend(report, seen.count) : { millis: 0, rejections: 0 }
    const millis = report.makespan + beyond.millis
    return {
      rows: seen.count,
      simulated: report.rows,
      server: limits.length === 0 ? "without a limit" : report.server,
      poolSize,
      seconds: Math.round(millis / 10) / 100,
      rowsPerSecond: Math.round((seen.count * 100_000) / millis) / 100,
      rejected: Math.round(report.rejections + beyond.rejections),
      shareOfIdeal: Math.round(report.shareOfIdeal * 1000) / 1000,
      costAtMost: prices === undefined ? null : (seen.cost ?? null)
    }
  })

/** A forecast for people. */
export const format = (forecast: Forecast): string => {
  const { costAtMost, poolSize, rejected, rows, rowsPerSecond, seconds, server, shareOfIdeal, simulated } = forecast
  const rest = simulated < rows ? ` (${simulated.toLocaleString("en-US")} simulated, the rest at the same rate)` : ""
  return [
    `Nothing was sent. ${rows.toLocaleString("en-US")} rows${rest} to an API ${server}, at most ${poolSize} at once:`,
    `about ${span(seconds * 1000)}, ${rowsPerSecond} rows/s, ${Math.round(shareOfIdeal * 100)} % of what the limits allow`,
    `about ${rejected.toLocaleString("en-US")} requests rejected on the way, and sent again`,
    ...(costAtMost === null ? [] : [`at most ${money(costAtMost)} to pay`])
  ].join("\n")
}
