/** What spans cost. */
import { Effect, Option, Tracer } from "effect"
import type { Run } from "./contenders.js"
import { batch, concurrency, effectForEach, executeBatch, hop, withPool } from "./contenders.js"
import { median, named, race } from "./measure.js"
import type { Section } from "./report.js"
import { number, table } from "./report.js"
import type { Sizes } from "./sizes.js"

/** A tracer whose spans do nothing; it counts them. */
const idleTracer = (): { readonly tracer: Tracer.Tracer; readonly opened: () => number } => {
  let opened = 0
  const tracer = Tracer.make({
    span: (name, parent, context, links, startTime, kind) => ({
      _tag: "Span",
      name,
      spanId: String(++opened),
      traceId: Option.match(parent, { onNone: () => "trace", onSome: ({ traceId }) => traceId }),
      parent,
      context,
      status: { _tag: "Started", startTime },
      attributes: new Map(),
      links: [...links],
      sampled: true,
      kind,
      end: () => undefined,
      attribute: () => undefined,
      event: () => undefined,
      addLinks: () => undefined
    }),
    context: (run) => run()
  })
  return { tracer, opened: () => opened }
}

const traced =
  (
    spans: (rows: number) => number,
    run: (rows: ReadonlyArray<number>, tracer: Tracer.Tracer) => ReturnType<Run>
  ): Run =>
  async (rows) => {
    const { opened, tracer } = idleTracer()
    const results = await run(rows, tracer)
    if (opened() !== spans(rows.length)) {
      throw new Error(`${opened()} spans for ${rows.length} rows, expected ${spans(rows.length)}`)
    }
    return results
  }

const spanned = (row: number): Effect.Effect<number> => Effect.withSpan(hop.effect(row), "row")

const tracedBatch = traced(
  (rows) => 1 + 2 * rows,
  (rows, tracer) => withPool((pool) => Effect.withTracer(batch(pool, rows, hop.effect), tracer))
)

const tracedForEach = traced(
  (rows) => rows,
  async (rows, tracer) => {
    const results = await Effect.runPromise(Effect.withTracer(Effect.forEach(rows, spanned, { concurrency }), tracer))
    return () => results
  }
)

export const tracing = async (sizes: Sizes): Promise<Section> => {
  const { rows } = sizes
  const lines = [
    { name: "`executeBatch`, no tracer", spans: 0, run: executeBatch(hop.effect) },
    { name: "`executeBatch`, idle tracer", spans: 2, run: tracedBatch },
    { name: "`Effect.forEach`, no span", spans: 0, run: effectForEach(hop.effect) },
    { name: "`Effect.forEach` with `withSpan`, no tracer", spans: 1, run: effectForEach(spanned) },
    { name: "`Effect.forEach` with `withSpan`, idle tracer", spans: 1, run: tracedForEach }
  ]
  const timings = await race(
    lines.map(({ name, run }) => ({ name, rows, run })),
    sizes.short
  )
  const micros = (name: string): number => median(named(timings, name).rounds)
  let bare = NaN
  return {
    title: "Tracing",
    text: table(
      ["one hop a row", "spans a row", "µs a row", "µs a span"],
      lines.map(({ name, spans }) => {
        // Each line without spans is the measure of those that follow it.
        if (spans === 0) bare = micros(name)
        return [name, String(spans), number(micros(name)), spans === 0 ? "" : number((micros(name) - bare) / spans)]
      })
    ),
    targets: []
  }
}
