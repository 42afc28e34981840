import type { Db } from '../../db/transaction.ts'
import { type Account, ChatError } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Place } from './connector.ts'
import { TEAMS_PLATFORM } from './sent-messages.ts'

/** Where Teams takes messages of a public tenant, until it has told us more exactly. */
const SERVICE_URL = 'https://smba.trafficmanager.net/teams/'
/** So many are remembered here; the database has all. */
const MOST_REMEMBERED = 20_000

/** What an activity says of where it came from. */
export interface Heard {
  readonly tenant: string
  readonly serviceUrl: string
  /** Who acted: their Entra object id and Teams' own. */
  readonly person: { readonly id: string; readonly userId: string } | null
  /** The conversation with that person alone. */
  readonly direct: string | null
  readonly channel: string | null
}

export interface Conversations {
  /** Reads who was heard before. */
  load(): Promise<void>
  /** Remembers where people and channels are reached. A failure is not worth one. */
  learn(heard: Heard): Promise<void>
  /** The conversation with one person, as far as there is one. @throws ChatError */
  direct(account: Account): Promise<{ place: Place; conversation: string | null }>
  keepDirect(account: Account, place: Place, conversation: string): Promise<void>
  /** It is not there any more: people may clear their chats. */
  forgetDirect(account: Account): Promise<void>
  /** Where a conversation or a channel is. @throws ChatError */
  placeOf(conversation: string): Promise<Place>
  /** Teams' own id of a person (`29:…`), if this process knows it. */
  userIdOf(account: Account): string | null
}

export function createConversations(options: {
  readonly db: Db
  readonly clock: Clock
  readonly tenants: readonly string[]
}): Conversations {
  const { db, clock, tenants } = options
  const [home = ''] = tenants
  const learned = new Map<string, string>()
  const userIds = new Map<string, string>()

  return {
    async load() {
      const rows = await db<{ tenant: string; id: string; user_id: string }[]>`
        select tenant, id, user_id from teams_conversation
        where kind = 'person' and user_id is not null order by at desc limit ${MOST_REMEMBERED}`
      for (const { tenant, id, user_id } of rows) userIds.set(`${tenant}/${id}`, user_id)
    },
    async learn({ tenant, serviceUrl, person, direct, channel }) {
      if (person !== null) {
        remember(userIds, `${tenant}/${person.id}`, person.userId)
        await keep({ tenant, kind: 'person', id: person.id, conversation: direct, userId: person.userId, serviceUrl })
      }
      if (channel !== null) {
        await keep({ tenant, kind: 'channel', id: channel, conversation: channel, userId: null, serviceUrl })
      }
    },
    async direct(account) {
      if (account.platform !== TEAMS_PLATFORM || !tenants.includes(account.tenant)) {
        throw new ChatError('not-found', `${account.id} is no account of a Teams tenant that is let in`)
      }
      const [row] = await reach(
        () => db<{ conversation: string | null; service_url: string }[]>`
          select conversation, service_url from teams_conversation
          where tenant = ${account.tenant} and kind = 'person' and id = ${account.id}`,
      )
      const serviceUrl = row?.service_url ?? (await serviceUrlOf(account.tenant))
      return { place: { tenant: account.tenant, serviceUrl }, conversation: row?.conversation ?? null }
    },
    async keepDirect({ tenant, id }, { serviceUrl }, conversation) {
      await keep({ tenant, kind: 'person', id, conversation, userId: null, serviceUrl })
    },
    async forgetDirect({ tenant, id }) {
      learned.delete(`${tenant}/person/${id}`)
      await db`
        update teams_conversation set conversation = null
        where tenant = ${tenant} and kind = 'person' and id = ${id}`.catch(() => undefined)
    },
    async placeOf(conversation) {
      const [base = ''] = conversation.split(';')
      const [row] = await reach(
        () => db<{ tenant: string; service_url: string }[]>`
          select tenant, service_url from teams_conversation
          where conversation = ${base} and tenant = any(${[...tenants]}) order by at desc limit 1`,
      )
      if (row !== undefined) return { tenant: row.tenant, serviceUrl: row.service_url }
      return { tenant: home, serviceUrl: await serviceUrlOf(home) }
    },
    userIdOf: ({ tenant, id }) => userIds.get(`${tenant}/${id}`) ?? null,
  }

  async function keep(known: Known): Promise<void> {
    const { tenant, kind, id, conversation, userId, serviceUrl } = known
    const [name, facts] = [`${tenant}/${kind}/${id}`, JSON.stringify([conversation, userId, serviceUrl])]
    if (learned.get(name) === facts) return
    await db`
      insert into teams_conversation (tenant, kind, id, conversation, user_id, service_url, at)
      values (${tenant}, ${kind}, ${id}, ${conversation}, ${userId}, ${serviceUrl}, ${clock.now()})
      on conflict (tenant, kind, id) do update set
        conversation = coalesce(excluded.conversation, teams_conversation.conversation),
        user_id = coalesce(excluded.user_id, teams_conversation.user_id),
        service_url = excluded.service_url, at = excluded.at`.then(
      () => remember(learned, name, facts),
      () => undefined,
    )
  }

  async function serviceUrlOf(tenant: string): Promise<string> {
    const [row] = await reach(
      () => db<{ service_url: string }[]>`
        select service_url from teams_conversation where tenant = ${tenant} order by at desc limit 1`,
    )
    return row?.service_url ?? SERVICE_URL
  }
}

interface Known {
  readonly tenant: string
  readonly kind: 'person' | 'channel'
  readonly id: string
  readonly conversation: string | null
  readonly userId: string | null
  readonly serviceUrl: string
}

async function reach<T>(query: () => Promise<T>): Promise<T> {
  try {
    return await query()
  } catch (cause) {
    const words = 'Where people are in Teams cannot be read: the database does not answer'
    throw new ChatError('unreachable', words, { cause })
  }
}

function remember(map: Map<string, string>, key: string, value: string): void {
  if (map.size >= MOST_REMEMBERED) map.clear()
  map.set(key, value)
}
