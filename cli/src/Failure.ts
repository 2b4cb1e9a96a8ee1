/** Why the command cannot go on, in words for whoever typed it. */
import { Data } from "effect"

/** What was handed in is wrong: an option, a line of the input, a journal of something else. Nothing was overwritten. */
export class InputError extends Data.TaggedError("InputError")<{ readonly message: string }> {}

/** What should be kept cannot be written. */
export class OutputError extends Data.TaggedError("OutputError")<{ readonly message: string }> {}

const reasons: { readonly [code: string]: string } = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  EEXIST: "a file is in the way",
  ENOTDIR: "a file is in the way",
  EISDIR: "it is a folder",
  ENOENT: "there is no such file or folder",
  ENOSPC: "the disk is full"
}

const codeOf = (error: unknown): string | undefined => {
  if (!(error instanceof Object)) return undefined
  if ("code" in error && typeof error.code === "string") return error.code
  return "cause" in error ? codeOf(error.cause) : undefined
}

/** What the system says, in words; `error` is Node's, or one that has Node's as its cause. */
export const reasonOf = (error: unknown): string => {
  const code = codeOf(error)
  if (code !== undefined && reasons[code] !== undefined) return reasons[code]
  return error instanceof Error ? error.message : String(error)
}
