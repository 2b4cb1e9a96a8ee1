/** A disk in memory, whose processes die in the middle of a write, and which is full now and then. */
import { FileSystem } from "@effect/platform"
import { SystemError, type PlatformError } from "@effect/platform/Error"
import { Clock, Effect, Layer, Option } from "effect"

interface Content {
  bytes: Uint8Array
  mtime: number
  readonly ino: number
}

/** What the next operations of a process meet. */
export interface Fate {
  /** How long an operation takes, in milliseconds. */
  readonly latency?: () => number
  /** Default: until it crashes. */
  readonly isAlive?: () => boolean
  /** Called before each operation has its effect: with how much of a write gets through if the process dies in it. */
  readonly crash?: (operation: string) => number | undefined
  /** How many bytes of this write get through before it fails with the reason; undefined for all of them. */
  readonly fault?: (operation: string) => { readonly share: number; readonly message: string } | undefined
}

export interface Disk {
  readonly text: (path: string) => string | undefined
  readonly put: (path: string, text: string) => void
  readonly paths: () => ReadonlyArray<string>
  /** The disk as one process sees it: once that is dead, it changes nothing any more. */
  readonly mount: (fate?: Fate) => Layer.Layer<FileSystem.FileSystem>
}

const problem = (method: string, path: string, reason: SystemError["reason"], description: string): PlatformError =>
  new SystemError({ module: "FileSystem", method, reason, description, pathOrDescriptor: path })

export const makeDisk = (): Disk => {
  const files = new Map<string, Content>()
  let inodes = 0
  const encoder = new TextEncoder()

  const append = (content: Content, bytes: Uint8Array): void => {
    const both = new Uint8Array(content.bytes.length + bytes.length)
    both.set(content.bytes)
    both.set(bytes, content.bytes.length)
    content.bytes = both
  }
  const create = (path: string, mtime: number): Content => {
    const content: Content = { bytes: new Uint8Array(0), mtime, ino: ++inodes }
    files.set(path, content)
    return content
  }

  const mount = ({ crash, fault, isAlive = () => true, latency }: Fate = {}): Layer.Layer<FileSystem.FileSystem> => {
    let dead = false
    /** Runs an operation; `write` is told how much of itself gets through. */
    const operate = <A>(
      method: string,
      path: string,
      work: (now: number) => A | PlatformError,
      write?: (share: number, now: number) => void
    ): Effect.Effect<A, PlatformError> =>
      Effect.gen(function* () {
        const wait = latency?.() ?? 0
        if (wait > 0) yield* Effect.sleep(wait)
        const now = yield* Clock.currentTimeMillis
        if (dead || !isAlive()) return yield* Effect.fail(problem(method, path, "Unknown", "the process is dead"))
        const through = crash?.(method)
        if (through !== undefined) {
          dead = true
          write?.(through, now)
          return yield* Effect.fail(problem(method, path, "Unknown", "the process is dead"))
        }
        const trouble = write === undefined ? undefined : fault?.(method)
        if (trouble !== undefined) {
          write?.(trouble.share, now)
          return yield* Effect.fail(problem(method, path, "Unknown", trouble.message))
        }
        const result = work(now)
        return result instanceof SystemError ? yield* Effect.fail(result) : (result as A)
      })

    const found = (method: string, path: string): Content | PlatformError =>
      files.get(path) ?? problem(method, path, "NotFound", "no such file")
    const withFile = <A>(method: string, path: string, use: (content: Content, now: number) => A) =>
      operate<A>(method, path, (now) => {
        const content = found(method, path)
        return content instanceof SystemError ? content : use(content as Content, now)
      })

    const info = ({ bytes, ino, mtime }: Content): FileSystem.File.Info => ({
      type: "File",
      mtime: Option.some(new Date(mtime)),
      atime: Option.none(),
      birthtime: Option.none(),
      dev: 1,
      rdev: Option.none(),
      ino: Option.some(ino),
      mode: 0o644,
      nlink: Option.some(1),
      uid: Option.none(),
      gid: Option.none(),
      size: FileSystem.Size(bytes.length),
      blksize: Option.none(),
      blocks: Option.none()
    })

    const fileOf = (path: string, content: Content): FileSystem.File => {
      let position = 0
      const writeAll = (bytes: Uint8Array) => {
        const write = (share: number, now: number): void => {
          append(content, bytes.subarray(0, Math.floor(share * bytes.length)))
          content.mtime = now
        }
        return operate(
          "writeAll",
          path,
          (now) => (bytes.length === 0 ? problem("writeAll", path, "WriteZero", "nothing was written") : write(1, now)),
          write
        )
      }
      return {
        [FileSystem.FileTypeId]: FileSystem.FileTypeId,
        fd: FileSystem.FileDescriptor(content.ino),
        stat: operate("stat", path, () => info(content)),
        seek: (offset) => Effect.sync(() => void (position = Number(offset))),
        sync: operate("sync", path, () => undefined),
        read: () => Effect.die("not needed"),
        readAlloc: (size) =>
          operate("read", path, () => {
            const bytes = content.bytes.slice(position, position + Number(size))
            position += bytes.length
            return bytes.length === 0 ? Option.none() : Option.some(bytes)
          }),
        truncate: (length) =>
          operate("truncate", path, () => void (content.bytes = content.bytes.slice(0, Number(length ?? 0)))),
        write: (bytes) => Effect.as(writeAll(bytes), FileSystem.Size(bytes.length)),
        writeAll
      }
    }

    const system = FileSystem.makeNoop({
      stat: (path) => withFile("stat", path, info),
      readFileString: (path) => withFile("readFile", path, ({ bytes }) => new TextDecoder().decode(bytes)),
      // A file that is put there stands for a link to what it says.
      readLink: (path) => withFile("readLink", path, ({ bytes }) => new TextDecoder().decode(bytes)),
      remove: (path) => withFile("remove", path, () => void files.delete(path)),
      utimes: (path, _, mtime) =>
        withFile("utimes", path, (content) => void (content.mtime = mtime instanceof Date ? mtime.getTime() : mtime)),
      rename: (from, to) =>
        withFile("rename", from, (content) => {
          files.delete(from)
          files.set(to, content)
        }),
      writeFileString: (path, text, options) => {
        const write = (share: number, now: number): void => {
          const bytes = encoder.encode(text)
          append(create(path, now), bytes.subarray(0, Math.floor(share * bytes.length)))
        }
        return operate(
          "writeFile",
          path,
          (now) =>
            options?.flag === "wx" && files.has(path)
              ? problem("writeFile", path, "AlreadyExists", "it is there")
              : write(1, now),
          (share, now) => {
            if (options?.flag !== "wx" || !files.has(path)) write(share, now)
          }
        )
      },
      open: (path, options) =>
        operate("open", path, (now) => {
          const isRead = (options?.flag ?? "r") === "r"
          const content = files.get(path) ?? (isRead ? found("open", path) : create(path, now))
          return content instanceof SystemError ? content : fileOf(path, content as Content)
        })
    })
    return Layer.succeed(FileSystem.FileSystem, system)
  }

  return {
    text: (path) => {
      const content = files.get(path)
      return content && new TextDecoder().decode(content.bytes)
    },
    put: (path, text) => append(create(path, 0), encoder.encode(text)),
    paths: () => [...files.keys()],
    mount
  }
}
