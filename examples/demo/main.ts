/** `npm run demo`; see `npm run demo -- --help`. */
import { Command, Options } from "@effect/cli"
import { Console, Effect } from "effect"
import * as Cli from "../../cli/src/Cli.js"
import * as Node from "../../cli/src/Node.js"
import * as Screen from "../../cli/src/output/Screen.js"
import * as Demo from "./demo.js"

const options = {
  rows: Options.integer("rows").pipe(
    Options.optional,
    Options.withDescription("Embed only the first so many doc comments; all unless given")
  ),
  poolSize: Options.integer("pool-size").pipe(
    Options.withDefault(16),
    Options.withDescription("Most requests in flight; 16 unless given")
  ),
  out: Options.text("out").pipe(
    Options.withDefault("demo-out"),
    Options.withDescription("Folder for the rows, the results and their journal; demo-out unless given")
  ),
  fresh: Options.boolean("fresh").pipe(Options.withDescription("Begin anew; else a run that was stopped goes on")),
  json: Options.boolean("json").pipe(Options.withDescription("Print what came of it as JSON on stdout"))
}

const command = Command.make("demo", options, (given) =>
  Effect.gen(function* () {
    const { code, report, text } = yield* Demo.run(given, Node.screen)
    yield* Console.log(given.json ? JSON.stringify(report ?? { exitCode: code, text }) : text)
    if (code !== 0) return yield* Effect.fail(code)
  })
).pipe(
  Command.withDescription(
    "Embeds the doc comments of the installed effect package with the command effect-aimd, on a server of its own that limits requests."
  )
)

const main = Command.run(command, { name: "npm run demo --", version: "1" })(process.argv).pipe(
  Effect.tapErrorTag("InputError", ({ message }) => Screen.print(Node.screen, `demo: ${message}`))
)

await Node.runMain(main, (exit) =>
  exit._tag === "Failure" && exit.cause._tag === "Fail" && typeof exit.cause.error === "number"
    ? exit.cause.error
    : Cli.exitCode(exit)
)
