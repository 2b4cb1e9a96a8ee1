import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Corpus from "../../examples/demo/corpus.js"

const names = (source: string) => Corpus.parse("Mod", source).map(({ line, name }) => [name, line])
const texts = (source: string) => Corpus.parse("Mod", source).map(({ text }) => text)

describe("Corpus: parse", () => {
  it("names the export below a comment and the line the comment begins at", () => {
    const source = [
      "/** One. */",
      "export const one = 1",
      "",
      "/**",
      " * Two.",
      " */",
      "export function two() {}",
      "/** Three. */",
      "export interface Three<A> {}",
      "/** Four. */",
      "export declare namespace Four {}",
      "/** Five. */",
      "export abstract class Five {}"
    ].join("\n")
    assert.deepStrictEqual(names(source), [
      ["one", 1],
      ["two", 4],
      ["Three", 8],
      ["Four", 10],
      ["Five", 12]
    ])
  })

  it("gives the comment above a module's imports to the module", () => {
    assert.deepStrictEqual(names('/**\n * A module.\n */\nimport * as X from "./X.js"\n'), [["*", 1]])
    assert.deepStrictEqual(names("/** A module. */\n\n/** One. */\nexport const one = 1"), [
      ["*", 1],
      ["one", 3]
    ])
  })

  it("gives the comments of members and overloads to their export, each text once", () => {
    const source = [
      "/** Maps. */",
      "export const map: {",
      "  /** Maps. */",
      "  (self: A): B",
      "  /** Maps, data first. */",
      "  (self: B): C",
      "} = internal.map"
    ].join("\n")
    assert.deepStrictEqual(Corpus.parse("Mod", source), [
      { module: "Mod", name: "map", line: 1, text: "Maps." },
      { module: "Mod", name: "map", line: 5, text: "Maps, data first." }
    ])
  })

  it("takes the exported name from an export list", () => {
    const source = "const void_ = 1\nexport {\n  /** Nothing. */\n  void_ as void,\n  /** Text. */\n  text\n}"
    assert.deepStrictEqual(names(source), [
      ["void", 3],
      ["text", 5]
    ])
  })

  it("leaves out what is not exported, and comments that consist of tags", () => {
    assert.deepStrictEqual(names("const x = 1\n/** Hidden. */\nconst hidden = 2"), [])
    assert.deepStrictEqual(names("/** @since 2.0.0 */\nexport const one = 1"), [])
    assert.deepStrictEqual(names("/* Plain. */\nexport const one = 1"), [])
  })

  it("has no rows for an empty source", () => {
    assert.deepStrictEqual(names(""), [])
  })

  it("leaves examples, tags and the frame out of the text, and resolves links", () => {
    const source = [
      "/**",
      " * Runs it, see {@link fork}.",
      " *",
      " * **Example** (Run)",
      " *",
      " * ```ts",
      " * @decorated run()",
      " * ```",
      " *",
      " * Then ends.",
      " *",
      " * @since 2.0.0",
      " * @category running",
      " */",
      "export const run = 1"
    ].join("\n")
    assert.deepStrictEqual(texts(source), ["Runs it, see fork.\n\nThen ends."])
  })
})

describe("Corpus: read", () => {
  it.live("reads several thousand rows with names of their own from the installed package", () =>
    Effect.gen(function* () {
      const rows = yield* Corpus.read
      assert.isAbove(rows.length, 3000)
      assert.strictEqual(new Set(rows.map(Corpus.stateId)).size, rows.length)
      const retry = rows.find(({ module, name }) => module === "Effect" && name === "retry")
      assert.match(retry?.text ?? "", /^Retries a failing effect/)
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
