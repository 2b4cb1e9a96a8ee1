// Small faults in a source file: one changed operator, condition or number, or one statement that is gone.
import ts from "typescript"

const operators = {
  "<": ["<=", ">"],
  "<=": ["<", ">"],
  ">": [">=", "<"],
  ">=": [">", "<"],
  "===": ["!=="],
  "!==": ["==="],
  "&&": ["||"],
  "||": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "+=": ["-="],
  "-=": ["+="]
}

const unary = {
  [ts.SyntaxKind.ExclamationToken]: "",
  [ts.SyntaxKind.MinusToken]: "+",
  [ts.SyntaxKind.PlusPlusToken]: "--",
  [ts.SyntaxKind.MinusMinusToken]: "++"
}

const calls = { "Math.max": "Math.min", "Math.min": "Math.max", "Math.floor": "Math.ceil", "Math.ceil": "Math.floor" }

/** Whether the sides are texts, where only `+` makes sense. */
const joinsText = (node) =>
  [node.left, node.right].some(
    (side) =>
      ts.isStringLiteralLike(side) || ts.isTemplateExpression(side) || (ts.isBinaryExpression(side) && joinsText(side))
  )

const isCondition = (node) =>
  ((ts.isIfStatement(node.parent) || ts.isWhileStatement(node.parent)) && node.parent.expression === node) ||
  (ts.isConditionalExpression(node.parent) && node.parent.condition === node)

/** A loop that never ends says nothing about the tests. */
const isLoop = (node) => ts.isWhileStatement(node.parent)

/** Options for the compiler alone: how it compares the types of a Schema.transform, or that nobody looks at what a loop returns. */
const forCompilerOnly = new Set(["strict", "discard"])

/** Types aside. */
const isBoolean = ({ kind, parent }) =>
  (kind === ts.SyntaxKind.TrueKeyword || kind === ts.SyntaxKind.FalseKeyword) &&
  !ts.isLiteralTypeNode(parent) &&
  !(ts.isPropertyAssignment(parent) && forCompilerOnly.has(parent.name.getText()))

const ofNode = (node, source) => {
  const text = (part) => part.getText(source)
  const found = []
  const change = (part, to, what = `${text(part)} -> ${to}`) =>
    found.push({ start: part.getStart(source), end: part.getEnd(), to, what })
  if (ts.isBinaryExpression(node) && !joinsText(node)) {
    for (const to of operators[text(node.operatorToken)] ?? []) change(node.operatorToken, to)
    if (text(node.operatorToken) === "??") change(node, text(node.left), `without ?? ${text(node.right)}`)
  }
  if (ts.isPrefixUnaryExpression(node) && node.operator in unary) {
    change(node, unary[node.operator] + text(node.operand))
  }
  if (ts.isPostfixUnaryExpression(node)) change(node, text(node.operand) + unary[node.operator])
  // One more than 1e18 is 1e18.
  if (ts.isNumericLiteral(node) && Number.isSafeInteger(Math.floor(Number(node.text))))
    change(node, `(${text(node)} + 1)`)
  if (isBoolean(node)) change(node, node.kind === ts.SyntaxKind.TrueKeyword ? "false" : "true")
  if (ts.isPropertyAccessExpression(node) && text(node) in calls) change(node, calls[text(node)])
  if (ts.isExpression(node) && isCondition(node)) {
    if (!isLoop(node)) change(node, "true", `if (${text(node)}) always`)
    change(node, "false", `if (${text(node)}) never`)
  }
  if (ts.isExpressionStatement(node)) change(node, ";", `without ${text(node)}`)
  if (ts.isReturnStatement(node) && ts.isIfStatement(node.parent)) change(node, ";", `without ${text(node)}`)
  return found
}

/** All mutants of a source text, in order. */
export const mutantsOf = (file, code) => {
  const source = ts.createSourceFile(file, code, ts.ScriptTarget.Latest, true)
  const found = []
  const visit = (node) => {
    // Types, imports and interfaces have no behaviour.
    if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || ts.isInterfaceDeclaration(node)) return
    found.push(...ofNode(node, source))
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found.map(({ end, start, to, what }) => ({
    file,
    line: source.getLineAndCharacterOfPosition(start).line + 1,
    what: what.replaceAll(/\s+/g, " ").slice(0, 100),
    code,
    position: start,
    mutated: `${code.slice(0, start)}${to}${code.slice(end)}`
  }))
}
