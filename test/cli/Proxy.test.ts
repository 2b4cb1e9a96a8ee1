import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as Proxy from "../../cli/src/Proxy.js"

const proxy = "http://proxy.test:3128"
const own = "localhost,127.0.0.1,[::1]"

describe("The proxies of the environment", () => {
  const read = (environment: Record<string, string>) => Either.getOrThrow(Proxy.ofEnvironment(environment))

  it("are none where none is named", () => {
    for (const none of [{}, { HTTPS_PROXY: "" }, { NO_PROXY: "*" }]) assert.isUndefined(read(none))
  })

  it("are for http and https apart, or one for both; small letters come first", () => {
    assert.deepStrictEqual(read({ HTTPS_PROXY: proxy }), { httpProxy: "", httpsProxy: proxy, noProxy: own })
    assert.deepStrictEqual(read({ http_proxy: proxy, HTTP_PROXY: "http://b" }), {
      httpProxy: proxy,
      httpsProxy: "",
      noProxy: own
    })
    assert.deepStrictEqual(read({ ALL_PROXY: "proxy.test:3128" }), {
      httpProxy: proxy,
      httpsProxy: proxy,
      noProxy: own
    })
  })

  it("are for no host of NO_PROXY, and not for this machine", () => {
    assert.strictEqual(read({ ALL_PROXY: proxy, NO_PROXY: "a.test,.b.test" })?.noProxy, `a.test,.b.test,${own}`)
    assert.strictEqual(read({ ALL_PROXY: proxy, no_proxy: "*" })?.noProxy, "*")
  })

  it("are URLs", () => {
    const wrong = Proxy.ofEnvironment({ HTTPS_PROXY: "socks5://proxy.test" })
    assert.match(Either.merge(wrong) as string, /^HTTPS_PROXY: expected a URL such as .*, got "socks5:\/\/proxy.test"$/)
  })
})
