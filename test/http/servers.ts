/** Real servers on loopback, and what is known of their sockets. */
import type { Server } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { NodeHttpClient } from "@effect/platform-node"
import { Effect, type Layer, type Scope } from "effect"
import type { HttpClient } from "@effect/platform"

/** A server that listens, with its base URL; `sockets` are those that are open. */
export interface Listening {
  readonly url: string
  readonly sockets: ReadonlySet<Socket>
  /** Waits until every socket is closed: a leaked one is a test that does not end. */
  readonly allClosed: Effect.Effect<void>
}

/** Lets a server listen on a free port, until the scope closes. */
export const listen = (server: Server): Effect.Effect<Listening, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const waiting: Array<() => void> = []
    server.on("connection", (socket) => {
      sockets.add(socket)
      // A server that resets connections gets errors on them.
      socket.on("error", () => undefined)
      socket.on("close", () => {
        sockets.delete(socket)
        if (sockets.size === 0) for (const wake of waiting.splice(0)) wake()
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    )
    // A server that listens on a port has the address of one.
    const { port } = server.address() as AddressInfo
    return {
      url: `http://127.0.0.1:${port}`,
      sockets,
      allClosed: Effect.async<void>((resume) => {
        if (sockets.size === 0) resume(Effect.void)
        else waiting.push(() => resume(Effect.void))
      })
    }
  })

/** Runs a program with an HTTP client of its own, and sees that no socket outlives that client. */
export const withClient = <A, E, R>(
  server: Listening,
  program: Effect.Effect<A, E, R | HttpClient.HttpClient>,
  layer: Layer.Layer<HttpClient.HttpClient> = NodeHttpClient.layerUndici
) => Effect.zipLeft(Effect.provide(program, layer), server.allClosed)
