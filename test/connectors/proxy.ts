import type { AddressInfo } from 'node:net'
import { createServer, connect as dial, type Socket } from 'node:net'

/** A wire to a server that a test can cut. */
export async function startProxy(serverPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const proxy = { mode: 'pass' as ProxyMode }
  const server = createServer((near) => {
    if (proxy.mode === 'refuse') return void near.resetAndDestroy()
    const far = dial(serverPort, '127.0.0.1')
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', (bytes) => far.write(bytes))
    far.on('data', (bytes) => proxy.mode !== 'mute' && near.write(bytes))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    set(mode) {
      proxy.mode = mode
      if (mode === 'refuse') for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** `mute`: what is asked arrives, no answer comes back. */
export type ProxyMode = 'pass' | 'refuse' | 'mute'

export interface Proxy {
  readonly port: number
  set(mode: ProxyMode): void
  close(): Promise<void>
}
