/** Records what a program shows to the outside: spans, log lines, metrics. */
import { Effect, Layer, Logger, LogLevel, Metric, MetricState, Option, Tracer, type Context, type Exit } from "effect"

/** A span as a tracer saw it; instants in milliseconds. */
export interface SeenSpan {
  readonly name: string
  readonly parent: string | undefined
  readonly attributes: Record<string, unknown>
  readonly start: number
  end: number | undefined
  exit: Exit.Exit<unknown, unknown> | undefined
}

const millis = (nanos: bigint) => Number(nanos) / 1_000_000

/** A tracer that keeps its spans. */
export const makeTracer = () => {
  const spans: Array<SeenSpan> = []
  const span: Tracer.Tracer["span"] = (name, parent, context: Context.Context<never>, links, startTime, kind) => {
    const attributes = new Map<string, unknown>()
    const seen: SeenSpan = {
      name,
      parent: Option.match(parent, {
        onNone: () => undefined,
        onSome: (above) => (above._tag === "Span" ? above.name : "external")
      }),
      get attributes() {
        return Object.fromEntries(attributes)
      },
      start: millis(startTime),
      end: undefined,
      exit: undefined
    }
    spans.push(seen)
    return {
      _tag: "Span",
      name,
      spanId: `span-${spans.length}`,
      traceId: "trace",
      parent,
      context,
      status: { _tag: "Started", startTime },
      attributes,
      links,
      sampled: true,
      kind,
      end: (endTime, exit) => {
        if (seen.end !== undefined) throw new Error(`span ${name} ended twice`)
        seen.end = millis(endTime)
        seen.exit = exit
      },
      attribute: (key, value) => void attributes.set(key, value),
      event: () => undefined,
      addLinks: () => undefined
    }
  }
  return { spans, tracer: Tracer.make({ span, context: (f) => f() }) }
}

/** Collects log lines as `LEVEL message`. */
export const makeLogger = () => {
  const lines: Array<string> = []
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    lines.push(`${logLevel.label} ${Array.isArray(message) ? message.join(" ") : String(message)}`)
  })
  return { lines, layer: Layer.merge(Logger.add(logger), Logger.minimumLogLevel(LogLevel.Trace)) }
}

/** The count, value or sum of a metric of one pool. */
export const metricOf = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, pool: string) =>
  Effect.map(Metric.value(Metric.tagged(metric, "pool", pool)), (state): number => {
    if (MetricState.isCounterState(state)) return Number(state.count)
    if (MetricState.isGaugeState(state)) return Number(state.value)
    return MetricState.isHistogramState(state) ? state.sum : NaN
  })
