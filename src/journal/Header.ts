/**
 * The header of a journal: its format, and what it is the journal of.
 *
 * @since 0.2.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { JournalError } from "./JournalError.js"
import type { Header } from "./Store.js"

const version = 1

const Line = Schema.parseJson(
  Schema.Struct({
    journal: Schema.Literal("effect-aimd"),
    version: Schema.Number,
    batch: Schema.String,
    fingerprint: Schema.String
  })
)

const decode = Schema.decodeUnknownOption(Line)
const encode = Schema.encodeSync(Line)

/**
 * The header as a line of JSON; the same for the same journal, byte for byte.
 *
 * @since 0.2.0
 * @category encoding
 */
export const line = ({ batch, fingerprint }: Header): string =>
  encode({ journal: "effect-aimd", version, batch, fingerprint })

/**
 * Compares the header that was found with the one that is meant; returns what is wrong.
 *
 * @since 0.2.0
 * @category decoding
 */
export const mismatch = (found: string, meant: Header, journal: string): JournalError | undefined => {
  const foreign = (detail: string) => new JournalError({ reason: "Foreign", journal, detail })
  const header = decode(found)
  if (Option.isNone(header)) return foreign("what is there is no journal of this package, and is left alone")
  const { batch, fingerprint, version: other } = header.value
  if (other !== version) return foreign(`its format has version ${other}, this package writes version ${version}`)
  if (batch !== meant.batch) return foreign(`it is of the batch "${batch}", not of "${meant.batch}"`)
  return fingerprint === meant.fingerprint
    ? undefined
    : foreign(`its results are of the fingerprint "${fingerprint}", not of "${meant.fingerprint}"`)
}
