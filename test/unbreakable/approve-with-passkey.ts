import type { Answer } from '../../src/ports/chat.ts'
import type { Replica } from '../support/house.ts'
import { createSoftPasskey, newPasskeyOf, responseOf } from '../support/soft-passkey.ts'
import type { Crew } from './crew.ts'
import type { Say } from './tell-story.ts'

/** Marcus makes a passkey, Carla confirms that it is his, and he approves with it: each page answered until it is. */
export async function approveWithPasskey({ house }: Crew, id: string, say: Say): Promise<void> {
  const passkey = createSoftPasskey()
  const made = tokenIn(await say((replica, key) => replica.command('marcus', 'passkey new', key)))
  await say((replica) => bring(replica, made, newPasskeyOf))
  const [offer] = await house.db<{ seq: number }[]>`
    select max(seq)::int as seq from event where stream = 'passkey:marcus' and type = 'passkey.offered'`
  await say((replica, key) => replica.press('carla', 'confirm-passkey', 'marcus', key, offer?.seq))
  const asked = tokenIn(await say((replica, key) => replica.press('marcus', 'approve', id, key)))
  await say((replica) => bring(replica, asked, responseOf))

  /** What a browser does on a page of this process. */
  async function bring(replica: Replica, token: string, respond: typeof responseOf | typeof newPasskeyOf) {
    const url = `${replica.url}/passkey/${token}`
    const page = await (await fetch(url)).text()
    const challenge = /"challenge":"([\w-]+)"/.exec(page.replaceAll('&quot;', '"'))?.[1] ?? ''
    const response = JSON.stringify(respond(passkey, challenge, { origin: replica.url }))
    const answered = await fetch(url, { method: 'POST', body: new URLSearchParams({ passkey: response }) })
    const words = await answered.text()
    return { kind: 'line', line: { tone: 'info', text: [{ kind: 'text', text: words }] } } satisfies Answer
  }
}

function tokenIn(answer: Answer): string {
  const token = /\/passkey\/([\w-]+)/.exec(JSON.stringify(answer))?.[1]
  if (token === undefined) throw new Error(`no link in ${JSON.stringify(answer)}`)
  return token
}
