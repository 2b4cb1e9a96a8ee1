import tseslint from "typescript-eslint"

const timers = ["setTimeout", "setInterval", "setImmediate", "queueMicrotask"]

const time = "Time comes from Clock: Clock.currentTimeMillis, Effect.sleep, Schedule."
const chance = "Chance comes from Random, which a test can seed."
const runtime = "The library never runs an effect: return it, or fork it with Effect.fork, Effect.forkIn, FiberSet."
const deterministicSrc = {
  "no-restricted-globals": [
    "error",
    ...[...timers, "performance"].map((name) => ({ name, message: time })),
    { name: "crypto", message: chance },
    ...["process", "Buffer", "globalThis", "console"].map((name) => ({
      name,
      message: "src knows only Effect: Config for the environment, Effect.log for output, Uint8Array for bytes."
    }))
  ],
  "no-restricted-properties": [
    "error",
    { object: "Date", property: "now", message: time },
    { object: "Math", property: "random", message: chance }
  ],
  "no-restricted-syntax": [
    "error",
    {
      selector: "NewExpression[callee.name='Date'][arguments.length=0], CallExpression[callee.name='Date']",
      message: time
    },
    {
      selector: "MemberExpression[object.name=/^(Effect|Runtime)$/][property.name=/^run(Promise|Sync|Fork|Callback)/]",
      message: runtime
    },
    { selector: "MemberExpression[object.name='ManagedRuntime'][property.name='make']", message: runtime },
    { selector: "TSAsExpression > TSAsExpression > TSUnknownKeyword", message: "`as unknown as` hides a type error." }
  ]
}

const dependencies = {
  // Type-only imports count as well: a published .d.ts needs its module just as much.
  regex: "^(?!effect(/|$)|@effect/platform(/|$)|\\.\\.?/)",
  message: "src imports only effect, @effect/platform and its own files: nothing else is installed with the package."
}
const platform = { regex: "^@effect/platform", message: "Only http, journal and testing/http know @effect/platform." }
const cluster = {
  regex: "^(?!effect(/|$)|@effect/(platform|sql|cluster|rpc)(/|$)|\\.\\.?/)",
  message:
    "A pool of a cluster imports @effect/cluster, @effect/rpc and @effect/sql besides: optional peers of the package."
}
const sharing = {
  regex: "^(?!effect(/|$)|@effect/experimental(/|$)|\\.\\.?/)",
  message: "A shared limit imports @effect/experimental besides: an optional peer of the package."
}
const database = {
  regex: "^(?!effect(/|$)|@effect/(platform|sql)(/|$)|\\.\\.?/)",
  message: "A journal in a database imports @effect/sql besides: an optional peer of the package."
}

/**
 * What each room may import of the others, from the ground up; inside a room everything may. Whatever is not named is
 * forbidden: imports run one way.
 */
const words = "\\.\\./(Capacity|PoolConfig|PoolError|PoolStats)\\.js"
const core = "\\.\\./([A-Z]\\w+|(pool|law|order|answer|limit|structure)/\\w+)\\.js"
const rooms = {
  "src/structure": [],
  "src/law": ["\\.\\./structure/"],
  "src/law/window": ["\\.\\./\\w+\\.js", "\\.\\./\\.\\./structure/"],
  "src/order": ["\\.\\./structure/", "\\.\\./Capacity\\.js", "\\.\\./answer/Usage\\.js"],
  "src/limit": ["\\.\\./structure/"],
  "src/answer": ["\\.\\./structure/", "\\.\\./law/ControlLaw\\.js"],
  "src/route": [],
  "src/turn": ["\\.\\./structure/"],
  "src/pool": ["\\.\\./(structure|law|order|answer|limit|route|turn)/", words],
  "src/http": [core],
  "src/report": [core],
  "src/journal": [core],
  "src/shared": [core],
  "src/cluster": [core, "\\.\\./journal/Lease\\.js", "\\.\\./shared/SharedLimit\\.js"],
  "src/cluster/batch": ["\\.\\./" + core, "\\.\\./\\.\\./journal/"],
  "src/journal/sql": ["\\.\\./[A-Z]\\w+\\.js"],
  "src/testing/time": ["\\.\\./\\.\\./structure/"],
  "src/testing/api": ["\\.\\./" + core, "\\.\\./time/"],
  "src/testing/report": ["\\.\\./" + core, "\\.\\./\\.\\./report/", "\\.\\./(api|time)/", "\\.\\./Trace\\.js"],
  "src/testing/http": ["\\.\\./" + core, "\\.\\./api/"]
}
/** The same for the command. */
const commandRooms = {
  "cli/src/input": ["\\.\\./Failure\\.js"],
  "cli/src/output": ["\\.\\./(ExitCode|Failure)\\.js", "\\.\\./input/"],
  "cli/src/run": ["\\.\\./(ExitCode|Failure|Version)\\.js", "\\.\\./(input|output)/"],
  "cli/src/plan": ["\\.\\./(Failure|Words)\\.js", "\\.\\./(input|output|run)/"]
}
const commandDependencies = {
  regex: "^(?!effect(/|$)|effect-aimd(/|$)|@effect/(cli|platform|platform-node)(/|$)|csv-parse$|node:|\\.\\.?/)",
  message: "The command imports what stands in cli/package.json, and the library by its public names."
}
const knowsPlatform = new Set([
  "src/cluster",
  "src/cluster/batch",
  "src/http",
  "src/journal",
  "src/journal/sql",
  "src/testing/http"
])
const peersOf = {
  "src/cluster": cluster,
  "src/cluster/batch": cluster,
  "src/journal/sql": database,
  "src/shared": sharing
}
const mayNotImport = (...patterns) => ({ "no-restricted-imports": ["error", { patterns }] })
const oneWay = (folder, others) => ({
  regex: `^(?!\\./${others.map((other) => `|${other}`).join("")})\\.`,
  message: `${folder} may import only what the table of rooms in eslint.config.js allows: imports run one way.`
})
const room = ([folder, others]) => ({
  files: [`${folder}/*.ts`],
  rules: mayNotImport(
    peersOf[folder] ?? dependencies,
    ...(knowsPlatform.has(folder) ? [] : [platform]),
    oneWay(folder, others)
  )
})
const commandRoom = ([folder, others]) => ({
  files: [`${folder}/*.ts`],
  rules: mayNotImport(commandDependencies, oneWay(folder, others))
})

/** The command is a program: it may write to its process, and run. Time and chance are as everywhere. */
const deterministicCommand = {
  "no-restricted-globals": ["error", ...[...timers, "performance"].map((name) => ({ name, message: time }))],
  "no-restricted-properties": deterministicSrc["no-restricted-properties"]
}

export default tseslint.config(
  { ignores: ["dist", "cli/dist", "coverage", "docs/api", ".docgen"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-empty-object-type": ["error", { allowInterfaces: "with-single-extends" }],
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unnecessary-condition": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // tsc reports these (noUnusedLocals, noUnusedParameters).
      "@typescript-eslint/no-unused-vars": "off",
      // Services are records of closures: none of their functions has a `this` to lose.
      "@typescript-eslint/unbound-method": "off",
      // A generator without a yield is a legal Effect.gen body.
      "require-yield": "off",
      eqeqeq: "error",
      "no-warning-comments": ["error", { terms: ["todo", "fixme", "xxx", "hack"], location: "start" }]
    }
  },
  { files: ["src/**/*.ts"], rules: deterministicSrc },
  { files: ["cli/src/**/*.ts"], rules: { ...deterministicCommand, ...mayNotImport(commandDependencies) } },
  // The face, and above it nothing but http/ and testing/.
  {
    files: ["src/*.ts"],
    rules: mayNotImport(dependencies, platform, {
      regex: "/(cluster|http|journal|report|shared|testing)/",
      message: "The core knows none of them."
    })
  },
  // The words of the contract stand below the pool, whatever their folder.
  {
    files: ["src/{Capacity,PoolConfig,PoolError,PoolStats}.ts"],
    rules: mayNotImport(dependencies, platform, {
      regex: "^\\./(pool|http|testing)/|/(PooledExecutor|AimdThrottle|Hints|index)\\.js",
      message: "The words of the contract know the ground and each other, not what is built on them."
    })
  },
  // A simulation of something else than HTTP works without @effect/platform.
  {
    files: ["src/testing/*.ts"],
    rules: mayNotImport(dependencies, platform, { regex: "/http/", message: "See above." })
  },
  ...Object.entries(rooms).map(room),
  ...Object.entries(commandRooms).map(commandRoom),
  {
    files: ["test/**/*.ts"],
    rules: {
      "no-restricted-globals": [
        "error",
        ...["setTimeout", "setInterval"].map((name) => ({
          name,
          message: "No test sleeps: move virtual time with TestClock.adjust."
        }))
      ],
      "no-restricted-properties": ["error", { object: "Math", property: "random", message: chance }],
      "no-restricted-syntax": [
        "error",
        ...["object.name", "object.object.name"].map((owner) => ({
          selector: `MemberExpression[property.name=/^(only|skip|skipIf|runIf|todo)$/][${owner}=/^(it|test|describe)$/]`,
          message: "Every test runs, every time."
        })),
        {
          selector:
            "CallExpression[callee.property.name='deepStrictEqual'] MemberExpression[object.name='Option'][property.name=/^(none|some)$/]",
          message: "To chai any Option equals Option.none(): compare what Option.getOrUndefined gives."
        }
      ]
    }
  }
)
