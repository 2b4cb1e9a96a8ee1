import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const src = fileURLToPath(new URL("./src", import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-aimd$/, replacement: `${src}/index.ts` },
      { find: /^effect-aimd\/(.+)$/, replacement: `${src}/$1/index.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts", "examples/*.test.ts"],
    // Minutes long, or in need of servers that may not be there: `npm run test:servers`.
    exclude: ["test/servers/**", "node_modules/**"],
    // A deadlock is a failed test, never a run that hangs.
    testTimeout: 10_000,
    hookTimeout: 10_000,
    allowOnly: false,
    typecheck: { include: ["test/**/*.test-d.ts"], tsconfig: "tsconfig.types.json" },
    coverage: {
      provider: "v8",
      // Without it a function that never runs counts as having no branches.
      experimentalAstAwareRemapping: true,
      include: ["src/**/*.ts"],
      reporter: ["text", "html", "json-summary"],
      thresholds: { branches: 95 }
    }
  }
})
