import { assert, describe, it } from "@effect/vitest"
import * as Drawing from "../../src/report/Drawing.js"

const ink: Drawing.Ink = { text: "black", faint: "grey", grid: "silver", paper: "white" }
const red: Drawing.Colour = { name: "red", paint: "#f00" }

/**
 * A picture in which a millisecond is a pixel: the axes meet at 58 and 135, and a panel of height 105 shows values up to 100 as
 * so many pixels.
 */
const plain: Drawing.Picture = {
  ...{ title: "A run", facts: "facts", width: 166, from: 5000, until: 5100, ink, hasHeading: false },
  panels: []
}
const panel = (series: ReadonlyArray<Partial<Drawing.Series>>, over: Partial<Drawing.Panel> = {}): Drawing.Panel => ({
  ...{ unit: "rows", height: 105, width: 10 },
  series: series.map((one) => ({ name: "s", colour: red, kind: "line", values: [100], ...one })),
  ...over
})

interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly text: string
}

/** The elements of a picture, in order. */
const elementsOf = (over: Partial<Drawing.Picture>): ReadonlyArray<Element> =>
  [...Drawing.svg({ ...plain, ...over }).matchAll(/<(\w+)((?: [\w-]+="[^"]*")*)\/?>([^<]*)/g)].map(
    ([, name = "", attributes = "", text = ""]) => ({
      name,
      attributes: Object.fromEntries(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value])
      ),
      text
    })
  )
const of = (picture: Partial<Drawing.Picture>, wanted: (element: Element) => boolean) =>
  elementsOf(picture).filter(wanted)

/** The path of the only series. */
const pathOf = (series: Partial<Drawing.Series>): string | undefined =>
  of(
    { panels: [panel([series])] },
    ({ attributes, name }) =>
      name === "path" && /^#f00$/.test(`${attributes["stroke"] === "none" ? attributes["fill"] : attributes["stroke"]}`)
  )[0]?.attributes["d"]

const texts = (picture: Partial<Drawing.Picture>, anchor?: string) =>
  of(picture, ({ attributes, name }) => name === "text" && attributes["text-anchor"] === anchor).map(
    ({ attributes: { x, y }, text }) => [text, Number(x), Number(y)]
  )

describe("A line", () => {
  it("keeps a value for its bin, goes on to the next, and is broken where there is none", () => {
    assert.strictEqual(
      pathOf({ values: [0, 50, 50, 50, 100, NaN, 100, Infinity, 20, 40] }),
      "M58,135H68L68,85H78H98L98,35H108M118,35H128M138,115H148L148,95H158"
    )
  })

  it("of a level that goes on has its two ends only, and goes to the end of the picture", () => {
    assert.strictEqual(pathOf({ values: [100, 100, 100, 100, 100] }), "M58,35H68H158")
    assert.strictEqual(pathOf({ values: [100] }), "M58,35H158")
  })
})

describe("An area and bars", () => {
  it("stand on the axis: an area from side to side, a bar for each value that is not zero", () => {
    assert.strictEqual(pathOf({ kind: "area", values: [100, 50] }), "M58,35H68L68,85H158V135H58Z")
    assert.strictEqual(pathOf({ kind: "bars", values: [0, 100, 0, 50] }), "M68,135V35H78V135ZM88,135V85H98V135Z")
  })

  it("are none where nothing was counted", () => {
    assert.strictEqual(pathOf({ kind: "bars", values: [0, 0] }), "M0,0")
  })
})

describe("The axes of a panel", () => {
  it("have marks at round numbers, up to what is shown, as far from the others as their values", () => {
    assert.deepStrictEqual(texts({ panels: [panel([{}])] }, "end"), [
      ["0", 50, 139],
      ["50", 50, 89],
      ["100", 50, 39]
    ])
    // A low panel has few of them.
    assert.deepStrictEqual(
      texts({ panels: [panel([{}], { height: 100 })] }, "end").map(([text]) => text),
      ["0", "50", "100"]
    )
    assert.deepStrictEqual(
      [101, 100].map((height) =>
        texts({ panels: [panel([{ values: [38] }], { height })] }, "end").map(([text]) => text)
      ),
      [
        ["0", "10", "20", "30"],
        ["0", "20"]
      ]
    )
  })

  it("reach to the largest of all values and levels, and to one where all are zero", () => {
    const level = { name: "limit", value: 200, dash: "4 2" }
    const marks = (one: Drawing.Panel) => texts({ panels: [one] }, "end").map(([text]) => text)
    assert.deepStrictEqual(marks(panel([{}], { levels: [level] })), ["0", "50", "100", "150", "200"])
    assert.deepStrictEqual(marks(panel([{ values: [0, NaN] }])), ["0", "0.2", "0.4", "0.6", "0.8", "1"])
    // In a picture as narrow as this its sign stands in a second line, which the panel makes room for.
    const dashed = of(
      { panels: [panel([{}], { levels: [level] })] },
      ({ attributes }) => attributes["stroke-dasharray"] === "4 2"
    )
    assert.deepStrictEqual(
      dashed.map(({ attributes }) => attributes["d"]),
      ["M58,53H158", "M58,35h16"]
    )
  })

  it("of time are counted in a unit of which there are three at least", () => {
    const unit = (lasts: number) =>
      texts({ until: plain.from + lasts, panels: [panel([{}])] }, "middle").map(([text]) => text)
    const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000]
    assert.deepStrictEqual(
      [3 * second - 1, 3 * second, 3 * minute - 1, 3 * minute, 3 * hour - 1, 3 * hour, 3 * day - 1, 3 * day].map(
        (lasts) => unit(lasts).at(-1)
      ),
      ["milliseconds", "seconds", "seconds", "minutes", "minutes", "hours", "hours", "days"]
    )
    assert.deepStrictEqual(unit(5 * minute), ["rows", "0", "1", "2", "3", "4", "5", "minutes"])
  })

  it("have the instants of their marks below the last panel, and the unit in the middle", () => {
    assert.deepStrictEqual(texts({ panels: [panel([{}])] }, "middle").slice(1), [
      ["0", 58, 153],
      ["20", 78, 153],
      ["40", 98, 153],
      ["60", 118, 153],
      ["80", 138, 153],
      ["100", 158, 153],
      ["milliseconds", 108, 171]
    ])
  })

  it("of a run of no time are there, too", () => {
    assert.notMatch(Drawing.svg({ ...plain, until: plain.from, panels: [panel([{}])] }), /NaN|Infinity/)
  })
})

describe("A legend", () => {
  const named = (...names: ReadonlyArray<string>) => panel(names.map((name) => ({ name })))
  const places = (width: number, ...names: ReadonlyArray<string>) =>
    texts({ width, panels: [named(...names)] }).map(([text, x, y]) => [text, Math.round(Number(x)), y])

  it("goes from the left to the right, each sign beside its name", () => {
    assert.deepStrictEqual(places(400, "ab", "cdef"), [
      ["ab", 80, 21],
      ["cdef", 141, 21]
    ])
    const signs = of({ width: 400, panels: [named("ab", "cdef")] }, ({ attributes }) =>
      /h16$/.test(attributes["d"] ?? "")
    )
    assert.deepStrictEqual(
      signs.map(({ attributes }) => attributes["d"]),
      ["M58,17h16", "M118.6,17h16"]
    )
  })

  it("goes on in another line where there is no room, and the panel makes room for it", () => {
    const long = "a name of twenty let"
    // Each takes 22 + 20 * 6.3 pixels, and 26 to the next.
    assert.deepStrictEqual(
      places(58 + 148 + 26 + 148 + 8, long, long).map(([, , y]) => y),
      [21, 21]
    )
    assert.deepStrictEqual(places(58 + 148 + 26 + 148 + 7, long, long), [
      [long, 80, 21],
      [long, 80, 39]
    ])
    // The first has its line, whatever it takes.
    assert.deepStrictEqual(
      places(100, long).map(([, , y]) => y),
      [21]
    )
    const axis = (width: number) => texts({ width, panels: [named(long, long)] }, "end")[0]?.[2]
    assert.deepStrictEqual([axis(400), axis(300)], [139, 157])
  })

  it("shows what each kind looks like", () => {
    const kinds = ["line", "thin", "area", "bars"] as const
    const signs = of(
      { width: 600, panels: [panel(kinds.map((kind) => ({ kind })))] },
      ({ attributes, name }) => (name === "rect" && attributes["width"] === "16") || /h16$/.test(attributes["d"] ?? "")
    )
    assert.deepStrictEqual(
      signs.map(({ attributes, name }) => [name, attributes["stroke-width"] ?? attributes["fill-opacity"]]),
      [
        ["path", "2.5"],
        ["path", "1.5"],
        ["rect", "0.25"],
        ["rect", "1"]
      ]
    )
    const thin = of(
      { panels: [panel([{ kind: "thin" }, { kind: "line" }])] },
      ({ attributes }) => attributes["stroke-linejoin"] === "round"
    )
    assert.deepStrictEqual(
      thin.map(({ attributes }) => attributes["stroke-width"]),
      ["1.2", "1.8"]
    )
  })
})

describe("A picture", () => {
  it("has its panels one below the other, and room for the axis of time", () => {
    const { attributes } = elementsOf({ panels: [panel([{}]), panel([{}], { height: 50 })] })[0] ?? {}
    // The second begins 40 below the first, which ends at 135.
    assert.deepStrictEqual(attributes?.["height"], String(135 + 40 + 50 + 44))
    assert.deepStrictEqual(texts({ panels: [panel([{}]), panel([{}], { height: 50 })] }, "end")[3], ["0", 50, 229])
  })

  it("says in words what it shows, and has a heading where that is wanted", () => {
    const panels = [panel([{ name: "a <b>" }])]
    const described = elementsOf({ panels }).slice(0, 3)
    assert.deepStrictEqual(
      described.map(({ name, text }) => [name, text]),
      [
        ["svg", "\n"],
        ["title", "A run"],
        ["desc", "facts. a &#60;b&#62; (rows): red."]
      ]
    )
    assert.strictEqual(described[0]?.attributes["role"], "img")
    const headed = texts({ panels, hasHeading: true })
    assert.deepStrictEqual(headed.slice(0, 2), [
      ["A run", 58, 28],
      ["facts", 58, 50]
    ])
    assert.strictEqual(texts({ panels })[0]?.[0], "a &#60;b&#62;")
    assert.deepStrictEqual(texts({ panels, hasHeading: true }, "end")[0], ["0", 50, 139 + 64])
  })

  it("has more room beside the panels where it is wide", () => {
    assert.deepStrictEqual(
      [Drawing.sides(599), Drawing.sides(600)],
      [
        { left: 58, right: 8 },
        { left: 76, right: 24 }
      ]
    )
  })

  it("shows instants that matter through all panels, with their words on the side where there is room", () => {
    const marks = [
      { at: 5050, name: "middle" },
      { at: 5051, name: "late" },
      { at: 5900, name: "after the end" }
    ]
    const picture = { width: 466, until: 5400, marks, panels: [panel([{}]), panel([{}], { height: 50 })] }
    const lines = of(picture, ({ attributes }) => attributes["stroke-dasharray"] === "2 3")
    assert.deepStrictEqual(
      lines.map(({ attributes }) => attributes["d"]),
      ["M108,30V225", "M109,30V225", "M458,30V225"]
    )
    const words = of(
      picture,
      ({ attributes, name, text }) =>
        name === "text" && marks.some((mark) => mark.name === text) && attributes["y"] === "166"
    )
    assert.deepStrictEqual(
      words.map(({ attributes, text }) => [text, attributes["x"], attributes["text-anchor"]]),
      [
        ["middle", "168", "start"],
        ["late", "168", "start"],
        ["after the end", "452", "end"]
      ]
    )
    const [first] = of({ ...picture, marks: [{ at: 5200, name: "half" }] }, ({ text }) => text === "half")
    assert.deepStrictEqual([first?.attributes["x"], first?.attributes["text-anchor"]], ["264", "start"])
    const [second] = of({ ...picture, marks: [{ at: 5201, name: "half" }] }, ({ text }) => text === "half")
    assert.deepStrictEqual([second?.attributes["x"], second?.attributes["text-anchor"]], ["253", "end"])
  })
})
