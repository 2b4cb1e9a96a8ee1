/** Rounds of timed runs, and the medians of them. */

/** One way of doing the work, with the number of rows it gets a round. */
export interface Contender {
  readonly name: string
  readonly rows: number
  /** Works the rows; returns how to read the results, which is done when the clock has stopped. */
  readonly run: (rows: ReadonlyArray<number>) => Promise<() => ReadonlyArray<number>>
}

/** Microseconds a row of one contender, a figure for each round. */
export interface Timing {
  readonly name: string
  readonly rows: number
  readonly rounds: ReadonlyArray<number>
}

/** What every contender makes of a row. */
export const double = (row: number): number => row * 2

export const collectGarbage = (): void => {
  if (globalThis.gc === undefined)
    throw new Error("start the benchmark with `npm run bench`: it needs node --expose-gc")
  globalThis.gc()
}

export const rowsOf = (length: number): ReadonlyArray<number> => Array.from({ length }, (_, row) => row)

export const check = (name: string, rows: ReadonlyArray<number>, results: ReadonlyArray<number>): void => {
  const wrong = rows.findIndex((row) => results[row] !== double(row))
  if (results.length !== rows.length || wrong >= 0) {
    throw new Error(`${name}: ${results.length} results for ${rows.length} rows, the first wrong one at ${wrong}`)
  }
}

const time = async ({ name, rows: count, run }: Contender): Promise<number> => {
  const rows = rowsOf(count)
  collectGarbage()
  // A full collection leaves compiled code and the young generation cold: a small run first, and not on the clock.
  await run(rowsOf(Math.min(count, 5000)))
  const start = performance.now()
  const results = await run(rows)
  const micros = ((performance.now() - start) * 1000) / count
  check(name, rows, results())
  return micros
}

/** How often a race is run; the warm-ups come first and are dropped. */
export interface Rounds {
  readonly rounds: number
  readonly warmUps: number
}

/** Runs all contenders in turn, round after round, so that a busy spell of the machine meets each of them. */
export const race = async (
  contenders: ReadonlyArray<Contender>,
  { rounds, warmUps }: Rounds
): Promise<ReadonlyArray<Timing>> => {
  const timings = contenders.map((contender) => ({ contender, figures: new Array<number>() }))
  for (let round = -warmUps; round < rounds; round++) {
    for (const { contender, figures } of timings) {
      const micros = await time(contender)
      if (round >= 0) figures.push(micros)
    }
  }
  return timings.map(({ contender: { name, rows }, figures }) => ({ name, rows, rounds: figures }))
}

export const median = (figures: ReadonlyArray<number>): number => {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1)
  return middle.reduce((sum, figure) => sum + figure, 0) / middle.length
}

/** The median of the ratios within each round: what slows a whole round down cancels out. */
export const ratio = (of: Timing, to: Timing): number =>
  median(of.rounds.map((figure, round) => figure / (to.rounds[round] ?? NaN)))

export const named = (timings: ReadonlyArray<Timing>, name: string, rows?: number): Timing => {
  const found = timings.find((timing) => timing.name === name && (rows === undefined || timing.rows === rows))
  if (found === undefined) throw new Error(`no timing of ${name}`)
  return found
}
