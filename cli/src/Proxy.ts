/** The proxies of the environment, as other programs read them. */
import { Either } from "effect"

/** What undici is told; a proxy that is not named is none. */
export interface Proxies {
  readonly httpProxy: string
  readonly httpsProxy: string
  readonly noProxy: string
}

type Environment = { readonly [name: string]: string | undefined }

/** Nobody means these of another machine. */
const own = ["localhost", "127.0.0.1", "[::1]"]

const wholeUrl = (proxy: string): string => (proxy === "" || proxy.includes("://") ? proxy : `http://${proxy}`)

/**
 * `HTTPS_PROXY` and `HTTP_PROXY`, or `ALL_PROXY` for both, and the hosts of `NO_PROXY` that need none; small letters come first.
 * Undefined where no proxy is named; on the left, what is wrong with one.
 */
export const ofEnvironment = (environment: Environment): Either.Either<Proxies | undefined, string> => {
  const named = (name: string): string => environment[name] ?? environment[name.toUpperCase()] ?? ""
  const proxyOf = (name: string): Either.Either<string, string> => {
    const url = wholeUrl(named(name) || named("all_proxy"))
    if (url === "" || (URL.canParse(url) && /^https?:/.test(url))) return Either.right(url)
    const shown = JSON.stringify(url)
    return Either.left(`${name.toUpperCase()}: expected a URL such as http://proxy.example:3128, got ${shown}`)
  }
  return Either.map(
    Either.all({ httpProxy: proxyOf("http_proxy"), httpsProxy: proxyOf("https_proxy") }),
    ({ httpProxy, httpsProxy }) => {
      if (httpProxy === "" && httpsProxy === "") return undefined
      const others = named("no_proxy").trim()
      const noProxy = others === "*" ? others : [others, ...own].filter(Boolean).join(",")
      return { httpProxy, httpsProxy, noProxy }
    }
  )
}
