import type { AddressInfo } from 'node:net'
import { createServer, connect as dial, type Socket } from 'node:net'

/** A wire to a server that a test can cut. */
export async function startWire(serverPort: number): Promise<Wire> {
  const sockets = new Set<Socket>()
  const wire = { mode: 'pass' as WireMode, lose: null as string | null, silenceAt: null as string | null }
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
    let losing = false
    const asks = createReader()
    near.on('data', (bytes) => {
      const asked = asks(bytes)
      if (wire.silenceAt && asked.includes(wire.silenceAt)) wire.mode = 'mute'
      if (wire.lose && asked.includes(wire.lose)) {
        wire.lose = null
        losing = true
      }
      far.write(bytes)
    })
    far.on('data', (bytes) => {
      // The statement's parameters are described first: only with this is it done, and committed.
      if (losing && bytes.includes('SELECT 1\0')) near.resetAndDestroy()
      else if (wire.mode !== 'mute') near.write(bytes)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswerTo(text) {
      wire.lose = text
    },
    silenceAt(text) {
      wire.silenceAt = text
    },
    set(mode) {
      Object.assign(wire, { mode, lose: null, silenceAt: null })
      if (mode === 'refuse') for (const socket of sockets) socket.destroy()
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The text of what is asked: a statement that was prepared before is asked for by its name. */
function createReader(): (bytes: Buffer) => string {
  const prepared = new Map<string, string>()
  return (bytes) => {
    const text = bytes.toString('latin1')
    for (const [, name = '', statement = ''] of text.matchAll(PARSE)) prepared.set(name, statement)
    const bound = [...text.matchAll(BIND)].map(([, name = '']) => prepared.get(name) ?? '')
    return [text, ...bound].join('\n')
  }
}

/** Kind, length, then the name of the statement and its text, or of the portal and of the statement. */
const PARSE = /P.{4}([^\0]*)\0([^\0]*)\0/gs
const BIND = /B.{4}\0([^\0]+)\0/gs

/** `mute`: what is asked arrives, no answer comes back. */
type WireMode = 'pass' | 'refuse' | 'mute'

export interface Wire {
  readonly port: number
  set(mode: WireMode): void
  /** The first query that holds `text` is carried out; then its connection breaks in place of an answer. */
  loseAnswerTo(text: string): void
  /** What holds `text` still arrives; nothing comes back, on any connection, until `set`. */
  silenceAt(text: string): void
  close(): Promise<void>
}
