/** Chromium without a window, steered through a pipe by the DevTools protocol: https://chromedevtools.github.io/devtools-protocol */
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Readable, Writable } from "node:stream"

const command = "chromium"

/** Whether there is a chromium here. */
export const isInstalled = (): boolean => spawnSync(command, ["--version"]).error === undefined

/** A page in a browser. */
export interface Page {
  readonly open: (url: string) => Promise<void>
  /** The value of an expression, which must be JSON. */
  readonly evaluate: (expression: string) => Promise<unknown>
  readonly resize: (width: number) => Promise<void>
  /** What the reader's system prefers. */
  readonly prefer: (scheme: "dark" | "light") => Promise<void>
  /** Presses and lets go the mouse in the middle of the element of a selector. */
  readonly click: (selector: string) => Promise<void>
  /** Moves the mouse to a place of the element of a selector: shares of its width and height. */
  readonly point: (selector: string, x: number, y: number) => Promise<void>
  readonly press: (key: string) => Promise<void>
  /** All of the page, as a PNG. */
  readonly picture: () => Promise<Buffer>
  /** Errors, warnings and refused requests so far. */
  readonly complaints: () => ReadonlyArray<string>
  /** Requests for anything but the page itself so far. */
  readonly requests: () => ReadonlyArray<string>
  readonly close: () => Promise<void>
}

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** Messages to the browser and back, as JSON that ends with a zero. */
const connect = (input: Writable, output: Readable, onEvent: (message: Message) => void) => {
  const waiting = new Map<number, { resolve: (result: Record<string, unknown>) => void; reject: (e: Error) => void }>()
  let last = 0
  let rest = ""
  output.setEncoding("utf8").on("data", (chunk: string) => {
    const parts = (rest + chunk).split("\0")
    rest = parts.pop() ?? ""
    for (const part of parts) {
      // The protocol says what it sends.
      const message = JSON.parse(part) as Message
      const asked = message.id === undefined ? undefined : waiting.get(message.id)
      if (message.id === undefined) onEvent(message)
      else if (message.error !== undefined) asked?.reject(new Error(message.error.message))
      else asked?.resolve(message.result ?? {})
    }
  })
  return (method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> => {
    const id = ++last
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`)
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
  }
}

/** Starts a browser with a page. */
export const start = async (): Promise<Page> => {
  const profile = mkdtempSync(join(tmpdir(), "chromium-"))
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]
  const browser = spawn(
    command,
    [...flags, "--no-first-run", `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank"],
    { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] }
  )
  const complaints: Array<string> = []
  const requests: Array<string> = []
  let loaded = (): void => undefined
  const hear = ({ method, params = {} }: Message): void => {
    if (method === "Page.loadEventFired") loaded()
    if (method === "Network.requestWillBeSent") {
      const { type, request } = params as { type?: string; request?: { url: string } }
      if (type !== "Document") requests.push(request?.url ?? "")
    }
    const isLog = method === "Runtime.consoleAPICalled" || method === "Log.entryAdded"
    if (isLog || method === "Runtime.exceptionThrown") complaints.push(JSON.stringify(params))
  }
  // The two pipes were asked for above.
  const call = connect(browser.stdio[3] as Writable, browser.stdio[4] as Readable, hear)
  const { targetId } = await call("Target.createTarget", { url: "about:blank" })
  const { sessionId } = await call("Target.attachToTarget", { targetId, flatten: true })
  const send = (method: string, params?: object) => call(method, params, String(sessionId))
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`)

  const evaluate = async (expression: string): Promise<unknown> => {
    const { exceptionDetails, result } = await send("Runtime.evaluate", { expression, returnByValue: true })
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`)
    return (result as { value?: unknown }).value
  }
  const placeIn = async (selector: string, along: number, down: number) => {
    const element = `document.querySelector(${JSON.stringify(selector)})`
    const box = `(() => { const e = ${element}; e.scrollIntoView({ block: "center" }); return e.getBoundingClientRect().toJSON() })()`
    const { height, left, top, width } = (await evaluate(box)) as Record<"height" | "left" | "top" | "width", number>
    return { x: left + along * width, y: top + down * height }
  }
  const mouse = (type: string, place: object, button = "none") =>
    send("Input.dispatchMouseEvent", { type, ...place, button, clickCount: button === "none" ? 0 : 1 })

  return {
    open: async (url) => {
      const done = new Promise<void>((resolve) => (loaded = resolve))
      await send("Page.navigate", { url })
      await done
    },
    evaluate,
    resize: async (width) => {
      await send("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: false })
    },
    prefer: async (scheme) => {
      await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] })
    },
    click: async (selector) => {
      const place = await placeIn(selector, 0.5, 0.5)
      await mouse("mouseMoved", place)
      await mouse("mousePressed", place, "left")
      await mouse("mouseReleased", place, "left")
    },
    point: async (selector, x, y) => {
      await mouse("mouseMoved", await placeIn(selector, x, y))
    },
    press: async (key) => {
      for (const type of ["rawKeyDown", "keyUp"]) {
        await send("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: keyCodes[key] ?? 0 })
      }
    },
    picture: async () => {
      const { data } = await send("Page.captureScreenshot", { captureBeyondViewport: true })
      return Buffer.from(String(data), "base64")
    },
    complaints: () => complaints,
    requests: () => requests,
    close: async () => {
      const ended = once(browser, "exit")
      await call("Browser.close")
      await ended
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

const keyCodes: { readonly [key: string]: number } = { ArrowRight: 39, End: 35, Home: 36, " ": 32 }
