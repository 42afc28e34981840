import type { Message } from './fake-teams.ts'
import { APP_ID } from './tokens.ts'

/** The team's id in Entra. */
export const GROUP = '3f1f3c2b-54d6-4a7e-9a8d-7b0e5a3c0f4f'
export const GRAPH_BEARER = 'bearer-of-graph'
const PATH = /^\/graph\/v1\.0\/teams\/([^/]+)\/channels\/([^/]+)\/messages(?:\/(\d+)(\/replies)?)?$/

/**
 * Microsoft Graph, as strict as it is documented: it only reads, wants a token for itself, knows `$top` up to 50 and the link
 * that it gave, and gives the newest first. What the bot has sent stands there; what people write is put there.
 */
export function createFakeGraph(options: { channel: string; origin: () => string; messages: readonly Message[] }) {
  const { channel, origin, messages } = options
  const put: GraphMessage[] = []
  const tombs = new Set<string>()
  const dropped = new Set<string>()
  const edits = new Map<string, string>()
  const state = { isGranted: true, most: 50 }

  function all(): GraphMessage[] {
    const ours = messages
      .filter(({ conversation, to }) => conversation.startsWith(channel) && to === null)
      .map(({ id, conversation, card }): GraphMessage => {
        const first = conversation.split(';messageid=')[1] ?? id
        const content = JSON.stringify(card)
        return {
          ...{ id, replyToId: first === id ? null : first, messageType: 'message' },
          from: { application: { id: APP_ID, applicationIdentityType: 'bot' }, device: null, user: null },
          body: { contentType: 'html', content: '<attachment id="1"></attachment>' },
          attachments: [{ id: '1', contentType: 'application/vnd.microsoft.card.adaptive', content }],
        }
      })
    return [...ours, ...put]
      .filter(({ id }) => !dropped.has(id))
      .map((one) => ({ ...one, lastEditedDateTime: edits.get(one.id) ?? null, deletedDateTime: null }))
      .map((one) => (tombs.has(one.id) ? { ...one, ...EMPTY } : one))
      .sort((a, b) => Number(b.id) - Number(a.id))
  }

  function answer(method: string, url: URL, authorization: string | undefined): [number, object] {
    if (authorization !== `Bearer ${GRAPH_BEARER}`) return no(401, 'InvalidAuthenticationToken')
    const [, group, encoded = '', id, replies] = PATH.exec(url.pathname) ?? []
    if (method !== 'GET' || group === undefined) return no(400, 'BadRequest')
    const isList = id === undefined || replies !== undefined
    const known = new Set(isList ? ['$top', '$skiptoken'] : [])
    const top = Number(url.searchParams.get('$top') ?? 20)
    if ([...url.searchParams.keys()].some((name) => !known.has(name)) || !(top >= 1 && top <= 50))
      return no(400, 'BadRequest')
    if (group !== GROUP || decodeURIComponent(encoded) !== channel) return no(404, 'NotFound')
    if (!state.isGranted) return no(403, 'Forbidden')
    const there = all()
    if (id !== undefined && !there.some((one) => one.id === id && one.replyToId === null)) return no(404, 'NotFound')
    if (!isList) return [200, there.find((one) => one.id === id) ?? {}]
    const list = there.filter(({ replyToId }) => replyToId === (id ?? null))
    const from = Number(url.searchParams.get('$skiptoken') ?? 0)
    const value = list.slice(from, from + Math.min(top, state.most))
    const next = `${origin()}${url.pathname}?$top=${top}&$skiptoken=${from + value.length}`
    const more = from + value.length < list.length
    return [200, { '@odata.count': value.length, value, ...(more && { '@odata.nextLink': next }) }]
  }

  return {
    ...{ answer, state },
    /** A message that is not of this bot. */
    put: (message: GraphMessage) => void put.push(message),
    /** Somebody edits it; the time as Graph says it. */
    edit: (id: string, at: number) => void edits.set(id, new Date(at).toISOString()),
    /** Somebody deletes it: it stands there, empty. */
    remove: (id: string) => void tombs.add(id),
    /** It is there no more, as after a deletion by schedule. */
    drop: (id: string) => void dropped.add(id),
  }
}

const EMPTY = { deletedDateTime: '2026-11-23T09:00:00.000Z', from: null, body: { contentType: 'html', content: '' } }

function no(status: number, code: string): [number, object] {
  return [status, { error: { code, message: code } }]
}

export interface GraphMessage {
  readonly id: string
  readonly replyToId: string | null
  readonly messageType: string
  readonly from: object | null
  readonly body: { readonly contentType: string; readonly content: string }
  readonly attachments: readonly object[]
}

export type FakeGraph = ReturnType<typeof createFakeGraph>
