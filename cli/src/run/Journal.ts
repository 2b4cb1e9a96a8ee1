/** The journal beside the results: what was paid before, how a run begins anew, and what its errors mean to the user. */
import { FileSystem } from "@effect/platform"
import { Effect, type Layer, Predicate, Schema, Stream } from "effect"
import { Usage } from "effect-aimd"
import { FileJournal, Journal, type JournalError } from "effect-aimd/journal"
import { InputError, OutputError, reasonOf } from "../Failure.js"
import * as Lines from "../input/Lines.js"
import { type Tokens, tokensOf } from "./Money.js"

/** Where the journal of some results lies. */
export const pathOf = (out: string): string => `${out}.journal`

/** The batch that all journals of this command are of. */
export const batchId = "effect-aimd run"

/** The journal in the file beside the results. */
export const layer = (out: string): Layer.Layer<Journal.Journal, never, FileSystem.FileSystem> =>
  FileJournal.layer(pathOf(out))

/** An error of the journal in words that say what to do. */
export const explain = ({ journal, message, reason }: JournalError.JournalError): InputError | OutputError => {
  switch (reason) {
    case "ChangedRow":
      return new InputError({
        message: `${message}; give changed rows other names, or begin anew with --fresh, which keeps ${journal} as ${journal}.old`
      })
    case "Foreign":
    case "Corrupt":
      return new InputError({ message: `${message}; take another --out, or begin anew with --fresh` })
    case "InUse":
    case "DuplicateRow":
      return new InputError({ message })
    case "Encode":
    case "Read":
    case "Write":
      return new OutputError({ message })
  }
}

/** What the answers in a journal have cost. */
export interface Paid {
  readonly tokens: Tokens
  /** The most tokens that one answer had. */
  readonly largest: number
}

/** Of a run that pays nothing. */
export const nothing: Paid = { tokens: { input: 0, output: 0 }, largest: 0 }

const isUsed = Schema.is(Usage.Used)

const paidOf = (line: Uint8Array): Tokens | undefined => {
  try {
    const record: unknown = JSON.parse(new TextDecoder().decode(line))
    return Predicate.isRecord(record) && isUsed(record["usage"]) ? tokensOf(record["usage"]) : undefined
  } catch {
    // What is damaged is told of by whoever opens the journal.
    return undefined
  }
}

/** Sums up a journal: each answer was paid for, also where the row was done again since. */
export const paid = (out: string): Effect.Effect<Paid, OutputError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = pathOf(out)
    if (!(yield* fs.exists(path))) return nothing
    const splitter = new Lines.Splitter()
    return yield* Stream.runFold(fs.stream(path), nothing, (sum, bytes) =>
      splitter.push(bytes).reduce((paid, line) => {
        const found = paidOf(line)
        if (found === undefined) return paid
        const { largest, tokens } = paid
        return {
          tokens: { input: tokens.input + found.input, output: tokens.output + found.output },
          largest: Math.max(largest, found.output)
        }
      }, sum)
    )
  }).pipe(Effect.mapError((error) => new OutputError({ message: `${pathOf(out)} cannot be read: ${reasonOf(error)}` })))

const hasContent = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.stat(path)).pipe(
    Effect.map(({ size }) => size > 0n),
    Effect.orElseSucceed(() => false)
  )

/** Results without their journal are of something else: they are left alone. */
export const checkResults = (out: string): Effect.Effect<void, InputError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    if (!(yield* hasContent(out)) || (yield* hasContent(pathOf(out)))) return
    return yield* new InputError({
      message: `${out} is there, and its journal ${pathOf(out)} is not; take another --out, or begin anew with --fresh, which keeps it as ${out}.old`
    })
  })

/** Puts results and journal of an earlier run aside. Fails while somebody works with them. */
export const putAside = (out: string): Effect.Effect<void, InputError | OutputError, FileSystem.FileSystem> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    if (yield* hasContent(pathOf(out))) {
      const taken = Effect.flatMap(Journal.Journal, (journal) => journal.open({ batch: batchId, fingerprint: "" }))
      // Whatever else is wrong with it: it is put aside.
      yield* taken.pipe(
        Effect.scoped,
        Effect.provide(layer(out)),
        Effect.catchAll((error) => (error.reason === "InUse" ? Effect.fail(explain(error)) : Effect.void))
      )
    }
    for (const path of [pathOf(out), out]) {
      if (!(yield* hasContent(path))) continue
      yield* Effect.mapError(
        fs.rename(path, `${path}.old`),
        (error) => new OutputError({ message: `${path} cannot be put aside: ${reasonOf(error)}` })
      )
    }
  })
