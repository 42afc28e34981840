import { createHmac, randomUUID } from 'node:crypto'
import { type FakeSlack, SIGNING_SECRET, TEAM } from './fake-slack.ts'
import { readBlocks, readNotification } from './read-blocks.ts'

/** Tries that only a fault uses up, however slow the machine. */
const MANY = 6_000

/** Sends what Slack would send when somebody does something, signed as Slack signs. */
export function createSlackUser(url: string, fake: FakeSlack, now: () => number): SlackUser {
  async function send(body: string, changes: Sending = {}): Promise<Response> {
    const timestamp = String(changes.timestamp ?? Math.floor(now() / 1_000))
    const signature = createHmac('sha256', changes.secret ?? SIGNING_SECRET).update(`v0:${timestamp}:${body}`)
    return fetch(`${url}/slack/events`, {
      method: 'POST',
      headers: {
        'content-type': changes.type ?? 'application/x-www-form-urlencoded',
        'x-slack-request-timestamp': timestamp,
        'x-slack-signature': `v0=${signature.digest('hex')}`,
        ...changes.headers,
      },
      body: changes.tampered ?? body,
    })
  }

  /** What they are told: in the response itself, in a modal, or a moment later for their eyes alone. */
  async function told(response: Response, responseUrl: string | null): Promise<Told> {
    const text = await response.text()
    const whisper = fake.whispers.find((one) => responseUrl?.endsWith(one.url))
    const said: Said | null = whisper ?? (text.startsWith('{') ? (JSON.parse(text) as Said) : null)
    if (said === null) return { status: response.status, words: text, blocks: [] }
    const blocks = said.blocks ?? said.view?.blocks ?? []
    const errors = Object.values(said.errors ?? {}).join('\n')
    const notification = readNotification(said.text ?? '').words
    const words = blocks.length > 0 ? readBlocks(blocks).words : notification
    return { status: response.status, words: `${words}${errors}`, blocks }
  }

  async function interact(payload: { readonly trigger_id?: unknown }): Promise<Told> {
    const responseUrl = `${fake.origin}/respond/${randomUUID()}`
    const body = new URLSearchParams({ payload: JSON.stringify({ ...payload, response_url: responseUrl }) })
    const response = await send(body.toString())
    const answer = await told(response, responseUrl)
    if (answer.words !== '') return answer
    // A press is acknowledged first and answered after: in words, or with a form.
    for (let tries = 0; tries < MANY; tries++) {
      const later = await told(new Response('', { status: response.status }), responseUrl)
      if (later.words !== '') return later
      if (fake.views.some((one) => one.trigger === payload.trigger_id)) return answer
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    throw new Error('whoever pressed was told nothing')
  }

  return {
    send,
    interact,
    async command(user, text, changes = {}) {
      const response = await send(commandBody(user, text, changes).toString(), changes)
      return told(response, null)
    },
    press: (user, action, value, changes = {}) => interact({ ...pressPayload(user, action, value), ...changes }),
    submit: (user, form, context, values, changes = {}) =>
      interact({ ...submissionPayload(user, form, context, values), ...changes }),
  }
}

export function commandBody(user: string, text: string, { trigger, team, command }: CommandChanges = {}) {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return new URLSearchParams({
    ...{ token: 'ignored', team_id: team ?? TEAM, team_domain: 'acme', channel_id: 'C0ACCESS', channel_name: 'access' },
    ...{ user_id: user, user_name: 'somebody', command: command ?? '/access', text: escaped, api_app_id: 'A0' },
    ...{ trigger_id: trigger ?? `trigger.${randomUUID()}`, response_url: 'http://127.0.0.1:9/unused' },
  })
}

export function pressPayload(user: string, action: string, value: string) {
  return {
    ...{ type: 'block_actions', api_app_id: 'A0', token: 'ignored', trigger_id: `trigger.${randomUUID()}` },
    ...{ user: { id: user, username: 'somebody', team_id: TEAM }, team: { id: TEAM, domain: 'acme' } },
    ...{ channel: { id: 'C0ACCESS', name: 'access' }, message: { ts: '1700000000.000100' } },
    container: { type: 'message', message_ts: '1700000000.000100', channel_id: 'C0ACCESS' },
    actions: [{ type: 'button', action_id: action, block_id: 'b', value, action_ts: `${Math.random()}` }],
  }
}

export function submissionPayload(user: string, form: string, context: object, values: Record<string, string>) {
  const state = Object.entries(values).map(([field, value]) => [
    field,
    // A choice and a text come back in different shapes.
    field === 'right'
      ? { value: { type: 'static_select', selected_option: { value } } }
      : { value: { type: 'plain_text_input', value } },
  ])
  return {
    ...{ type: 'view_submission', api_app_id: 'A0', token: 'ignored', trigger_id: `trigger.${randomUUID()}` },
    ...{ user: { id: user, username: 'somebody', team_id: TEAM }, team: { id: TEAM, domain: 'acme' } },
    view: {
      ...{ id: `V${randomUUID()}`, hash: 'h1', type: 'modal', callback_id: form },
      ...{ private_metadata: JSON.stringify(context), state: { values: Object.fromEntries(state) } },
    },
  }
}

interface Said {
  readonly text?: string
  readonly blocks?: unknown[]
  readonly view?: { readonly blocks: unknown[] }
  readonly errors?: Record<string, string>
}

interface Sending {
  /** Seconds since the epoch. */
  readonly timestamp?: number | string
  readonly secret?: string
  /** Sent in place of what was signed. */
  readonly tampered?: string
  readonly type?: string
  readonly headers?: Record<string, string>
}

interface CommandChanges {
  readonly trigger?: string
  readonly team?: string
  readonly command?: string
}

export interface Told {
  readonly status: number
  readonly words: string
  readonly blocks: readonly unknown[]
}

export interface SlackUser {
  send(body: string, changes?: Sending): Promise<Response>
  interact(payload: { readonly trigger_id?: unknown }): Promise<Told>
  command(user: string, text: string, changes?: CommandChanges & Sending): Promise<Told>
  press(user: string, action: string, value: string, changes?: object): Promise<Told>
  submit(user: string, form: string, context: object, values: Record<string, string>, changes?: object): Promise<Told>
}
