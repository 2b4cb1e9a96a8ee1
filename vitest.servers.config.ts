/** Tests against servers that others wrote: minutes long, and some of the servers may not be installed. */
import { defineConfig } from "vitest/config"
import config from "./vitest.config.js"

// The projects are those of the other tests.
const { projects: _, ...test } = config.test ?? {}

export default defineConfig({
  ...config,
  test: { ...test, include: ["test/servers/**/*.test.ts"], fileParallelism: false }
})
