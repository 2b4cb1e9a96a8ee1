/** The page of a run as a browser shows it: opened from a file, pressed, pointed at and measured. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, assert, describe, it } from "@effect/vitest"
import { BatchReport } from "effect-aimd/report"
import { sample } from "../report/sample.js"
import * as Chromium from "./chromium.js"

const isInstalled = Chromium.isInstalled()
if (!isInstalled) console.warn("chromium is not installed: the page of a report is not looked at")

const widths = [400, 1600]
const schemes = ["light", "dark"] as const

/** Of all that has words of its own: how well they stand out, by the WCAG's contrast of colours, and how large they are. */
const legibility = `(() => {
  const paper = document.createElement("canvas").getContext("2d", { willReadFrequently: true })
  const light = (colour, below) => {
    paper.fillStyle = below ?? colour
    paper.fillRect(0, 0, 1, 1)
    paper.fillStyle = colour
    paper.fillRect(0, 0, 1, 1)
    const parts = [...paper.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255)
    const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const behind = (element) => {
    const colour = getComputedStyle(element).backgroundColor
    return colour === "rgba(0, 0, 0, 0)" && element.parentElement ? behind(element.parentElement) : colour
  }
  const found = []
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (words.nextNode()) {
    const element = words.currentNode.parentElement
    if (words.currentNode.data.trim() === "" || element.closest("script, title, desc")) continue
    const box = element.getBoundingClientRect()
    if (box.width === 0) continue
    const style = getComputedStyle(element)
    const [a, b] = [light(element.closest("svg") ? style.fill : style.color), light(behind(element))]
    const scale = element.closest("svg") ? element.closest("svg").getBoundingClientRect().width / element.closest("svg").viewBox.baseVal.width : 1
    found.push({
      text: words.currentNode.data.trim().slice(0, 40),
      contrast: (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05),
      size: parseFloat(style.fontSize) * scale
    })
  }
  return found
})()`

interface Word {
  readonly text: string
  readonly contrast: number
  readonly size: number
}

describe("the page of a report, in a browser", () => {
  it("needs a chromium, and says where there is none", () => {
    assert.isBoolean(isInstalled)
  })
  if (!isInstalled) return

  let page: Chromium.Page
  const folder = mkdtempSync(join(tmpdir(), "report-"))
  const file = join(folder, "report.html")
  beforeAll(async () => {
    writeFileSync(file, BatchReport.html(sample(1000), { title: "A run" }))
    page = await Chromium.start()
  })
  afterAll(async () => {
    await page.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const open = async (width: number, scheme: (typeof schemes)[number]): Promise<void> => {
    await page.resize(width)
    await page.prefer(scheme)
    await page.open(pathToFileURL(file).href)
  }
  const text = (selector: string) => page.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`)
  const paper = () => page.evaluate("getComputedStyle(document.body).backgroundColor")

  for (const width of widths) {
    for (const scheme of schemes) {
      it(`fits and can be read at ${width} pixels, ${scheme}`, async () => {
        await open(width, scheme)
        assert.strictEqual(await page.evaluate("document.documentElement.scrollWidth"), width)
        // Words are as wide as their columns: nothing is cut off inside the page either.
        const wide =
          "[...document.querySelectorAll('section, table, svg')].filter((e) => e.scrollWidth > e.clientWidth + 1)"
        assert.deepStrictEqual(await page.evaluate(`${wide}.map((e) => e.tagName)`), [])
        // It is the expression's own list.
        const words = (await page.evaluate(legibility)) as ReadonlyArray<Word>
        assert.isAbove(words.length, 150)
        assert.deepStrictEqual(
          words.filter(({ contrast, size }) => contrast < 4.5 || size < 11),
          []
        )
        // One picture of the two is there.
        const shown = "[...document.querySelectorAll('svg')].filter((e) => e.getBoundingClientRect().width > 0).length"
        assert.strictEqual(await page.evaluate(shown), 1)
      })
    }
  }

  it("changes its colours at a press of the switch, whatever the system prefers", async () => {
    for (const [scheme, first, second] of [
      ["light", "rgb(255, 255, 255)", "rgb(20, 25, 31)"],
      ["dark", "rgb(20, 25, 31)", "rgb(255, 255, 255)"]
    ] as const) {
      await open(400, scheme)
      const seen = [await paper()]
      for (const _ of [1, 2]) {
        await page.click("#theme")
        seen.push(await paper())
      }
      assert.deepStrictEqual(seen, [first, second, first])
      assert.strictEqual(await page.evaluate("theme.ariaPressed"), String(scheme === "dark"))
    }
  })

  it("tells of an instant: by the keys of the slider, and where one points at the picture", async () => {
    for (const [width, picture] of [
      [400, ".narrow"],
      [1600, ".wide"]
    ] as const) {
      await open(width, "light")
      const first = [await text("#moment"), await text("#now-why")]
      assert.deepStrictEqual(first, ["0 ms", "looking for the limit: nothing was rejected yet"])
      await page.evaluate("instant.focus()")
      await page.press("End")
      const last = await text("#moment")
      assert.notStrictEqual(last, first[0])
      assert.strictEqual(await page.evaluate("instant.ariaValueText ?? instant.getAttribute('aria-valuetext')"), last)
      await page.press("Home")
      assert.strictEqual(await text("#moment"), first[0])
      await page.point(picture, 0.999, 0.3)
      assert.strictEqual(await text("#moment"), last)
      await page.point(picture, 0.01, 0.3)
      assert.strictEqual(await text("#moment"), first[0])
    }
  })

  it("opens a kind of failure at a press", async () => {
    await open(400, "light")
    const isOpen = () => page.evaluate("[...document.querySelectorAll('details')].map((e) => e.open)")
    assert.deepStrictEqual(await isOpen(), [true, false])
    await page.click("details:not([open]) summary")
    assert.deepStrictEqual(await isOpen(), [true, true])
    assert.match(String(await text("details:last-of-type")), /text is not iterable/)
  })

  it("has said nothing on its console, and asked for nothing", () => {
    assert.deepStrictEqual(page.complaints(), [])
    assert.deepStrictEqual(page.requests(), [])
  })

  it("is seen to complain where it has a reason to", async () => {
    await page.evaluate("console.error('planted')")
    await page.evaluate("setTimeout(() => { throw new Error('planted') })")
    await page.evaluate("void fetch('http://127.0.0.1:9/').catch(() => undefined)")
    const planted = () =>
      page.complaints().filter((complaint) => /planted|Content Security Policy/.test(complaint)).length
    while (planted() < 3) await page.evaluate("1")
    assert.isAtLeast(planted(), 3)
  })
})
