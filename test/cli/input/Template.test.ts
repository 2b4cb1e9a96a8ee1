import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as Template from "../../../cli/src/input/Template.js"

const render = (template: string, row: unknown): string =>
  Either.match(
    Either.flatMap(Template.parse(template), (parsed) => Template.render(parsed, row)),
    { onLeft: (why) => `wrong: ${why}`, onRight: (json) => json }
  )

describe("Template: a place in a body", () => {
  it("takes the JSON of its field", () => {
    const row = { text: 'say "hi"\n', n: 3, list: [1, "a"], none: null }
    assert.strictEqual(
      render('{"a":{{text}},"b":{{ n }},"c":{"d":{{list}}},"e":{{none}}}', row),
      '{"a":"say \\"hi\\"\\n","b":3,"c":{"d":[1,"a"]},"e":null}'
    )
  })

  it("takes only the characters inside a string: of a text its own, else those of its JSON", () => {
    const row = { text: 'say "hi"\n', n: 3, list: [1, "a"] }
    assert.deepStrictEqual(JSON.parse(render('{"a":"Translate: {{text}} ({{n}}, {{list}})"}', row)), {
      a: 'Translate: say "hi"\n (3, [1,"a"])'
    })
  })

  it("knows strings by their quotes, also after escaped ones", () => {
    assert.strictEqual(render('{"a\\"":"\\\\","b":{{x}}}', { x: "y" }), '{"a\\"":"\\\\","b":"y"}')
    assert.strictEqual(render('{"a":"\\"{{x}}\\"","b":{{x}}}', { x: "y" }), '{"a":"\\"y\\"","b":"y"}')
  })

  it("goes into fields by dots, and prefers a field that has the dots in its name", () => {
    const row = { user: { name: "Ann", tags: ["x", "y"] }, "a.b": 1, a: { b: 2, c: 3 }, "d.e": { f: 4 } }
    assert.strictEqual(render("[{{user.name}},{{user.tags.1}},{{a.b}},{{a.c}},{{d.e.f}}]", row), '["Ann","y",1,3,4]')
  })

  it("takes the whole row for a dot", () => {
    assert.strictEqual(render("{{.}}", { a: 1 }), '{"a":1}')
    assert.strictEqual(render('{"input":{{.}}}', "just a text"), '{"input":"just a text"}')
  })

  it("reads a text as JSON where it says so", () => {
    assert.strictEqual(render('{"n":{{n:json}},"m":{{ m : json }}}', { n: "7", m: [1] }), '{"n":7,"m":[1]}')
    assert.match(render('{"n":{{n:json}}}', { n: "seven" }), /^wrong: the field "n" is no JSON: /)
  })

  it("says which field is missing, and which there are", () => {
    assert.strictEqual(
      render('{"a":{{text}}}', { id: 1, title: "t" }),
      'wrong: there is no field "text"; the fields are: id, title'
    )
    assert.strictEqual(render('{"a":{{toString}}}', {}), 'wrong: there is no field "toString"; the fields are: ')
    assert.match(render('{"a":{{a}}}', "text"), /^wrong: there is no field "a"/)
  })

  it("is of a template that is JSON once it is filled", () => {
    for (const wrong of ['{"a":{{x}}', '{"a":{{x}', "{a:{{x}}}", '{"a":{{x}} {{y}}}', ""]) {
      assert.match(render(wrong, { x: 1, y: 2 }), /^wrong: it is no JSON: /)
    }
  })
})

describe("Template: a place in an address", () => {
  it("takes its field percent-encoded", () => {
    const template = Template.parseUrl("http://a.example/{{id}}?q={{q}}")
    assert.deepStrictEqual(
      Template.renderUrl(template, { id: "a/b c", q: 5 }),
      Either.right("http://a.example/a%2Fb%20c?q=5")
    )
  })
})
