/** Every property tries the same values each time; `SEED=… npm test` tries others, and a failure says which. */
import { FastCheck } from "effect"

FastCheck.configureGlobal({ seed: Number(process.env["SEED"] ?? 1) })

// What patience.mjs has put there, before Vitest was loaded.
const { original } = globalThis.setTimeout as typeof globalThis.setTimeout & { readonly original?: unknown }
if (original !== undefined) Reflect.set(globalThis, "setTimeout", original)
