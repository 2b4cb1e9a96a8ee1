/** The real command as a child process, and servers on loopback for it. */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { type AddressInfo, connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import { bundle } from "../support/bundle.js"

/** A folder of its own for a test. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-aimd-cli-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

/** The program reads its version from the manifest one folder up. */
const program = (): Promise<string> => bundle("cli/src/main.ts", "cli/main", "cli/package.json")

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly kill: (signal: NodeJS.Signals) => void
  /** Waits until stderr has a text. */
  readonly says: (text: string) => Promise<void>
  readonly ended: Promise<Ended>
}

/** Starts the command; it has no environment of its own but what is given. */
export const start = async (
  args: ReadonlyArray<string>,
  options: { readonly stdin?: string; readonly env?: Record<string, string> } = {}
): Promise<Running> => {
  const file = await program()
  const child = spawn(process.execPath, [file, ...args], {
    env: { PATH: process.env["PATH"], ...options.env },
    stdio: "pipe"
  })
  let [stdout, stderr] = ["", ""]
  let onStderr: Array<() => void> = []
  child.stdout.on("data", (text) => (stdout += String(text)))
  child.stderr.on("data", (text) => {
    stderr += String(text)
    for (const look of onStderr) look()
  })
  child.stdin.on("error", () => undefined)
  child.stdin.end(options.stdin ?? "")
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (stderr.includes(text)) resolve()
      }
      onStderr = [...onStderr, look]
      look()
      void ended.then(() => reject(new Error(`it ended without "${text}": ${stderr}`)))
    })
  return { kill: (signal) => void child.kill(signal), says, ended }
}

/** Runs the command to its end. */
export const run = (args: ReadonlyArray<string>, options: Parameters<typeof start>[1] = {}): Effect.Effect<Ended> =>
  Effect.promise(() => start(args, options).then(({ ended }) => ended))

/** A request as a server on loopback has it. */
export interface Asked {
  /** Which request it is, from 1. */
  readonly nth: number
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage["headers"]
  readonly body: string
}

type Answer = (asked: Asked, response: ServerResponse) => void

/** A server on loopback; the connections are closed at the end. */
export const serve = (answer: Answer) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const asked: Array<Asked> = []
      const server = createServer((request, response) => {
        let body = ""
        request.on("data", (text) => (body += String(text)))
        request.on("end", () => {
          const { headers, method = "", url = "" } = request
          const one = { nth: asked.length + 1, method, url, headers, body }
          asked.push(one)
          answer(one, response)
        })
      })
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
      // A server that listens on a port has such an address.
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      return { url, asked, server }
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  )

/** A proxy on loopback that leads to one server, whoever is asked for. */
export const tunnel = (to: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const asked: Array<string> = []
      const proxy = createServer()
      proxy.on("connect", (request, socket) => {
        asked.push(request.url ?? "")
        const { hostname, port } = new URL(to)
        const other = connect(Number(port), hostname, () => {
          socket.write("HTTP/1.1 200 OK\r\n\r\n")
          socket.pipe(other).pipe(socket)
        })
        for (const end of [socket, other]) end.on("error", () => void [socket, other].forEach((one) => one.destroy()))
      })
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve))
      // A server that listens on a port has such an address.
      return { asked, proxy, url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }
    }),
    ({ proxy }) => Effect.sync(() => proxy.close())
  )

/** Answers with JSON. */
export const reply = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {}
): void => void response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body))

/** The body of a served request: what was asked, and how many tokens it took. */
export const served = ({ body }: Asked): unknown => ({
  echo: body === "" ? null : (JSON.parse(body) as unknown),
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
})

/** Lines of OpenAI's batch format. */
export const batchLines = (count: number, url = "/v1/chat/completions"): string =>
  Array.from({ length: count }, (_, i) => JSON.stringify({ custom_id: `row-${i}`, method: "POST", url, body: { i } }))
    .map((line) => `${line}\n`)
    .join("")

/** Writes a file of a folder; returns its path. */
export const write = (path: string, name: string, text: string | Uint8Array): string => {
  const file = join(path, name)
  writeFileSync(file, text)
  return file
}

/** A line of the results. */
export interface Line {
  readonly id: string
  readonly custom_id: string
  readonly response: { readonly status_code: number; readonly request_id: string | null; readonly body: unknown } | null
  readonly error: { readonly code: string; readonly message: string } | null
}

/** The lines of a file of results. */
export const lines = (file: string): ReadonlyArray<Line> =>
  readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
