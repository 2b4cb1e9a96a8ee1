/**
 * The page of a recording.
 *
 * @since 0.2.0
 */
import * as Drawing from "./Drawing.js"
import * as Figures from "./Figures.js"
import { element, escaped, round } from "./Markup.js"
import * as Recording from "./Recording.js"
import type { Cause } from "./Recording.js"
import * as Remembered from "./Remembered.js"
import type { Spread } from "./Spread.js"
import { css, script, widths } from "./Style.js"

/**
 * How a page is headed.
 *
 * @since 0.2.0
 * @category models
 */
export interface Options {
  /** Default the name of the pool. */
  readonly title?: string | undefined
  /** What else a reader should know of the run, by name: the model, the file, the API. Default nothing. */
  readonly facts?: { readonly [name: string]: string } | undefined
}

const { number, percent, span } = Figures

const perSecond = (rate: number): string => `${number(rate)}/s`
const share = (part: number, whole: number): string => percent(whole === 0 ? 0 : part / whole)
const times = (count: number, one: string, many = `${one}s`): string => `${number(count)} ${count === 1 ? one : many}`

/** `free` text may break anywhere; `more` is shown where the screen is wide. */
interface Column {
  readonly name: string
  readonly kind?: "number" | "free" | "number more"
}

/** A table of markup. */
const table = (caption: string, columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const kind = (index: number) => {
    const { kind } = columns[index] ?? {}
    return kind === undefined ? {} : { class: kind }
  }
  const head = columns.map(({ name }, index) => element("th", { scope: "col", ...kind(index) }, name || " "))
  const body = rows.map((cells) =>
    element("tr", {}, cells.map((cell, index) => element("td", kind(index), cell || " ")).join(""))
  )
  return element(
    "table",
    {},
    element("caption", {}, caption) +
      element("thead", {}, element("tr", {}, head.join(""))) +
      element("tbody", {}, body.join("\n"))
  )
}

const section = (id: string, title: string, ...content: ReadonlyArray<string>): string =>
  element(
    "section",
    { "aria-labelledby": id },
    `\n${[element("h2", { id }, title), ...content].filter((part) => part !== "").join("\n")}\n`
  )

const paragraph = (text: string): string => element("p", {}, text)

const summary = (recording: Recording.Recording): string => {
  const { attempts, from, rejections, rows, timeline, until } = recording
  const ended = rows.succeeded + rows.failed
  const here = ended - rows.recalled
  const served = timeline.bins.reduce((sum, { successes }) => sum + successes, 0)
  const tiles: ReadonlyArray<readonly [name: string, value: string, more: string]> = [
    ["Rows that succeeded", number(rows.succeeded), `of ${number(ended)}`],
    ["Rows that failed", number(rows.failed), share(rows.failed, ended)],
    ...(rows.recalled === 0 ? [] : [["From the journal", number(rows.recalled), "done in an earlier run"] as const]),
    ["Time", span(until - from), `${perSecond(until > from ? (served / (until - from)) * 1000 : 0)} on average`],
    ["Attempts", number(attempts), here === 0 ? "" : `${number(attempts / here)} a row`],
    ["Rejected", number(rejections), `${share(rejections, attempts)} of the attempts`]
  ]
  return section(
    "summary",
    "Summary",
    element(
      "dl",
      {},
      tiles
        .map(([name, value, more]) =>
          element(
            "div",
            {},
            element("dt", {}, name) + element("dd", {}, value + (more === "" ? "" : element("small", {}, more)))
          )
        )
        .join("")
    )
  )
}

const colour = (name: string): Drawing.Colour => ({ name, paint: `var(--${name})` })
const ink: Drawing.Ink = { text: "var(--text)", faint: "var(--faint)", grid: "var(--grid)", paper: "none" }

/** Rates of so few rows a bin mean nothing: fewer bins than there are levels. */
const bins = { level: 240, rate: 120 }

const panelsOf = ({ timeline }: Recording.Recording): ReadonlyArray<Drawing.Panel> => {
  const levels = Recording.coarser(timeline, bins.level)
  const rates = Recording.coarser(timeline, bins.rate)
  const rate = (count: (bin: Recording.Bin) => number): ReadonlyArray<number> =>
    rates.bins.map((bin) => (count(bin) / rates.width) * 1000)
  const starts = rate((bin) => bin.starts)
  // A pace far above what was started bounds nothing, and would flatten the rest.
  const most = 2 * starts.reduce((max, value) => Math.max(max, value), 0)
  const paces = rates.bins.map(({ pace = Infinity }) => (pace <= most ? pace : NaN))
  const held = rates.bins.map((bin) => Math.min(100, (bin.held / rates.width) * 100))
  return [
    {
      unit: "attempts",
      height: 130,
      width: levels.width,
      series: [
        { name: "in flight", colour: colour("blue"), kind: "area", values: levels.bins.map((bin) => bin.inFlight) },
        { name: "window", colour: colour("blue"), kind: "line", values: levels.bins.map((bin) => bin.window) }
      ]
    },
    {
      unit: "a second",
      height: 110,
      width: rates.width,
      series: [
        { name: "starts", colour: colour("purple"), kind: "area", values: starts },
        { name: "pace: most that are allowed", colour: colour("purple"), kind: "line", values: paces }
      ]
    },
    {
      unit: "rows a second",
      height: 110,
      width: rates.width,
      series: [{ name: "goodput", colour: colour("green"), kind: "line", values: rate((bin) => bin.successes) }]
    },
    {
      unit: "a second",
      height: 80,
      width: rates.width,
      series: [{ name: "rejections", colour: colour("red"), kind: "bars", values: rate((bin) => bin.rejections) }]
    },
    {
      unit: "% of time",
      height: 60,
      width: rates.width,
      series: [{ name: "held: nothing may start", colour: colour("orange"), kind: "bars", values: held }]
    }
  ]
}

/** What the timeline has for each instant, and what it is called. */
const instantFields = [
  { id: "now-why", name: "Because", valueOf: ({ reason }: Recording.Bin) => reason },
  { id: "now-in-flight", name: "In flight", valueOf: ({ inFlight }: Recording.Bin) => number(inFlight) },
  { id: "now-window", name: "Window", valueOf: ({ window }: Recording.Bin) => number(window) },
  {
    id: "now-pace",
    name: "Pace",
    valueOf: ({ pace }: Recording.Bin) => (pace === undefined ? "no limit" : perSecond(pace))
  },
  {
    id: "now-goodput",
    name: "Goodput",
    valueOf: ({ successes }: Recording.Bin, width: number) => perSecond((successes / width) * 1000)
  },
  {
    id: "now-rejected",
    name: "Rejected",
    valueOf: ({ rejections }: Recording.Bin, width: number) => perSecond((rejections / width) * 1000)
  },
  {
    id: "now-held",
    name: "Held",
    valueOf: ({ held }: Recording.Bin, width: number) => percent(Math.min(1, held / width))
  }
]

/** JSON as it may stand in a script element. */
const embedded = (value: unknown): string => JSON.stringify(value).replace(/</g, "\\u003c")

const timeline = (recording: Recording.Recording): string => {
  const { from, until } = recording
  const panels = panelsOf(recording)
  const title = "The run over time"
  const facts = "Window and attempts in flight, starts, goodput, rejections and holds, over time"
  const pictures = Object.entries(widths).map(([kind, width]) => {
    const { left, right } = Drawing.sides(width)
    const picture = Drawing.svg({ title, facts, width, from, until, panels, ink, hasHeading: false })
    return element(
      "div",
      {
        class: `picture ${kind}`,
        "data-left": left,
        "data-right": right,
        "data-width": width,
        style: `--left: ${left}; --right: ${right}; --width: ${width}`
      },
      `${picture}<div class="cursor"></div>`
    )
  })
  const coarse = Recording.coarser(recording.timeline, bins.rate)
  const reasons = [...new Set(coarse.bins.map(({ reason }) => reason))]
  const data = {
    names: instantFields.map(({ id }) => id),
    reasons,
    rows: coarse.bins.map((bin, index) => [
      span(index * coarse.width),
      reasons.indexOf(bin.reason),
      ...instantFields.slice(1).map(({ valueOf }) => valueOf(bin, coarse.width))
    ])
  }
  const last = Math.max(0, coarse.bins.length - 1)
  const looks = instantFields.map(({ id, name }) =>
    element("div", id === "now-why" ? { class: "why" } : {}, element("dt", {}, name) + `<dd id="${id}"></dd>`)
  )
  const controls =
    `<label for="instant">At <output id="moment" for="instant"></output></label>` +
    `<input type="range" id="instant" min="0" max="${last}" value="0">` +
    element("dl", { class: "at" }, looks.join(""))
  return section(
    "over-time",
    "Over time",
    element("figure", {}, `${pictures.join("")}<div class="controls" hidden>${controls}</div>`),
    `<script type="application/json" id="timeline">${embedded(data)}</script>`
  )
}

const causes: { readonly [cause in Cause]: string } = {
  window: "as many attempts were in flight as may be",
  pace: "starts are spaced, or a limit of starts in a period was used up",
  limit: "a limit that the pool was told, or its budget, was used up",
  hold: "the API asked for silence, or the law held the pool",
  pause: "the pool was paused",
  rows: "nothing: no row was there to start"
}

const kinds = [
  { key: "start", name: "before the first attempt" },
  { key: "retry", name: "after rejections" },
  { key: "work", name: "in attempts" },
  { key: "order", name: "done, until all earlier rows were done" }
] as const

const waits = ({ waitedFor, waits }: Recording.Recording): string => {
  const whole = Object.values(waitedFor).reduce((sum, millis) => sum + millis, 0)
  // The keys of a record of causes are causes.
  const parts = (Object.keys(causes) as ReadonlyArray<Cause>)
    .map((cause) => ({ cause, millis: waitedFor[cause] }))
    .filter(({ millis }) => millis > 0)
    .sort((a, b) => b.millis - a.millis)
  const bar = (part: number): string =>
    `<span class="bar" aria-hidden="true" style="width: ${round((part / Math.max(whole, 1)) * 100)}%"></span>`
  const spread = ({ max, p50, p95, total }: Spread): ReadonlyArray<string> => [p50, p95, max, total].map(span)
  return section(
    "waits",
    "Waits",
    table(
      "What kept the pool from starting more",
      [{ name: "cause" }, { name: "time", kind: "number" }, { name: "share", kind: "number" }],
      parts.map(({ cause, millis }) => [causes[cause] + bar(millis), span(millis), share(millis, whole)])
    ),
    element("p", {}, "&#160;"),
    table(
      "Where rows spent their time; halves and shares are right to 5 %",
      [
        { name: "a row was" },
        { name: "half of them less than", kind: "number" },
        { name: "95 % less than", kind: "number" },
        { name: "longest", kind: "number" },
        { name: "all together", kind: "number more" }
      ],
      kinds.map(({ key, name }) => [name, ...spread(waits[key])])
    )
  )
}

const law = ({ end, findings, from, poolSize }: Recording.Recording): string => {
  const { chance, reason, starts, window } = end
  const pace = Remembered.paceOf(end.spacing, starts)
  const facts = [
    `window ${number(window)} of ${number(poolSize)}`,
    pace === undefined ? "no limit of the pace" : `at most ${perSecond(pace)}`,
    ...(starts === undefined ? [] : [`${number(starts.limit)} starts in ${span(starts.period)}`]),
    ...(chance === 0 ? [] : [`${percent(chance)} of all calls rejected by chance`])
  ]
  const rows = findings.map(({ first, last, pace, reasons, times: count, window }) => [
    span(Math.max(0, first - from)) + (count === 1 ? "" : ` to ${span(Math.max(0, last - from))}`),
    escaped(reasons[0]) +
      (count === 1
        ? ""
        : `<br>${times(count, "time")}${reasons[0] === reasons[1] ? "" : `, at last: ${escaped(reasons[1])}`}`),
    number(window),
    pace === undefined ? "no limit" : perSecond(pace)
  ])
  return section(
    "law",
    "What the law found",
    paragraph(`At the end: ${facts.join(", ")}. Because: ${escaped(reason)}.`),
    rows.length === 0
      ? paragraph("It decided nothing new during this run.")
      : table(
          "Its decisions, by reason; window and pace after the last of each",
          [
            { name: "when" },
            { name: "why", kind: "free" },
            { name: "window", kind: "number" },
            { name: "pace", kind: "number" }
          ],
          rows
        )
  )
}

const slowest = ({ from, slowest }: Recording.Recording): string =>
  section(
    "slowest",
    "Slowest rows",
    slowest.length === 0
      ? paragraph("None was done in this run.")
      : table(
          "From the first start to the end",
          [
            { name: "row", kind: "free" },
            { name: "began at", kind: "number more" },
            { name: "took", kind: "number" },
            { name: "of that waited", kind: "number" },
            { name: "attempts", kind: "number" }
          ],
          slowest.map(({ attempts, failure, startedAt, stateId, took, waited }) => [
            escaped(stateId) + (failure === undefined ? "" : `<br><span class="faint">${escaped(failure)}</span>`),
            span(Math.max(0, startedAt - from)),
            span(took),
            span(waited),
            number(attempts)
          ])
        )
  )

const failures = ({ failures, rows }: Recording.Recording): string =>
  section(
    "failures",
    "Failures",
    failures.length === 0 ? paragraph("No row failed.") : "",
    ...failures.map(({ examples, kind, rows: count }, index) => {
      const shown = table(
        "Examples",
        [
          { name: "row", kind: "free" },
          { name: "message", kind: "free" },
          { name: "attempts", kind: "number" }
        ],
        examples.map(({ attempts, message, stateId }) => [escaped(stateId), escaped(message), number(attempts)])
      )
      const head = `<b>${escaped(kind)}</b>: ${times(count, "row")}, ${share(count, rows.failed)} of the failures`
      return `<details${index === 0 ? " open" : ""}>${element("summary", {}, head)}${shown}</details>`
    })
  )

/**
 * Makes the page of a recording.
 *
 * @since 0.2.0
 * @category constructors
 */
export const html = (recording: Recording.Recording, { facts = {}, title = recording.name }: Options = {}): string => {
  const about = [
    `${new Date(recording.from)
      .toISOString()
      .replace(/\.\d+Z$/, "Z")
      .replace("T", " ")}`,
    `pool ${recording.name}, size ${number(recording.poolSize)}`,
    ...Object.entries(facts).map(([name, value]) => `${name} ${value}`)
  ]
  const policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="generator" content="effect-aimd">
<link rel="icon" href="data:,">
<title>${escaped(title)}</title>
<style>${css}</style>
</head>
<body>
<main>
<header>
<div><h1>${escaped(title)}</h1>
<p class="faint">${escaped(about.join(" · "))}</p></div>
<button type="button" id="theme" aria-pressed="false" hidden>Dark</button>
</header>
${[summary, timeline, law, waits, slowest, failures].map((part) => part(recording)).join("\n")}
</main>
<script>${script}</script>
</body>
</html>
`
}
