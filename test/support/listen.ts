import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type Router } from 'express'

/** Serves routes on a free port of this machine. */
export async function listen(...routers: Router[]): Promise<{ url: string; close(): Promise<void> }> {
  const server = express()
    .use(...routers)
    .listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
