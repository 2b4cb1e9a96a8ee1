/** What the program takes from Node: its client, its screen, and how it ends. */
import { NodeContext, NodeHttpClient, Undici } from "@effect/platform-node"
import { Console, Effect, Either, type Exit, Layer } from "effect"
import { stripVTControlCharacters } from "node:util"
import type { Screen } from "./output/Screen.js"
import * as Proxy from "./Proxy.js"

/** The pool has the time limit of a request; an API that thinks for long sends nothing meanwhile. */
const agent = Layer.scoped(
  NodeHttpClient.Dispatcher,
  Effect.acquireRelease(
    Effect.sync(() => {
      // What is wrong with them is told by who reads the options.
      const proxies = Either.getOrUndefined(Proxy.ofEnvironment(process.env))
      const limits = { headersTimeout: 0, bodyTimeout: 0 }
      return proxies === undefined ? new Undici.Agent(limits) : new Undici.EnvHttpProxyAgent({ ...limits, ...proxies })
    }),
    (agent) => Effect.promise(() => agent.destroy())
  )
)

/** Files, and HTTP. */
export const layer = Layer.merge(NodeContext.layer, Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher, agent))

/** stderr. */
export const screen: Screen = {
  isTerminal: process.stderr.isTTY,
  columns: () => process.stderr.columns,
  write: (text) => void process.stderr.write(text)
}

/** Colours only where somebody sees them. */
const printer =
  (stream: NodeJS.WriteStream) =>
  (...texts: ReadonlyArray<unknown>) =>
    Effect.sync(() => {
      const text = `${texts.map(String).join(" ")}\n`
      const isPlain = !stream.isTTY || (process.env["NO_COLOR"] ?? "") !== ""
      stream.write(isPlain ? stripVTControlCharacters(text) : text)
    })

/** Runs a program to its end, and ends the process with the exit code of that. */
export const runMain = async <E>(
  program: Effect.Effect<unknown, E, Layer.Layer.Success<typeof layer>>,
  exitCode: (exit: Exit.Exit<unknown, E>) => number
): Promise<void> => {
  const exit = await Console.consoleWith((console) =>
    Effect.withConsole(program, { ...console, log: printer(process.stdout), error: printer(process.stderr) })
  ).pipe(Effect.provide(layer), Effect.runPromiseExit)
  // Whatever still waits, such as a stdin that nobody closes, is of no use any more.
  process.stdout.write("", () => process.exit(exitCode(exit)))
}
