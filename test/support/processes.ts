/** What stands around real processes in a test: a database of their own, an API that counts their calls, and their end. */
import { PgClient } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import type { ChildProcess } from "node:child_process"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

const administer = (postgres: string, statement: string) =>
  Effect.flatMap(PgClient.PgClient, (sql) => sql.unsafe(statement)).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(postgres) })),
    Effect.runPromise
  )

/** Makes a database of that name on the server at an address. */
export const databaseOf = async (postgres: string, name: string) => {
  await administer(postgres, `create database ${name}`)
  const url = new URL(postgres)
  url.pathname = name
  return { url, drop: () => administer(postgres, `drop database ${name} with (force)`) }
}

/** An API on loopback that notes when each call came, and tells of each how many there were. */
export const listen = async (onCall: (calls: number) => void) => {
  const instants: Array<number> = []
  const server = createServer((_, response) => {
    instants.push(performance.now())
    response.writeHead(200).end()
    onCall(instants.length)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const close = (): void => {
    server.close()
    server.closeAllConnections()
  }
  // The server listens on a port.
  return { instants, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

/** Kills those that live, and waits until they have ended. */
export const killAll = (children: Iterable<ChildProcess>): Promise<unknown> =>
  Promise.all(
    Array.from(children, (child) => {
      const ended = new Promise((resolve) => child.once("exit", resolve))
      return child.exitCode === null && child.signalCode === null && child.kill("SIGKILL") ? ended : Promise.resolve()
    })
  )

/** A test that gives up waiting leaves no process behind. */
export const killAtExit = (children: () => Iterable<ChildProcess>): void =>
  void process.once("exit", () => {
    for (const child of children()) child.kill("SIGKILL")
  })
