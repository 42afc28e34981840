import { createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'

/** What the platform puts in front of a body. */
type Sign = (body: string) => Readonly<Record<string, string>>

export function asSlack(secret: string): Sign {
  return (body) => {
    const timestamp = String(Math.floor(Date.now() / 1_000))
    const signature = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')
    return {
      'content-type': 'application/x-www-form-urlencoded',
      'x-slack-request-timestamp': timestamp,
      'x-slack-signature': `v0=${signature}`,
    }
  }
}

/** The Bot Connector uses a token for as long as it is good. */
export function asTeams(token: string): Sign {
  return () => ({ 'content-type': 'application/json', authorization: `Bearer ${token}` })
}

/** Sends what the platform would send, signed, so many at once, over connections that stay open. */
export function createSender(url: string, sign: Sign, atOnce: number): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const { hostname, port, pathname } = new URL(url)

  function send(body: string): Promise<Answered> {
    const since = performance.now()
    return new Promise((resolve, reject) => {
      const sending = request(
        {
          ...{ agent, hostname, port, method: 'POST', path: pathname },
          headers: { 'content-length': Buffer.byteLength(body), ...sign(body) },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (chunk: string) => {
            text += chunk
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, text, ms: performance.now() - since }))
          response.on('error', reject)
        },
      )
      sending.on('error', reject)
      sending.end(body)
    })
  }

  return {
    /** Keeps `atOnce` requests under way for `forMs`. */
    async keepSending(forMs, nextBody) {
      const answers: Answered[] = []
      const start = performance.now()
      const worker = async () => {
        while (performance.now() - start < forMs) answers.push(await send(nextBody()))
      }
      await Promise.all(Array.from({ length: atOnce }, worker))
      return { answers, perSecond: (answers.length / (performance.now() - start)) * 1_000 }
    },
    close: () => agent.destroy(),
  }
}

export interface Answered {
  readonly status: number
  readonly text: string
  readonly ms: number
}

export interface Sender {
  keepSending(forMs: number, nextBody: () => string): Promise<{ answers: Answered[]; perSecond: number }>
  close(): void
}
