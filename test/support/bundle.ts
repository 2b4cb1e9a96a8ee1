/** Programs of this repository as one file each: those start in a fraction of the time, and can be killed. */
import { mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { build } from "esbuild"

const bundled = new Map<string, Promise<string>>()

const make = async (entry: string, name: string): Promise<string> => {
  const outfile = join("node_modules", ".cache", "effect-aimd", `${name}-${process.pid}.mjs`)
  mkdirSync(dirname(outfile), { recursive: true })
  process.once("exit", () => rmSync(outfile, { force: true }))
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    tsconfig: "tsconfig.json",
    external: ["@libsql/*", "pg-native"],
    banner: {
      js: 'import { createRequire as bundledRequire } from "node:module"; const require = bundledRequire(import.meta.url);'
    },
    logLevel: "error"
  })
  return outfile
}

/** Bundles a program, once for each process of tests; returns the file. */
export const bundle = (entry: string, name: string): Promise<string> => {
  const known = bundled.get(name)
  if (known !== undefined) return known
  const made = make(entry, name)
  bundled.set(name, made)
  return made
}
