/** Where a request goes: the base of `--url`, and what the row says. */
import { Either } from "effect"

/** An address, whole, and the part of it that belongs to the row whatever the host. */
export interface Target {
  readonly url: string
  readonly path: string
}

const segments = (path: string): ReadonlyArray<string> => path.split("/").filter((segment) => segment !== "")

/**
 * The path of a base followed by that of a row. What the base ends with and the row begins with is there once: a base that
 * ends in `/v1` and a row of `/v1/embeddings` are `/v1/embeddings`.
 */
export const joinPath = (base: string, row: string): string => {
  const [ours, theirs] = [segments(base), segments(row)]
  for (let shared = Math.min(ours.length, theirs.length); shared > 0; shared--) {
    if (ours.slice(-shared).every((segment, i) => segment === theirs[i])) {
      return `/${[...ours, ...theirs.slice(shared)].join("/")}`
    }
  }
  return `/${[...ours, ...theirs].join("/")}`
}

const isWhole = (url: string): boolean => /^[a-z][a-z0-9+.-]*:/i.test(url)

/** Reads a base URL; on the left, what is wrong with it. */
export const parseBase = (text: string): Either.Either<URL, string> => {
  const wrong = `expected an http or https URL such as https://api.openai.com/v1, got ${JSON.stringify(text)}`
  if (!URL.canParse(text)) return Either.left(wrong)
  const url = new URL(text)
  return /^https?:$/.test(url.protocol) ? Either.right(url) : Either.left(wrong)
}

/**
 * The address of a row. A row may name a whole URL only of the base's own host: the key goes to no other. Queries of both are
 * kept.
 */
export const join = (base: URL, row: string): Either.Either<Target, string> => {
  const target = new URL(base)
  if (isWhole(row)) {
    if (!URL.canParse(row)) return Either.left(`its url ${JSON.stringify(row)} is none`)
    const own = new URL(row)
    if (own.origin !== base.origin) {
      return Either.left(`its url goes to ${own.origin}, and --url to ${base.origin}: the key is sent to no other host`)
    }
    return Either.right({ url: own.href, path: own.pathname + own.search })
  }
  const [path = "", query] = row.split("?", 2)
  target.pathname = joinPath(base.pathname, path)
  if (path.endsWith("/") && !target.pathname.endsWith("/")) target.pathname += "/"
  // As they are written: an API may not take a plus for a blank.
  if (query !== undefined) target.search = [base.search.slice(1), query].filter((part) => part !== "").join("&")
  target.hash = ""
  return Either.right({ url: target.href, path: row })
}
