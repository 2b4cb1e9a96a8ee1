/** Programs of this repository as one file each: those start in a fraction of the time, and can be killed. */
import { copyFileSync, mkdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { build } from "esbuild"

const bundled = new Map<string, Promise<string>>()

/** What others write while a program starts, it may find half written: each process of tests has a folder of its own. */
const folder = join("node_modules", ".cache", "effect-aimd", String(process.pid))

const make = async (entry: string, name: string, manifest: string | undefined): Promise<string> => {
  const outfile = join(folder, `${name}.mjs`)
  mkdirSync(dirname(outfile), { recursive: true })
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }))
  if (manifest !== undefined) copyFileSync(manifest, join(folder, "package.json"))
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

/** Bundles a program, once for each process of tests; returns the file. A manifest goes into the folder of all of them. */
export const bundle = (entry: string, name: string, manifest?: string): Promise<string> => {
  const known = bundled.get(name)
  if (known !== undefined) return known
  const made = make(entry, name, manifest)
  bundled.set(name, made)
  return made
}
