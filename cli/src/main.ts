/** The program `effect-aimd`. */
import { NodeContext, NodeHttpClient, Undici } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import { stripVTControlCharacters } from "node:util"
import * as Cli from "./Cli.js"

const screen = {
  isTerminal: process.stderr.isTTY,
  columns: () => process.stderr.columns,
  write: (text: string) => void process.stderr.write(text)
}

/** The pool has the time limit of a request; an answer that is thought over for long sends nothing meanwhile. */
const agent = Layer.scoped(
  NodeHttpClient.Dispatcher,
  Effect.acquireRelease(
    Effect.sync(() => new Undici.Agent({ headersTimeout: 0, bodyTimeout: 0 })),
    (agent) => Effect.promise(() => agent.destroy())
  )
)

const Live = Layer.merge(NodeContext.layer, Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher, agent))

/** Colours only where somebody sees them. */
const printer =
  (stream: NodeJS.WriteStream) =>
  (...texts: ReadonlyArray<unknown>) =>
    Effect.sync(() => {
      const text = `${texts.map(String).join(" ")}\n`
      const isPlain = !stream.isTTY || (process.env["NO_COLOR"] ?? "") !== ""
      stream.write(isPlain ? stripVTControlCharacters(text) : text)
    })

const exit = await Console.consoleWith((console) =>
  Cli.main(process.argv, screen).pipe(
    Effect.withConsole({ ...console, log: printer(process.stdout), error: printer(process.stderr) })
  )
).pipe(Effect.provide(Live), Effect.runPromiseExit)

// Whatever still waits, such as a stdin that nobody closes, is of no use any more.
process.stdout.write("", () => process.exit(Cli.exitCode(exit)))
