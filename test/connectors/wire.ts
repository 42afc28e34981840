import type { AddressInfo } from 'node:net'
import { createServer, connect as dial, type Socket } from 'node:net'

/** A wire to a server that a test can cut. */
export async function startWire(serverPort: number): Promise<Wire> {
  const sockets = new Set<Socket>()
  const wire = { mode: 'pass' as WireMode, trigger: null as string | null }
  const server = createServer((near) => {
    if (wire.mode === 'refuse') return void near.resetAndDestroy()
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
    near.on('data', (bytes) => {
      if (wire.trigger && bytes.includes(wire.trigger)) wire.mode = 'mute'
      far.write(bytes)
    })
    far.on('data', (bytes) => wire.mode !== 'mute' && near.write(bytes))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswerTo(text) {
      wire.trigger = text
    },
    set(mode) {
      Object.assign(wire, { mode, trigger: null })
      if (mode === 'refuse') for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** `mute`: what is asked arrives, no answer comes back. */
type WireMode = 'pass' | 'refuse' | 'mute'

export interface Wire {
  readonly port: number
  set(mode: WireMode): void
  /** What holds `text` still arrives; its answer does not come back, nor any other until `set`. */
  loseAnswerTo(text: string): void
  close(): Promise<void>
}
