import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

export const APP_TOKEN = 'xapp-of-the-test'

/** Slack's Socket Mode, as much of it as one connection needs: hello, an envelope out, its answer back. */
export async function startFakeSocket(): Promise<FakeSocket> {
  const waiting = new Map<string, (answer: Answer) => void>()
  let connected: (socket: Duplex) => void = () => undefined
  const connection = new Promise<Duplex>((resolve) => {
    connected = resolve
  })
  let refuseNext = 0
  const server = createServer((request, response) => {
    const { authorization } = request.headers
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/link`
    const opens = request.url === '/api/apps.connections.open' && authorization === `Bearer ${APP_TOKEN}`
    refuseNext -= 1
    const body = opens && refuseNext < 0 ? { ok: true, url } : { ok: false, error: 'invalid_auth' }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  server.on('upgrade', (request, socket) => {
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
    socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'))
    socket.on('error', () => undefined)
    let unread = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      unread = Buffer.concat([unread, chunk])
      for (let frame = readFrame(unread); frame !== null; frame = readFrame(unread)) {
        unread = unread.subarray(frame.length)
        if (frame.text === null) continue
        const answer = JSON.parse(frame.text) as Answer
        waiting.get(answer.envelope_id)?.(answer)
      }
    })
    socket.write(textFrame(JSON.stringify({ type: 'hello', num_connections: 1 })))
    connected(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    refuse(times) {
      refuseNext = times
    },
    async send(type, payload) {
      const socket = await connection
      const id = `envelope ${waiting.size}`
      const answered = new Promise<Answer>((resolve) => waiting.set(id, resolve))
      socket.write(textFrame(JSON.stringify({ envelope_id: id, type, payload, accepts_response_payload: true })))
      return (await answered).payload
    },
    async stop() {
      if (waiting.size > 0) (await connection).destroy()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A whole message from the client, which masks what it sends; null until all of it is there. */
function readFrame(data: Buffer): { text: string | null; length: number } | null {
  if (data.length < 6) return null
  const [opcode, short] = [(data[0] ?? 0) & 0x0f, (data[1] ?? 0) & 0x7f]
  const start = short === 126 ? 4 : 2
  if (data.length < start + 4) return null
  const size = short === 126 ? data.readUInt16BE(2) : short
  const length = start + 4 + size
  if (data.length < length) return null
  const mask = data.subarray(start, start + 4)
  const bytes = data.subarray(start + 4, length).map((byte, index) => byte ^ (mask[index % 4] ?? 0))
  return { text: opcode === 1 ? Buffer.from(bytes).toString() : null, length }
}

function textFrame(text: string): Buffer {
  const body = Buffer.from(text)
  const head = body.length < 126 ? Buffer.from([0x81, body.length]) : Buffer.from([0x81, 126, 0, 0])
  if (body.length >= 126) head.writeUInt16BE(body.length, 2)
  return Buffer.concat([head, body])
}

interface Answer {
  readonly envelope_id: string
  readonly payload?: unknown
}

export interface FakeSocket {
  readonly apiUrl: string
  /** So many attempts to connect are refused. */
  refuse(times: number): void
  /** @returns what the app answers in the same breath */
  send(type: 'slash_commands' | 'interactive', payload: object): Promise<unknown>
  stop(): Promise<void>
}
