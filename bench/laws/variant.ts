/** The numbers that a law is built of, and the law with one of them changed. */
import type { ControlLaw, WindowLaw } from "effect-aimd"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import ts from "typescript"

export interface Constant {
  /** Within `src/law`. */
  readonly file: string
  /** Of an object's number with the field's name after a dot, of a list's with its place. */
  readonly name: string
  readonly value: number
  /** Where it stands in the file. */
  readonly start: number
  readonly end: number
}

export interface Edit {
  readonly constant: Constant
  readonly value: number
}

const source = fileURLToPath(new URL("../../src/law/", import.meta.url))
/** The module that makes the default law. */
const entry = "WindowLaw.ts"

const operators = new Map<ts.SyntaxKind, (left: number, right: number) => number>([
  [ts.SyntaxKind.PlusToken, (left, right) => left + right],
  [ts.SyntaxKind.MinusToken, (left, right) => left - right],
  [ts.SyntaxKind.AsteriskToken, (left, right) => left * right],
  [ts.SyntaxKind.SlashToken, (left, right) => left / right],
  [ts.SyntaxKind.AsteriskAsteriskToken, (left, right) => left ** right]
])

/** The number that an expression of numbers alone comes to. */
const valueOf = (node: ts.Expression): number | undefined => {
  if (ts.isNumericLiteral(node)) return Number(node.text)
  if (ts.isParenthesizedExpression(node)) return valueOf(node.expression)
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken) {
    const value = valueOf(node.operand)
    return value === undefined ? undefined : -value
  }
  if (!ts.isBinaryExpression(node)) return undefined
  const [left, right] = [valueOf(node.left), valueOf(node.right)]
  if (left === undefined || right === undefined) return undefined
  return operators.get(node.operatorToken.kind)?.(left, right)
}

/** The constants at the top of a module, those in its objects and lists among them. */
export const constantsOf = (file: string, text: string): ReadonlyArray<Constant> => {
  const module = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
  const within = (name: string, node: ts.Expression): ReadonlyArray<Constant> => {
    if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) return within(name, node.expression)
    const value = valueOf(node)
    if (value !== undefined) return [{ file, name, value, start: node.getStart(), end: node.getEnd() }]
    if (ts.isArrayLiteralExpression(node)) return node.elements.flatMap((one, i) => within(`${name}[${i}]`, one))
    if (!ts.isObjectLiteralExpression(node)) return []
    return node.properties.flatMap((property) =>
      ts.isPropertyAssignment(property) ? within(`${name}.${property.name.getText()}`, property.initializer) : []
    )
  }
  return module.statements
    .filter(ts.isVariableStatement)
    .flatMap(({ declarationList }) => declarationList.declarations)
    .flatMap(({ initializer, name }) => {
      if (initializer === undefined) return []
      if (!ts.isArrayBindingPattern(name) || !ts.isArrayLiteralExpression(initializer)) {
        return within(name.getText(), initializer)
      }
      return name.elements.flatMap((element, i) => {
        const one = initializer.elements[i]
        return one === undefined ? [] : within(element.getText(), one)
      })
    })
}

const lawFiles = (): ReadonlyArray<string> =>
  readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))

/** Those that somebody has chosen: 0 and 1 are where counts and shares begin. */
export const constants = (): ReadonlyArray<Constant> =>
  lawFiles()
    .toSorted()
    .flatMap((file) => constantsOf(file, readFileSync(join(source, file), "utf8")))
    .filter(({ value }) => value !== 0 && value !== 1)

/** Half and twice: of a count a count; of a share over a half what it lacks of one, for twice of it is no share. */
export const varied = ({ value }: Constant): ReadonlyArray<number> => {
  const isCount = Number.isInteger(value) && value > 0
  const isShare = value > 0.5 && value < 1
  const both = isShare ? [1 - 2 * (1 - value), 1 - (1 - value) / 2] : [value / 2, value * 2]
  return both
    .map((one) => (isCount ? Math.max(1, Math.round(one)) : Number(one.toPrecision(12))))
    .filter((one) => one !== value)
}

/** What is not the law's own is the library's. */
const imports = /from "(\.\.?\/[^"]+)"/g

const laws = new Map<string, Promise<ControlLaw.ControlLaw>>()

const load = async ({ constant, value }: Edit, isShared: boolean): Promise<ControlLaw.ControlLaw> => {
  const copy = mkdtempSync(fileURLToPath(new URL("../../node_modules/.law-", import.meta.url)))
  try {
    cpSync(source, copy, { recursive: true })
    for (const file of lawFiles()) {
      const text = readFileSync(join(source, file), "utf8")
      const { end, start } = constant
      const changed = file === constant.file ? `${text.slice(0, start)}(${value})${text.slice(end)}` : text
      const home = join(source, file, "..")
      const resolved = changed.replace(imports, (all, path: string) => {
        const isOutside = relative(source, join(home, path)).startsWith("..")
        return isOutside ? `from "${pathToFileURL(join(home, path)).href}"` : all
      })
      writeFileSync(join(copy, file), resolved)
    }
    const module = (await import(pathToFileURL(join(copy, entry)).href)) as typeof WindowLaw
    return module.make({ shared: isShared })
  } finally {
    rmSync(copy, { recursive: true })
  }
}

/** The default law, or that of those who share an API, with one constant changed; made once a thread. */
export const variant = (edit: Edit, isShared = false): Promise<ControlLaw.ControlLaw> => {
  const key = `${edit.constant.file} ${edit.constant.start} ${edit.value} ${isShared}`
  const law = laws.get(key) ?? load(edit, isShared)
  laws.set(key, law)
  return law
}
