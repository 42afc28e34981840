import { z } from 'zod'
import type { AccessToken } from './access-token.ts'
import { ConnectorFailure, wordOf } from './connector-failure.ts'
import { CARD_TYPE, type TeamsMessage } from './render-message.ts'

/** A call that takes longer has an unknown outcome. */
const CALL_TIMEOUT_MS = 8_000

/** Where a conversation is, and in which tenant. */
export interface Place {
  readonly serviceUrl: string
  readonly tenant: string
}

/** The Bot Connector's REST doors that we use. It repeats nothing: that is for whoever knows the message's key. */
export interface Connector {
  /** A message in a conversation, or in a thread of one. @returns the message's id @throws ConnectorFailure, ChatError */
  send(place: Place, conversation: string, message: TeamsMessage): Promise<string>
  /** A message in a shared conversation that only one person sees. */
  whisper(place: Place, conversation: string, to: Recipient, message: TeamsMessage): Promise<string>
  /** A new thread in a channel. @returns the ids of the thread and of its first message */
  open(place: Place, channel: string, message: TeamsMessage): Promise<{ conversation: string; message: string }>
  /** The conversation with one person alone; asking twice gives the same. @param member their Entra object id */
  direct(place: Place, member: string): Promise<string>
  update(place: Place, conversation: string, id: string, message: TeamsMessage): Promise<void>
  remove(place: Place, conversation: string, id: string): Promise<void>
  /** What Teams says of one member of a conversation or a team. @throws ConnectorFailure */
  member(place: Place, conversation: string, userId: string): Promise<unknown>
  /** What Teams says of a team, by its own id (`19:…`). @throws ConnectorFailure */
  team(place: Place, team: string): Promise<unknown>
}

export interface Recipient {
  /** `29:…` */
  readonly userId: string
  /** The targeted message that this answers; null when it answers none. */
  readonly answers: string | null
}

export function createConnector({ token, appId }: { token: AccessToken; appId: string }): Connector {
  const bot = { id: `28:${appId}` }

  return {
    async send(place, conversation, message) {
      return idOf(await call(place, 'POST', activities(conversation), activityOf(message, place)))
    },
    async whisper(place, conversation, { userId, answers }, message) {
      const entities = answers === null ? [] : [{ type: 'targetedMessageInfo', messageId: answers }]
      const body = { ...activityOf(message, place), recipient: { id: userId }, entities }
      return idOf(await call(place, 'POST', `${activities(conversation)}?isTargetedActivity=true`, body))
    },
    async open(place, channel, message) {
      const body = {
        ...{ isGroup: true, bot, tenantId: place.tenant },
        ...{ channelData: { channel: { id: channel }, tenant: { id: place.tenant } } },
        activity: activityOf(message, place),
      }
      const opened = openedSchema.parse(await call(place, 'POST', '/v3/conversations', body))
      const first = opened.activityId ?? /;messageid=(\d+)/.exec(opened.id)?.[1]
      if (first === undefined) throw new ConnectorFailure(200, NO_ID, null)
      return { conversation: `${channel};messageid=${first}`, message: first }
    },
    async direct(place, member) {
      const tenant = { channelData: { tenant: { id: place.tenant } }, tenantId: place.tenant }
      const body = { isGroup: false, bot, members: [{ id: member }], ...tenant }
      return openedSchema.parse(await call(place, 'POST', '/v3/conversations', body)).id
    },
    async update(place, conversation, id, message) {
      await call(place, 'PUT', `${activities(conversation)}/${encodeURIComponent(id)}`, activityOf(message, place))
    },
    async remove(place, conversation, id) {
      await call(place, 'DELETE', `${activities(conversation)}/${encodeURIComponent(id)}`, null)
    },
    member(place, conversation, userId) {
      const path = `/v3/conversations/${encodeURIComponent(conversation)}/members/${encodeURIComponent(userId)}`
      return call(place, 'GET', path, null)
    },
    team: (place, team) => call(place, 'GET', `/v3/teams/${encodeURIComponent(team)}`, null),
  }

  async function call(
    place: Place,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body: object | null,
  ): Promise<unknown> {
    const bearer = await token.get()
    let answer: Response
    try {
      answer = await fetch(`${place.serviceUrl.replace(/\/+$/, '')}${path}`, {
        ...{ method, redirect: 'error', signal: AbortSignal.timeout(CALL_TIMEOUT_MS) },
        ...(body !== null && { body: JSON.stringify(body) }),
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      })
    } catch (cause) {
      throw new ConnectorFailure(null, wordOf(cause), null, { cause })
    }
    const text = await answer.text().catch(() => '')
    if (answer.ok) return parse(text)
    if (answer.status === 401) token.forget()
    const fault = faultSchema.safeParse(parse(text))
    const word = fault.success ? (fault.data.error.innerHttpError?.body ?? fault.data.error.code) : ''
    throw new ConnectorFailure(answer.status, word.slice(0, 200), answer.headers.get('retry-after'))
  }

  function activityOf({ summary, card }: TeamsMessage, { tenant }: Place) {
    return {
      ...{ type: 'message', from: bot, summary, channelData: { tenant: { id: tenant } } },
      // Text beside a card would be split from it, and the id lost.
      attachments: [{ contentType: CARD_TYPE, content: card }],
    }
  }
}

function activities(conversation: string): string {
  return `/v3/conversations/${encodeURIComponent(conversation)}/activities`
}

const NO_ID = 'no message id in the answer'

const openedSchema = z.object({ id: z.string().min(1), activityId: z.string().min(1).optional() })
const sentSchema = z.object({ id: z.string().min(1) })
const faultSchema = z.object({
  error: z.object({
    code: z.string().catch(''),
    innerHttpError: z
      .object({ body: z.string().optional().catch(undefined) })
      .optional()
      .catch(undefined),
  }),
})

function idOf(answer: unknown): string {
  const read = sentSchema.safeParse(answer)
  if (!read.success) throw new ConnectorFailure(200, NO_ID, null)
  return read.data.id
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
