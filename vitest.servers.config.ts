/** Tests against servers that others wrote: minutes long, and some of the servers may not be installed. */
import { mergeConfig } from "vitest/config"
import config from "./vitest.config.js"

export default mergeConfig(
  { ...config, test: { ...config.test, include: [], exclude: [] } },
  { test: { include: ["test/servers/**/*.test.ts"], testTimeout: 300_000, fileParallelism: false } }
)
