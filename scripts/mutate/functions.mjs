// Which functions of a source file the tests reach.
import ts from "typescript"

/** The functions of a source text that have a body, in order. */
const functionsOf = (source) => {
  const found = []
  const visit = (node) => {
    if (ts.isFunctionLike(node) && node.body !== undefined) found.push(node)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

const parse = (file, code) => ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true)

/** The innermost function around a place, by its name in {@link watched}; without one, the file. */
export const functionAround = (file, code, position) => {
  const around = functionsOf(parse(file, code)).findLastIndex(
    (node) => node.getFullStart() <= position && position < node.getEnd()
  )
  return `${file}#${around}`
}

/** The source text, in which each function tells that it runs. */
export const watched = (file, code) => {
  const source = parse(file, code)
  const tell = (index) => `globalThis.reached?.add(${JSON.stringify(`${file}#${index}`)})`
  const inserts = functionsOf(source).flatMap(({ body }, index) =>
    ts.isBlock(body)
      ? [[body.getStart(source) + 1, `${tell(index)};`]]
      : [
          [body.getStart(source), `(${tell(index)}, `],
          [body.getEnd(), ")"]
        ]
  )
  return inserts
    .map(([at, text], index) => ({ at, text, index }))
    .sort((a, b) => b.at - a.at || b.index - a.index)
    .reduce((text, insert) => text.slice(0, insert.at) + insert.text + text.slice(insert.at), code)
}
