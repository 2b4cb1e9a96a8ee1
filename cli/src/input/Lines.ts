/** Bytes in pieces, as a file gives them, to lines. */

const lineFeed = 0x0a
const carriageReturn = 0x0d

/** A longer line is no row of anything. */
const longest = 256 * 1024 * 1024

/** Puts lines together again that pieces have cut. Ends of lines are `\n` or `\r\n`. */
export class Splitter {
  private parts: Array<Uint8Array> = []
  private length = 0

  /** The lines that end in these bytes, without their ends. */
  push(bytes: Uint8Array): ReadonlyArray<Uint8Array> {
    const lines: Array<Uint8Array> = []
    let from = 0
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, from)) {
      this.add(bytes.subarray(from, end))
      lines.push(this.take())
      from = end + 1
    }
    if (from < bytes.length) this.add(bytes.subarray(from))
    return lines
  }

  /** The last line, if it has no end. */
  end(): Uint8Array | undefined {
    return this.length === 0 ? undefined : this.take()
  }

  /** Whether the line that has begun is longer than any line can be. */
  get isTooLong(): boolean {
    return this.length > longest
  }

  private add(part: Uint8Array): void {
    this.parts.push(part)
    this.length += part.length
  }

  private take(): Uint8Array {
    const [first] = this.parts
    const line = this.parts.length === 1 && first !== undefined ? first : Buffer.concat(this.parts)
    this.parts = []
    this.length = 0
    return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line
  }
}
