import { randomUUID } from 'node:crypto'
import { CHANNEL, type FakeTeams, TENANT, THREAD } from './fake-teams.ts'
import { readCard } from './read-card.ts'
import { objectIdOf } from './start-teams-chat.ts'
import { APP_ID, type TokenChanges } from './tokens.ts'

const BOT = `28:${APP_ID}`

/** Tries that only a fault uses up, however slow the machine. */
const MANY = 12_000

/** Sends what the Bot Connector would send when somebody does something, signed as Microsoft signs. */
export function createTeamsUser(url: string, fake: FakeTeams): TeamsUser {
  async function send(activity: unknown, changes: Sending = {}): Promise<Response> {
    const token = changes.authorization ?? `Bearer ${await fake.mint.token(fake.serviceUrl, changes.token)}`
    return fetch(`${url}/api/messages`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== '' && { authorization: token }),
        ...changes.headers,
      },
      body: changes.body ?? JSON.stringify(activity),
    })
  }

  /** Waits for a message to them alone that was not there. */
  async function answered(name: string, before: number): Promise<Told> {
    for (let tries = 0; tries < MANY; tries++) {
      const direct = fake.directOf(objectIdOf(name))
      const message = fake.messages.slice(before).find((one) => one.to === `29:${name}` || one.conversation === direct)
      if (message !== undefined) return { ...message, words: readCard(message.card).words }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    throw new Error(`${name} was told nothing`)
  }

  async function invoke(activity: object): Promise<Answered> {
    const response = await send(activity)
    const body = response.status === 200 ? ((await response.json()) as InvokeBody) : {}
    const card = body.task?.value?.card?.content ?? (typeof body.value === 'object' ? body.value : null)
    const words = typeof body.value === 'string' ? body.value : card === null ? '' : readCard(card).words
    return { status: response.status, body, card, words, title: body.task?.value?.title ?? '' }
  }

  return {
    send,
    invoke,
    async command(name, text, changes = {}) {
      const before = fake.messages.length
      await send({ ...inPerson(fake, name, text), ...changes })
      return answered(name, before)
    },
    async mention(name, text, changes = {}) {
      const before = fake.messages.length
      await send({ ...inChannel(fake, name, text), ...changes })
      return answered(name, before)
    },
    press: (name, data, changes = {}) => invoke({ ...pressOf(fake, name, data), ...changes }),
    openForm: (name, data, changes = {}) => invoke({ ...taskOf(fake, name, 'task/fetch', data), ...changes }),
    submit: (name, data, changes = {}) => invoke({ ...taskOf(fake, name, 'task/submit', data), ...changes }),
  }
}

function common(fake: FakeTeams, name: string) {
  return {
    ...{ id: randomUUID(), channelId: 'msteams', serviceUrl: fake.serviceUrl, timestamp: new Date().toISOString() },
    from: { id: `29:${name}`, name, aadObjectId: objectIdOf(name) },
    recipient: { id: BOT, name: 'Countersign' },
  }
}

/** A message in the chat with the bot alone. */
export function inPerson(fake: FakeTeams, name: string, text: string) {
  const direct = fake.directOf(objectIdOf(name)) ?? `a:chat-of-${name}`
  return {
    ...{ type: 'message', text, textFormat: 'plain', ...common(fake, name) },
    conversation: { id: direct, conversationType: 'personal', tenantId: TENANT },
    channelData: { tenant: { id: TENANT } },
  }
}

/** A message in the channel that mentions the bot. */
export function inChannel(fake: FakeTeams, name: string, text: string) {
  const mention = '<at>Countersign</at>'
  return {
    ...{ type: 'message', text: `${mention} ${text}`, ...common(fake, name) },
    entities: [{ type: 'mention', text: mention, mentioned: { id: BOT, name: 'Countersign' } }],
    conversation: {
      id: `${CHANNEL};messageid=${THREAD}`,
      conversationType: 'channel',
      isGroup: true,
      tenantId: TENANT,
    },
    channelData: { tenant: { id: TENANT }, channel: { id: CHANNEL }, team: { id: CHANNEL } },
  }
}

/** A button of a card in the channel. */
export function pressOf(fake: FakeTeams, name: string, data: object, verb = 'press') {
  const { text: _, entities: __, ...message } = inChannel(fake, name, '')
  const action = { type: 'Action.Execute', title: 'Button', verb, data }
  return { ...message, type: 'invoke', name: 'adaptiveCard/action', value: { action, trigger: 'manual' } }
}

/** A dialog that is to be opened, or was sent. */
export function taskOf(fake: FakeTeams, name: string, task: 'task/fetch' | 'task/submit', data: object) {
  const { text: _, entities: __, ...message } = inChannel(fake, name, '')
  return { ...message, type: 'invoke', name: task, value: { data, context: { theme: 'default' } } }
}

interface Sending {
  readonly token?: TokenChanges
  /** The whole header in place of a token; empty for none. */
  readonly authorization?: string
  readonly headers?: Record<string, string>
  /** Sent in place of the activity. */
  readonly body?: string
}

interface InvokeBody {
  readonly statusCode?: number
  readonly type?: string
  readonly value?: unknown
  readonly task?: {
    readonly type?: string
    readonly value?: { readonly title?: string; readonly card?: { readonly content?: unknown } }
  }
}

export interface Answered {
  readonly status: number
  readonly body: InvokeBody
  /** What takes the card's place, or stands in the dialog. */
  readonly card: unknown
  readonly words: string
  readonly title: string
}

export interface Told {
  readonly conversation: string
  readonly to: string | null
  readonly words: string
  readonly card: unknown
}

export interface TeamsUser {
  send(activity: unknown, changes?: Sending): Promise<Response>
  invoke(activity: object): Promise<Answered>
  command(name: string, text: string, changes?: object): Promise<Told>
  mention(name: string, text: string, changes?: object): Promise<Told>
  press(name: string, data: object, changes?: object): Promise<Answered>
  openForm(name: string, data: object, changes?: object): Promise<Answered>
  submit(name: string, data: object, changes?: object): Promise<Answered>
}
