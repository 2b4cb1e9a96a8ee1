/** `npm run demo`; see `npm run demo -- --help`. */
import { NodeContext, NodeHttpClient, NodeRuntime } from "@effect/platform-node"
import { Effect, Layer } from "effect"
import * as Cli from "./cli.js"

const screen = {
  isTerminal: process.stderr.isTTY,
  columns: () => process.stderr.columns,
  write: (text: string) => void process.stderr.write(text)
}

// The terminal sends a Ctrl-C to this process, and tsx may hand it on as well: the second would kill what the first ends.
// A second later, one more Ctrl-C does kill.
process.once("SIGINT", () => {
  const ignore = () => {}
  process.on("SIGINT", ignore)
  Effect.runFork(
    Effect.delay(
      Effect.sync(() => process.off("SIGINT", ignore)),
      "1 second"
    )
  )
})

Cli.main(process.argv, screen).pipe(
  Effect.provide(Layer.merge(NodeContext.layer, NodeHttpClient.layerUndici)),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown: (exit, onExit) => onExit(Cli.exitCode(exit)) })
)
