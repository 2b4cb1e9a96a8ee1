// Loaded before Vitest in each process of tests. Vitest waits a minute for an answer to its own messages, and no setting
// changes that: a test that computes for longer on a slow machine would fail the run with `Timeout calling "onTaskUpdate"`,
// although the answer is there. Here it waits for an hour. `seeds.ts` takes this away again before any test runs.
const { setTimeout } = globalThis
const patient = (callback, delay, ...args) => setTimeout(callback, delay === 60_000 ? 3_600_000 : delay, ...args)
globalThis.setTimeout = Object.assign(patient, { original: setTimeout })
