/** A way between two ports that can be cut. */
import { connect, createServer, type Socket } from "node:net"

export interface Proxy {
  readonly port: number
  /** What is open ends, and nothing gets through for so many milliseconds. */
  readonly cut: (millis: number) => void
  readonly close: () => void
}

/** Opens a way to a port of this machine; port 0 is any that is free. */
export const make = async (port: number, to: number): Promise<Proxy> => {
  const sockets = new Set<Socket>()
  let cutUntil = 0

  const endAll = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }

  const keep = (socket: Socket, other: Socket): void => {
    sockets.add(socket)
    socket.on("error", () => other.destroy())
    socket.on("close", () => {
      sockets.delete(socket)
      other.destroy()
    })
  }

  const server = createServer((from) => {
    if (performance.now() < cutUntil) return void from.destroy()
    const onward = connect(to, "127.0.0.1")
    keep(from, onward)
    keep(onward, from)
    from.pipe(onward).pipe(from)
  })
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  const address = server.address()
  return {
    port: address !== null && typeof address === "object" ? address.port : port,
    cut: (millis) => {
      cutUntil = performance.now() + millis
      endAll()
    },
    close: () => {
      server.close()
      endAll()
    }
  }
}
