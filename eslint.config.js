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
const testing = { regex: "/testing/", message: "No module outside src/testing may import src/testing." }
const http = {
  regex: "/http/|^@effect/platform",
  message: "Only an http folder knows HTTP: it imports the rest, never the other way."
}
const mayNotImport = (...patterns) => ({ "no-restricted-imports": ["error", { patterns }] })

export default tseslint.config(
  { ignores: ["dist", "coverage", "docs/api", ".docgen"] },
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
  {
    files: ["src/**/*.ts"],
    ignores: ["src/http/**", "src/testing/**"],
    rules: mayNotImport(dependencies, testing, http)
  },
  { files: ["src/http/**/*.ts"], rules: mayNotImport(dependencies, testing) },
  // A simulation of something else than HTTP works without @effect/platform.
  { files: ["src/testing/**/*.ts"], ignores: ["src/testing/http/**"], rules: mayNotImport(dependencies, http) },
  { files: ["src/testing/http/**/*.ts"], rules: mayNotImport(dependencies) },
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
        }))
      ]
    }
  }
)
