/** The version of this package. */
import { createRequire } from "node:module"

// Both from `src` and from `dist`, the manifest is one folder up.
const manifest = createRequire(import.meta.url)("../package.json") as { readonly version: string }

/** As it stands in `package.json`. */
export const version = manifest.version
