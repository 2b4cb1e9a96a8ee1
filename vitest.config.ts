import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config"

type ProjectConfig = NonNullable<TestProjectInlineConfiguration["test"]>

const src = fileURLToPath(new URL("./src", import.meta.url))

const planted = ["test/simulation/planted.test.ts", "test/pool/leftovers.test.ts", "test/pool/crowd.test.ts"]
const long = [
  "test/simulation/{exploration,golden}.test.ts",
  "test/http/nastyServer.test.ts",
  "test/law/field.test.ts",
  "test/journal/crash/worlds.test.ts",
  "test/cluster/exploration.test.ts"
]

/** Minutes of real processes that die: `npm run test:kills`. */
const kills = ["test/journal/crash/kills.test.ts"]
/** Of these, those that need a database: without one they are left out. */
const clusterKills = ["test/cluster/processes/kills.test.ts", "test/cluster/batch/processes/kills.test.ts"]
const isThereADatabase = process.env["JOURNAL_POSTGRES"] !== undefined
/** And those that need Redis, which they start and kill themselves. */
const redisKills = ["test/shared/processes/kills.test.ts"]
const isThereRedis = spawnSync("redis-server", ["--version"]).status === 0

/** What a browser makes of the pages: `npm run test:browser`. */
const browser = "test/browser/*.test.ts"

/** What takes a minute here may take ten elsewhere. */
const patient = { testTimeout: 3_000_000 }

const project = (name: string, test: ProjectConfig): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, ...test }
})

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-aimd$/, replacement: `${src}/index.ts` },
      { find: /^effect-aimd\/(.+)$/, replacement: `${src}/$1/index.ts` }
    ]
  },
  test: {
    projects: [
      project("unit", {
        include: ["test/**/*.test.ts", "examples/*.test.ts"],
        exclude: ["test/servers/**", ...planted, ...long, ...kills, ...clusterKills, ...redisKills, browser]
      }),
      // Each of these has modules of its own, because it puts others in their place.
      project("planted", { include: planted, isolate: true }),
      // Long by nature: real time, long explorations, golden traces, hours in the field. `npm run test:long`, and so does CI.
      project("long", { include: long, ...patient }),
      project("kills", {
        include: [...kills, ...(isThereADatabase ? clusterKills : []), ...(isThereRedis ? redisKills : [])],
        ...patient
      }),
      project("browser", { include: [browser] }),
      // `npm run types`: nothing runs, the compiler looks at them.
      project("types", {
        include: [],
        typecheck: { enabled: true, only: true, include: ["test/**/*.test-d.ts"], tsconfig: "tsconfig.types.json" }
      })
    ],
    // A deadlock is a failed test, never a run that hangs; and no machine is so slow that it meets this.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    allowOnly: false,
    setupFiles: "test/support/seeds.ts",
    // Modules are loaded once for all files: they share no state.
    isolate: false,
    // Two cores are two workers: the runner would leave one of them to itself, and it needs none.
    maxWorkers: "100%",
    minWorkers: 1,
    pool: "forks",
    poolOptions: { forks: { execArgv: ["--import", new URL("./test/support/patience.mjs", import.meta.url).href] } },
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
