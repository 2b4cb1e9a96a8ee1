/** The sawtooth of the window law, drawn. */
import type { Trace } from "effect-aimd/testing"
import * as Measure from "./measure.js"
import { svg, type Panel, type Point } from "./picture.js"
import { describe, find, type Server } from "./servers.js"
import * as Sharing from "./sharing.js"

const watch = (
  server: Server,
  rows: number,
  span: number,
  unit: "window" | "pace",
  limit: (seconds: number) => number
): Panel => {
  const points: Array<readonly [number, number]> = []
  const rejections: Array<number> = []
  /** Starts since an instant, and the last of them. */
  let [started, from, last] = [0, 0, 0]
  const observer: Trace.Observer = (event) => {
    const seconds = event.at / 1000
    if (seconds > span) return
    if (event._tag === "ended" && event.outcome === "capacity") rejections.push(seconds)
    if (unit === "window" && event._tag === "decided") points.push([seconds, event.decision.window])
    if (unit === "pace" && event._tag === "started") {
      if (seconds - last >= 1) {
        points.push([last, 0])
        ;[started, from] = [0, seconds]
      } else if (seconds - from >= 1) {
        points.push([from, started / (seconds - from)])
        ;[started, from] = [0, seconds]
      }
      started += 1
      last = seconds
    }
  }
  Measure.once(server, "window", 1, rows, [observer])
  if (unit === "pace" && span - last >= 1) points.push([last, 0])
  // One point an instant, and none where nothing changes.
  const kept = points.filter(([at, value], i) => points[i + 1]?.[0] !== at && points[i - 1]?.[1] !== value)
  return {
    title: describe(server),
    unit: unit === "window" ? "attempts at once" : "starts a second",
    span,
    limit: { name: "what the server takes", at: limit },
    lines: [{ name: unit === "window" ? "what the law allows" : "what the law starts", points: kept }],
    rejections
  }
}

/** What several clients that join one after the other are served, over some seconds each. */
const watchClients = (name: string, clients: number, span: number): Panel => {
  const width = 5
  const server = Sharing.shared.find((one) => one.name === name)
  if (server === undefined) throw new Error(`no server ${name}`)
  const served = Array.from({ length: clients }, () => Array.from({ length: span / width }, () => 0))
  const rejections: Array<number> = []
  const observer: Trace.Observer = (event) => {
    if (event._tag !== "ended") return
    if (event.outcome === "capacity") rejections.push(event.at / 1000)
    const bins = served[event.client]
    const bin = Math.floor(event.at / 1000 / width)
    if (event.outcome === "success" && bins !== undefined) bins[bin] = (bins[bin] ?? 0) + 1
  }
  Sharing.once(server, "window", clients, 1, (span - clients * width) * 1000, [observer])
  const lines = served.map((bins, client) => ({
    name: `client ${client + 1}`,
    points: bins.map((count, i): Point => [i * width, count / width])
  }))
  // They join five seconds apart.
  const fair = (seconds: number): number => server.capacity / Math.min(clients, Math.floor(seconds / 5) + 1)
  return {
    title: `${clients} clients on ${name}`,
    unit: "served a second",
    span,
    limit: { name: "fair share", at: fair },
    lines,
    rejections
  }
}

const stepped = (first: number, second: number, third: number) => (seconds: number) =>
  seconds < 100 ? first : seconds < 200 ? second : third

/** The pictures by the names of their files; `rowsOf` says how many rows a run has. */
export const draw = (rowsOf: (server: Server) => number): { readonly [file: string]: string } => {
  const panel = (server: Server, span: number, unit: "window" | "pace", limit: (seconds: number) => number): Panel =>
    watch(server, rowsOf(server), span, unit, limit)
  return {
    "window-law.svg": svg("The window law on a cap, on a bucket, and on a bucket whose rate changes", [
      panel(find("cap 20"), 120, "window", () => 20),
      panel(find("bucket 10/s, burst 10"), 120, "pace", () => 10),
      panel(find("20/s, then 5/s, then 40/s"), 300, "pace", stepped(20, 5, 40))
    ]),
    "window-law-periods.svg": svg("The window law on a window of a minute, and through an outage", [
      panel(find("window 600/min", "seconds"), 300, "pace", () => 10),
      panel(find("bucket 20/s, out for 3 s"), 120, "pace", () => 20)
    ]),
    "window-law-clients.svg": svg("Four clients that know nothing of each other, under the window law", [
      watchClients("cap 40, 2 s calls", 4, 240),
      watchClients("bucket 40/s", 4, 240)
    ])
  }
}
