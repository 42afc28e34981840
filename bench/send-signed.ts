import { createHmac } from 'node:crypto'
import { Agent, request } from 'node:http'

/** Sends what Slack would send, signed, so many at once, over connections that stay open. */
export function createSender(url: string, secret: string, atOnce: number): Sender {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce })
  const { hostname, port } = new URL(url)

  function send(body: string): Promise<Answered> {
    const timestamp = String(Math.floor(Date.now() / 1_000))
    const signature = createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')
    const since = performance.now()
    return new Promise((resolve, reject) => {
      const sending = request(
        {
          ...{ agent, hostname, port, method: 'POST', path: '/slack/events' },
          headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'content-length': Buffer.byteLength(body),
            'x-slack-request-timestamp': timestamp,
            'x-slack-signature': `v0=${signature}`,
          },
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
