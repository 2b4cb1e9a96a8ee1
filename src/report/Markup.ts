/**
 * Elements of SVG and HTML as text, with what others wrote escaped.
 *
 * @since 0.2.0
 */

/**
 * Text as it may stand in an element or an attribute: without control characters, and no part of it is markup.
 *
 * @since 0.2.0
 * @category formatting
 */
export const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`).replace(/[^\P{Cc}\n]/gu, "")

/**
 * To a tenth.
 *
 * @since 0.2.0
 * @category formatting
 */
export const round = (n: number): number => Math.round(n * 10) / 10

/**
 * An element. Attributes and content are taken as they are; numbers are rounded to a tenth.
 *
 * @since 0.2.0
 * @category constructors
 */
export const element = (
  name: string,
  attributes: { readonly [name: string]: string | number },
  content = ""
): string => {
  const written = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : value}"`
  )
  return content === "" ? `<${name}${written.join("")}/>` : `<${name}${written.join("")}>${content}</${name}>`
}
