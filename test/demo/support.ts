import { FileSystem, HttpRouter, HttpServerResponse } from "@effect/platform"
import { NodeContext, NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import { ConfigProvider, Console, Effect, Layer } from "effect"
import { createServer } from "node:http"
import * as Cli from "../../examples/demo/cli.js"

/** What the demo needs of Node, and an environment without variables. */
export const live = Layer.mergeAll(
  NodeContext.layer,
  NodeHttpClient.layerUndici,
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map()))
)

/** An embeddings server on loopback that gives its nth request, from 1, the nth answer. Returns its base URL. */
export const serve = (answer: (nth: number) => Effect.Effect<HttpServerResponse.HttpServerResponse>) =>
  Effect.gen(function* () {
    let requests = 0
    const server = yield* NodeHttpServer.make(() => createServer(), { port: 0, host: "127.0.0.1" })
    const handler = Effect.suspend(() => answer((requests += 1)))
    yield* server.serve(HttpRouter.empty.pipe(HttpRouter.post("/v1/embeddings", handler)))
    return {
      url: server.address._tag === "TcpAddress" ? `http://127.0.0.1:${server.address.port}/v1` : "",
      requests: () => requests
    }
  })

const json = (body: unknown, status = 200) => Effect.succeed(HttpServerResponse.unsafeJson(body, { status }))

/** Answers of an embeddings server. */
export const served = json({ data: [{ embedding: [1, 0] }] })
export const refused = (status: number) => json({ error: { message: `because ${status}`, code: null } }, status)
export const garbage = Effect.succeed(HttpServerResponse.text("<html>welcome</html>"))

export const limited = Effect.succeed(
  HttpServerResponse.unsafeJson(
    { error: { message: "slow down" } },
    { status: 429, headers: { "retry-after-ms": "1" } }
  )
)

/** Runs the command line, in a folder of its own unless told otherwise; `exit` is the exit code. */
export const demo = (...args: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const out = yield* fs.makeTempDirectoryScoped()
    const run = yield* start(args.includes("--out") ? args : ["--out", out, ...args])
    const exit = Cli.exitCode(yield* Effect.exit(run.main))
    return { ...run, exit, files: yield* read(out) }
  })

/** A command line ready to run, and what it prints. */
export const start = (args: ReadonlyArray<string>) =>
  Effect.sync(() => {
    const stdout: Array<string> = []
    const stderr: Array<string> = []
    const screen = { isTerminal: false, columns: () => 80, write: (text: string) => void stderr.push(text) }
    const main = Console.consoleWith((console) =>
      Effect.withConsole(Cli.main(["node", "demo", ...args], screen), {
        ...console,
        log: (...texts) => Effect.sync(() => void stdout.push(texts.join(" "))),
        error: (...texts) => Effect.sync(() => void stderr.push(`${texts.join(" ")}\n`))
      })
    )
    return { main, stdout, stderr: () => stderr.join("") }
  })

/** The records of both files; none of a file that is not there. */
export const read = (out: string) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const lines = (file: string) =>
      Effect.map(
        Effect.orElseSucceed(fs.readFileString(`${out}/${file}`), () => ""),
        (text) =>
          text
            .split("\n")
            .filter((line) => line !== "")
            .map((line) => JSON.parse(line) as { readonly [key: string]: unknown })
      )
    return { results: yield* lines("results.jsonl"), audit: yield* lines("audit.jsonl") }
  })
