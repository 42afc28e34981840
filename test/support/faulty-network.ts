import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A wire to a local server that can be cut, or fall silent, at the moment that a test chooses. */
export async function startFaultyNetwork(targetPort: number): Promise<FaultyNetwork> {
  const wires = new Set<[Socket, Socket]>()
  let silent = false
  let trap: Trap | undefined

  const server = createServer((near) => {
    const far = connect(targetPort, '127.0.0.1')
    const wire: [Socket, Socket] = [near, far]
    wires.add(wire)
    const drop = () => {
      near.destroy()
      far.destroy()
      wires.delete(wire)
    }
    for (const socket of wire) socket.on('error', drop).on('close', drop)
    const prepared = new Map<string, string>()
    near.on('data', (bytes) => {
      for (const [, name = '', text = ''] of bytes.toString('latin1').matchAll(PARSE)) prepared.set(name, text)
      if (trap && isAbout(trap.word, bytes, prepared)) {
        const { then } = trap
        trap = undefined
        if (then === 'cut-before') return drop()
        if (then === 'cut-after') far.removeAllListeners('data').on('data', drop)
        if (then === 'silence-after') silent = true
        far.write(bytes)
        return
      }
      if (!silent) far.write(bytes)
    })
    far.on('data', (bytes) => {
      if (!silent) near.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')

  function cut(): void {
    for (const [near] of wires) near.destroy()
  }
  function reset(): void {
    for (const [near] of wires) near.resetAndDestroy()
  }

  return {
    port: (server.address() as AddressInfo).port,
    when: (word, then) => {
      trap = { word, then }
    },
    cut,
    reset,
    silence: (on) => {
      silent = on
    },
    async close() {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

/** PostgreSQL's Parse message (55.7): a name, then the statement. Whoever runs it again sends only the name. */
const PARSE = /P.{4}(\w+)\0([^\0]*)\0/gs

function isAbout(word: string, bytes: Buffer, prepared: Map<string, string>): boolean {
  if (bytes.includes(word)) return true
  for (const [name, text] of prepared) if (text.includes(word) && bytes.includes(`\0${name}\0`)) return true
  return false
}

interface Trap {
  word: string
  then: 'cut-before' | 'cut-after' | 'silence-after'
}

export interface FaultyNetwork {
  port: number
  /** Once, when `word` is next sent: cut before it is delivered, or deliver it and lose the answer. */
  when(word: string, then: Trap['then']): void
  cut(): void
  reset(): void
  /** Keeps connections open and delivers nothing. */
  silence(on: boolean): void
  close(): Promise<void>
}
