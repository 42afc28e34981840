import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { faultOfCard } from './card-rules.ts'
import { createFakeGraph, type FakeGraph, GRAPH_BEARER, GROUP } from './fake-graph.ts'
import { APP_ID, createMint, type Mint } from './tokens.ts'

export const TENANT = '7b0e5a3c-54d6-4a7e-9a8d-0f4f1f3c2b11'
export const APP_PASSWORD = 'password-of-the-test'
export const CHANNEL = '19:access@thread.tacv2'
/** A thread in it that somebody else has started. */
export const THREAD = '1699999999999'
const BEARER = 'bearer-of-the-test'
/** By what it is asked for. */
const TOKENS: Readonly<Record<string, string | undefined>> = {
  'https://api.botframework.com/.default': BEARER,
  'https://graph.microsoft.com/.default': GRAPH_BEARER,
}
const LIMITS = [
  [7, 1_000],
  [8, 2_000],
  [60, 30_000],
  [1_800, 3_600_000],
] as const

/**
 * Microsoft's side, as strict as it is documented: Entra's token, the key server, and a Bot Connector that wants the
 * token, a tenant, one card by itself, and no more than its limits. It can fail as networks do: after the deed.
 */
export async function startFakeTeams(options: {
  people: readonly string[]
  now: () => number
  /** Limits so many times as wide; 1 when left out. */
  times?: number
}): Promise<FakeTeams> {
  const { people, now, times = 1 } = options
  const mint = await createMint()
  const messages: Message[] = []
  const calls: string[] = []
  const faults = new Map<string, Fault[]>()
  const directs = new Map<string, string>()
  const blocked = new Set<string>()
  const members = new Map<string, object>()
  const rosters: string[] = []
  const sends = new Map<string, number[]>()
  const graph = createFakeGraph({ channel: CHANNEL, origin: () => origin, messages })
  let last = 0

  async function route(request: IncomingMessage, url: URL, body: string): Promise<Reply> {
    const { pathname } = url
    if (pathname === '/openid') return ok({ issuer: 'https://api.botframework.com', jwks_uri: `${origin}/keys` })
    if (pathname === '/keys') return ok({ keys: mint.keys })
    if (pathname === `/login/${TENANT}/oauth2/v2.0/token`) return login(new URLSearchParams(body))
    if (pathname.startsWith('/graph/')) return graph.answer(request.method ?? '', url, request.headers.authorization)
    if (!/^\/connector\/v3\/(conversations|teams\/)/.test(pathname)) return no(404, 'NoSuchPath')
    if (request.headers.authorization !== `Bearer ${BEARER}`) return no(401, 'Unauthorized')
    if (pathname.startsWith('/connector/v3/teams/')) {
      const isKnown = decodeURIComponent(pathname).endsWith(`/${CHANNEL}`) && request.method === 'GET'
      return isKnown ? ok({ id: CHANNEL, name: 'Operations', aadGroupId: GROUP }) : no(404, 'NotFound')
    }
    const [conversation, kind, activity] = pathname.split('/').slice(4).map(decodeURIComponent)
    if (request.method === 'GET' && kind === 'members') return member(conversation ?? '', activity ?? '')
    if (request.method === 'DELETE') return remove(conversation ?? '', activity ?? '')
    const said = JSON.parse(body) as Said
    if (conversation === undefined) return said.isGroup === true ? openThread(said) : openDirect(said)
    if (request.method === 'PUT') return update(conversation, activity ?? '', said)
    return send(conversation, said, url.searchParams.get('isTargetedActivity') === 'true')
  }

  function login(form: URLSearchParams): Reply {
    const right =
      form.get('grant_type') === 'client_credentials' &&
      form.get('client_id') === APP_ID &&
      TOKENS[form.get('scope') ?? ''] !== undefined
    if (!right || form.get('client_secret') !== APP_PASSWORD) return [401, { error: 'invalid_client' }]
    return ok({ token_type: 'Bearer', expires_in: 3_599, access_token: TOKENS[form.get('scope') ?? ''] })
  }

  function openThread(said: Said): Reply {
    const channel = said.channelData?.channel?.id
    if (channel !== CHANNEL) return no(404, 'ConversationNotFound')
    if (said.tenantId !== TENANT) return no(400, 'BadSyntax')
    const fault = limited(channel) ?? faultOf(said.activity)
    if (fault !== null) return fault
    const id = nextId()
    messages.push({ conversation: `${CHANNEL};messageid=${id}`, id, root: null, to: null, ...shown(said.activity) })
    return [201, { id: `${CHANNEL};messageid=${id}`, activityId: id }]
  }

  function openDirect(said: Said): Reply {
    const member = said.members?.[0]?.id ?? ''
    if (said.tenantId !== TENANT || said.channelData?.tenant?.id !== TENANT) return no(400, 'BadSyntax')
    if (!people.includes(member)) return no(403, 'ForbiddenOperationException')
    const known = directs.get(member) ?? `a:${randomUUID()}`
    directs.set(member, known)
    return [201, { id: known }]
  }

  function send(conversation: string, said: Said, targeted: boolean): Reply {
    const place = placeOf(conversation)
    if (place === null) return no(404, 'ConversationNotFound')
    if (place.member !== null && blocked.has(place.member)) return no(403, 'MessageWritesBlocked')
    if (targeted && (place.member !== null || said.recipient?.id === undefined)) return no(400, 'BadSyntax')
    const fault = limited(conversation) ?? faultOf(said)
    if (fault !== null) return fault
    const id = nextId()
    const to = targeted ? (said.recipient?.id ?? null) : null
    messages.push({ conversation, id, root: place.root, to, ...shown(said) })
    return [201, { id }]
  }

  function update(conversation: string, id: string, said: Said): Reply {
    const found = messages.find((one) => one.id === id && one.conversation === conversation)
    if (found === undefined) return no(404, 'ActivityNotFoundInConversation')
    const fault = limited(conversation) ?? faultOf(said)
    if (fault !== null) return fault
    Object.assign(found, shown(said))
    return ok({ id })
  }

  function remove(conversation: string, id: string): Reply {
    const at = messages.findIndex((one) => one.id === id && one.conversation === conversation)
    if (at === -1) return no(404, 'ActivityNotFoundInConversation')
    messages.splice(at, 1)
    return ok({})
  }

  /** As Teams' roster, where everybody is who is not said to be somebody else. */
  function member(conversation: string, userId: string): Reply {
    rosters.push(conversation)
    const id = people.find((one) => userId === `29:${nameIn(one)}`)
    if (id === undefined) return no(404, 'MemberNotFoundInConversation')
    const said = {
      aadObjectId: id,
      tenantId: TENANT,
      userRole: 'user',
      userPrincipalName: `${nameIn(id)}@acme.example`,
    }
    return ok({ id: userId, name: nameIn(id), ...said, ...members.get(nameIn(id)) })
  }

  function placeOf(conversation: string): { member: string | null; root: string | null } | null {
    const [base = '', root = null] = conversation.split(';messageid=')
    const member = [...directs].find(([, one]) => one === conversation)?.[0]
    if (member !== undefined) return { member, root: null }
    if (base !== CHANNEL) return null
    return root === THREAD || messages.some((one) => one.id === root) ? { member: null, root } : null
  }

  function limited(thread: string): Reply | null {
    const at = now()
    const before = sends.get(thread) ?? []
    if (LIMITS.some(([count, perMs]) => before.filter((one) => one > at - perMs / times).length >= count)) {
      return [429, { error: { code: 'Throttled', message: 'Too many requests' } }, { 'retry-after': '2' }]
    }
    sends.set(thread, [...before, at])
    return null
  }

  function nextId(): string {
    // Teams names a message by the time of it.
    last = Math.max(now(), last + 1)
    return String(last)
  }

  const server = createServer((request, response) => {
    void take(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    const url = new URL(request.url ?? '', origin)
    const call = `${request.method} ${nameOf(url.pathname)}`
    calls.push(call)
    const fault = faults.get(call)?.shift()
    if (fault?.kind === 'reset-before') return void request.socket.destroy()
    if (fault?.kind === 'status') {
      const words = JSON.stringify({ error: { code: fault.word, message: fault.word } })
      return void response.writeHead(fault.status, fault.headers).end(words)
    }
    const [status, answer, headers] = await route(request, url, body)
    if (fault?.kind === 'reset-after') return void request.socket.destroy()
    if (fault?.kind === 'status-after') return void response.writeHead(fault.status).end('oops')
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(answer))
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    ...{ origin, mint, messages, calls, blocked, members, rosters, graph },
    graphUrl: `${origin}/graph`,
    serviceUrl: `${origin}/connector/`,
    metadataUrl: `${origin}/openid`,
    loginUrl: `${origin}/login`,
    directOf: (member) => directs.get(member) ?? null,
    openChat: (member) => void directs.set(member, directs.get(member) ?? `a:${randomUUID()}`),
    clearChat: (member) => void directs.delete(member),
    failNext: (call, ...next) => void faults.set(call, [...(faults.get(call) ?? []), ...next]),
    async stop() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** The path without what is in it. */
function nameOf(pathname: string): string {
  const [, connector, , conversations, id, activities, activity] = pathname.split('/')
  if (connector !== 'connector') return pathname
  return [conversations, id && ':id', activities, activity && ':id'].filter(Boolean).join('/')
}

/** Whose object id that is, in these tests. */
function nameIn(objectId: string): string {
  return Buffer.from(objectId.slice(-12), 'hex').toString().replace(/-+$/, '')
}

function faultOf(said: Said | undefined): Reply | null {
  const [attachment, another] = said?.attachments ?? []
  const wrong =
    said?.type !== 'message' ||
    said.text !== undefined ||
    said.from?.id !== `28:${APP_ID}` ||
    typeof said.summary !== 'string' ||
    said.channelData?.tenant?.id !== TENANT ||
    another !== undefined ||
    attachment?.contentType !== 'application/vnd.microsoft.card.adaptive'
  if (wrong) return no(400, 'BadSyntax')
  const fault = faultOfCard(attachment.content)
  return fault === null ? null : no(400, `BadCard: ${fault}`)
}

function shown(said: Said | undefined): { card: unknown; summary: string } {
  return { card: said?.attachments?.[0]?.content, summary: said?.summary ?? '' }
}

function ok(body: object): Reply {
  return [200, body]
}

function no(status: number, word: string): Reply {
  return [status, { error: { code: word, message: word } }]
}

type Reply = [status: number, body: object, headers?: Record<string, string>]

interface Said {
  readonly type?: string
  readonly text?: string
  readonly summary?: string
  readonly isGroup?: boolean
  readonly tenantId?: string
  readonly from?: { readonly id?: string }
  readonly recipient?: { readonly id?: string }
  readonly members?: readonly { readonly id?: string }[]
  readonly channelData?: { readonly channel?: { readonly id?: string }; readonly tenant?: { readonly id?: string } }
  readonly attachments?: readonly { readonly contentType?: string; readonly content?: unknown }[]
  readonly activity?: Said
}

export type Fault =
  | { readonly kind: 'reset-before' | 'reset-after' }
  | {
      readonly kind: 'status'
      readonly status: number
      readonly word: string
      readonly headers?: Record<string, string>
    }
  | { readonly kind: 'status-after'; readonly status: number }

export interface Message {
  readonly conversation: string
  readonly id: string
  readonly root: string | null
  /** The one person who sees it; null for all who are there. */
  readonly to: string | null
  readonly card: unknown
  /** The words of the notification. */
  readonly summary: string
}

export interface FakeTeams {
  readonly origin: string
  readonly serviceUrl: string
  readonly metadataUrl: string
  readonly loginUrl: string
  readonly graphUrl: string
  readonly graph: FakeGraph
  readonly mint: Mint
  readonly messages: readonly Message[]
  /** Method and path of every call, in order. */
  readonly calls: readonly string[]
  /** Who has blocked the bot. */
  readonly blocked: Set<string>
  /** What the roster says of somebody by name, in place of what it says of a user. */
  readonly members: Map<string, object>
  /** The conversations whose members were asked for, in order. */
  readonly rosters: readonly string[]
  /** The conversation with one person, once there is one. */
  directOf(member: string): string | null
  /** Somebody has a chat with the bot, as when the app is installed for them. */
  openChat(member: string): void
  /** Somebody clears the chat: the next one is another. */
  clearChat(member: string): void
  /** The next calls fail so, one each: `POST conversations/:id/activities`. */
  failNext(call: string, ...faults: Fault[]): void
  stop(): Promise<void>
}
