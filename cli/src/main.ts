/** The program `effect-aimd`. */
import * as Cli from "./Cli.js"
import * as Node from "./Node.js"

await Node.runMain(Cli.main(process.argv, Node.screen), Cli.exitCode)
