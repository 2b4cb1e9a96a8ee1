/** nginx and haproxy as they limit in front of an API, where they are installed; judged by counts and order alone. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { connect, createServer as createSocket, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { setTimeout as work } from "node:timers/promises"
import { join } from "node:path"
import { HttpClient } from "@effect/platform"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { PooledExecutor } from "effect-aimd"
import { PooledHttpClient } from "effect-aimd/http"
import { listen } from "../http/servers.js"

const requests = 60
const poolSize = 16

interface Proxy {
  readonly name: string
  readonly command: string
  readonly args: (file: string) => ReadonlyArray<string>
  readonly config: (port: number, api: number, folder: string) => string
}

const nginx = (name: string, zone: string, limit: string, status: number): Proxy => ({
  name,
  command: "nginx",
  args: (file) => ["-c", file],
  config: (port, api, folder) => `
    daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 256; }
    http {
      access_log off;
      client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
      uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
      ${zone}
      server {
        listen 127.0.0.1:${port};
        location / { ${limit} proxy_pass http://127.0.0.1:${api}; }
      }
      limit_req_status ${status}; limit_conn_status ${status};
    }`
})

const haproxy = (name: string, table: string, track: string, deny: string): Proxy => ({
  name,
  command: "haproxy",
  args: (file) => ["-db", "-f", file],
  config: (port, api) => `
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend api
  bind 127.0.0.1:${port}
  stick-table ${table}
  http-request ${track}
  http-request deny ${deny}
  default_backend node
backend node
  server node 127.0.0.1:${api}
`
})

const proxies: ReadonlyArray<Proxy> = [
  nginx(
    "nginx, a leaky bucket (limit_req)",
    "limit_req_zone $host zone=all:1m rate=5r/s;",
    "limit_req zone=all burst=4 nodelay;",
    429
  ),
  nginx(
    "nginx, a cap on what is under way (limit_conn)",
    "limit_conn_zone $host zone=all:1m;",
    "limit_conn all 4;",
    503
  ),
  haproxy(
    "haproxy, a sliding window in a stick table",
    "type string size 1k expire 1m store http_req_rate(4s)",
    "track-sc0 str(all)",
    "deny_status 429 if { sc_http_req_rate(0) gt 40 }"
  ),
  haproxy(
    "haproxy, a cap on connections in a stick table",
    "type string size 1k expire 1m store conn_cur",
    "track-sc0 str(all)",
    "deny_status 503 if { sc_conn_cur(0) gt 4 }"
  )
]

const isInstalled = (command: string): boolean => spawnSync(command, ["-v"]).error === undefined

const freePort = Effect.async<number>((resume) => {
  const socket = createSocket()
  socket.listen(0, "127.0.0.1", () => {
    // It listens on a port, so that it has the address of one.
    const { port } = socket.address() as AddressInfo
    socket.close(() => resume(Effect.succeed(port)))
  })
})

const accepts = (port: number) =>
  Effect.async<void, string>((resume) => {
    const socket = connect(port, "127.0.0.1")
    socket.on("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.on("error", () => resume(Effect.fail("not yet")))
  })

/** Starts a proxy before an API, until the scope closes; returns its URL. */
const start = ({ args, command, config }: Proxy, api: number) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "proxy-"))),
      (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
    )
    const port = yield* freePort
    const file = join(folder, "config")
    writeFileSync(file, config(port, api, folder))
    yield* Effect.acquireRelease(
      Effect.sync(() => spawn(command, args(file), { stdio: "ignore" })),
      (child: ChildProcess) =>
        Effect.async<void>((resume) => {
          if (child.exitCode !== null) return resume(Effect.void)
          child.on("exit", () => resume(Effect.void))
          child.kill()
        })
    )
    yield* Effect.retry(accepts(port), Schedule.spaced("50 millis"))
    return `http://127.0.0.1:${port}`
  })

describe("real proxies that limit", () => {
  for (const proxy of proxies) {
    if (!isInstalled(proxy.command)) {
      console.warn(`${proxy.command} is not installed: "${proxy.name}" is left out`)
      continue
    }
    it.live(`${proxy.name}: all are served, in order, each once`, () =>
      Effect.gen(function* () {
        const served: Array<string> = []
        const server = createServer((request, response) => {
          served.push(request.url ?? "")
          void work(50).then(() => response.end(JSON.stringify({ id: request.url })))
        })
        const api = yield* listen(server)
        const url = yield* start(proxy, Number(new URL(api.url).port))
        const pool = yield* PooledExecutor.make({ poolSize, maxDispatchDelay: "500 millis" })
        const ids = Array.from({ length: requests }, (_, id) => `/${id}`)
        const program = Effect.gen(function* () {
          const client = PooledHttpClient.attempts()(yield* HttpClient.HttpClient)
          return yield* pool.forEach(ids, (id) => Effect.flatMap(client.get(`${url}${id}`), ({ json }) => json))
        })
        const answers = yield* Effect.provide(program, NodeHttpClient.layerUndici)
        assert.deepStrictEqual(
          answers,
          ids.map((id) => ({ id }))
        )
        assert.deepStrictEqual([...served].sort(), [...ids].sort())
        const { attempts, capacityRetries, failures, maxConcurrentReached } = yield* pool.stats
        assert.deepStrictEqual([attempts, failures], [requests + capacityRetries, 0])
        assert.isAtMost(maxConcurrentReached, poolSize)
        // Met by any machine that makes more than five requests a second, or four at a time.
        assert.isAtLeast(capacityRetries, 1)
        assert.isAtMost(capacityRetries, 5 * requests)
      }).pipe(Effect.scoped)
    )
  }

  it("are named where they are not installed", () => {
    assert.deepStrictEqual([...new Set(proxies.map(({ command }) => command))], ["nginx", "haproxy"])
  })
})
