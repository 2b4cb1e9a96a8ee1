/** What a run leaves behind: `results.jsonl`, `audit.jsonl` and a summary. */
import { FileSystem, Path, type Error as PlatformError } from "@effect/platform"
import { Cause, Data, Effect, Exit, Predicate, Schema, Stream } from "effect"
import { ReorderBuffer } from "effect-aimd"
import type { Row } from "./corpus.js"

/** A file or folder of `--out` cannot be written. */
export class OutputError extends Data.TaggedError("OutputError")<{ readonly path: string; readonly reason: string }> {
  override get message(): string {
    return `cannot write ${this.path}: ${this.reason}; choose another folder with --out`
  }
}

const reasons: { readonly [code: string]: string } = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  EEXIST: "a file is in the way",
  ENOTDIR: "a file is in the way",
  EISDIR: "a folder is in the way",
  ENOENT: "no folder can be made there",
  ENOSPC: "the disk is full"
}

const asOutputError =
  (path: string) =>
  (error: PlatformError.PlatformError): OutputError => {
    const code = Predicate.hasProperty(error.cause, "code") ? String(error.cause.code) : ""
    return new OutputError({ path, reason: reasons[code] ?? error.message })
  }

export interface Files {
  readonly results: string
  readonly audit: string
}

/** Makes the folder and sees that both files can be written, without touching what is in them. */
export const prepare = (out: string): Effect.Effect<Files, OutputError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const files = { results: path.join(out, "results.jsonl"), audit: path.join(out, "audit.jsonl") }
    // Node's own `recursive` never returns where a folder exists that nothing can be made in, such as /proc.
    const make = (folder: string): Effect.Effect<void, PlatformError.PlatformError> =>
      Effect.gen(function* () {
        if (yield* fs.exists(folder)) return
        yield* make(path.dirname(folder))
        yield* fs.makeDirectory(folder)
      })
    yield* Effect.mapError(make(path.resolve(out)), asOutputError(out))
    for (const file of [files.results, files.audit]) {
      yield* fs.open(file, { flag: "a" }).pipe(Effect.scoped, Effect.mapError(asOutputError(file)))
    }
    return files
  })

export type Entry = ReorderBuffer.BufferEntry<
  ReadonlyArray<number>,
  { readonly _tag: string; readonly message: string }
>

/** How an entry's outcome is named: `undefined` for a success. */
export const failureOf = ({ exit }: Entry): { readonly error: string; readonly message: string } | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const error = Cause.squash(exit.cause)
  if (Cause.isFailure(exit.cause) && Predicate.hasProperty(error, "_tag") && error instanceof Error) {
    return { error: String(error._tag), message: error.message }
  }
  return { error: "Defect", message: error instanceof Error ? error.message : String(error) }
}

const encodeMetadata = Schema.encodeSync(ReorderBuffer.EntryMetadata)

/** The audit record of an entry: its metadata and what became of it. */
export const auditRecord = (entry: Entry): object => {
  const failure = failureOf(entry)
  return { ...encodeMetadata(entry), outcome: failure === undefined ? "success" : "failure", ...failure }
}

/** The result of a row that succeeded. */
export interface Result extends Row {
  readonly submitIndex: number
  readonly stateId: string
  readonly embedding: ReadonlyArray<number>
}

/** The results of the rows that succeeded, in submission order. */
export const results = (rows: ReadonlyArray<Row>, entries: ReadonlyArray<Entry>): ReadonlyArray<Result> =>
  entries.flatMap(({ exit, stateId, submitIndex }) => {
    const row = rows[submitIndex]
    return Exit.isSuccess(exit) && row !== undefined ? [{ submitIndex, stateId, ...row, embedding: exit.value }] : []
  })

const writeLines = (file: string, records: Iterable<object>) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Stream.fromIterable(records).pipe(
      Stream.map((record) => `${JSON.stringify(record)}\n`),
      Stream.encodeText,
      Stream.run(fs.sink(file)),
      Effect.mapError(asOutputError(file))
    )
  )

/** Writes both files; what was in them is gone. */
export const write = (
  files: Files,
  found: ReadonlyArray<Result>,
  entries: ReadonlyArray<Entry>
): Effect.Effect<void, OutputError, FileSystem.FileSystem> =>
  Effect.zipRight(writeLines(files.results, found), writeLines(files.audit, entries.map(auditRecord)))
