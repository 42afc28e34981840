import type { Db } from '../../db/transaction.ts'
import { type Account, ChatError } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import { reachDatabase } from '../reach-database.ts'
import type { Place } from './connector.ts'
import { TEAMS_PLATFORM } from './sent-messages.ts'

/** Where Teams takes messages of a public tenant, until it has told us more exactly. */
const SERVICE_URL = 'https://smba.trafficmanager.net/teams/'
/** So many are remembered here; the database has all. */
const MOST_REMEMBERED = 20_000
/** Whoever was heard here so lately is answered where they spoke: no other replica knows better. */
const JUST_HEARD_MS = 60_000

/** What an activity says of where it came from. */
export interface Heard {
  readonly tenant: string
  readonly serviceUrl: string
  /** Who acted: their Entra object id and Teams' own. */
  readonly person: { readonly id: string; readonly userId: string } | null
  /** The conversation with that person alone. */
  readonly direct: string | null
  readonly channel: string | null
  /** The team that the channel is of. */
  readonly team: string | null
  /** The conversation whose members they are among: their chat, a group, a team. */
  readonly roster: string
}

export interface Conversations {
  /** Reads who was heard before. */
  load(): Promise<void>
  /** Remembers where people and channels are reached; writes it down behind the scenes. A failure is not worth one. */
  learn(heard: Heard): void
  /** The conversation with one person, as far as there is one. @throws ChatError */
  direct(account: Account): Promise<{ place: Place; conversation: string | null }>
  keepDirect(account: Account, place: Place, conversation: string): void
  /** It is not there any more: people may clear their chats. */
  forgetDirect(account: Account): Promise<void>
  /** Where a conversation or a channel is. @throws ChatError */
  placeOf(conversation: string): Promise<Place>
  /** Teams' own id of the team that a channel is of, as far as it was told. @throws ChatError */
  teamOf(channel: string): Promise<string | null>
  /** Where this process heard a person last, to ask there who they are; null for whom it did not hear. */
  heardIn(account: Account): HeardIn | null
  /** Teams' own id of a person (`29:…`), if this process knows it. */
  userIdOf(account: Account): string | null
  /** Waits until what was learned is written. */
  settle(): Promise<void>
}

export interface HeardIn {
  readonly place: Place
  readonly roster: string
  readonly userId: string
}

export function createConversations(options: {
  readonly db: Db
  readonly clock: Clock
  readonly tenants: readonly string[]
}): Conversations {
  const { db, clock, tenants } = options
  const [home = ''] = tenants
  const learned = new Map<string, Known>()
  const userIds = new Map<string, string>()
  /** What is to be written next, all in one statement. */
  const unwritten = new Map<string, Known>()
  let writing: Promise<void> | null = null
  const heardIn = new Map<string, HeardIn>()

  return {
    async load() {
      const rows = await db<{ tenant: string; id: string; user_id: string }[]>`
        select tenant, id, user_id from teams_conversation
        where kind = 'person' and user_id is not null order by at desc limit ${MOST_REMEMBERED}`
      for (const { tenant, id, user_id } of rows) userIds.set(`${tenant}/${id}`, user_id)
    },
    learn({ tenant, serviceUrl, person, direct, channel, team, roster }) {
      if (person !== null) {
        const { userId } = person
        remember(heardIn, `${tenant}/${person.id}`, { place: { tenant, serviceUrl }, roster, userId })
        remember(userIds, `${tenant}/${person.id}`, person.userId)
        keep({ tenant, kind: 'person', id: person.id, conversation: direct, userId, team: null, serviceUrl })
      }
      if (channel !== null) {
        keep({ tenant, kind: 'channel', id: channel, conversation: channel, userId: null, team, serviceUrl })
      }
    },
    async direct(account) {
      const { platform, tenant, id } = account
      if (platform !== TEAMS_PLATFORM || !tenants.includes(tenant)) {
        throw new ChatError('not-found', `${id} is no account of a Teams tenant that is let in`)
      }
      const heard = learned.get(nameOf({ tenant, kind: 'person', id }))
      if (heard !== undefined && heard.conversation !== null && clock.now() - heard.at < JUST_HEARD_MS) {
        return { place: { tenant, serviceUrl: heard.serviceUrl }, conversation: heard.conversation }
      }
      const [row] = await reach(
        () => db<{ conversation: string | null; service_url: string }[]>`
          select conversation, service_url from teams_conversation
          where tenant = ${tenant} and kind = 'person' and id = ${id}`,
      )
      const serviceUrl = row?.service_url ?? (await serviceUrlOf(tenant))
      return { place: { tenant, serviceUrl }, conversation: row?.conversation ?? null }
    },
    keepDirect({ tenant, id }, { serviceUrl }, conversation) {
      keep({ tenant, kind: 'person', id, conversation, userId: null, team: null, serviceUrl })
    },
    async forgetDirect({ tenant, id }) {
      await settle()
      learned.delete(nameOf({ tenant, kind: 'person', id }))
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
    async teamOf(channel) {
      const [row] = await reach(
        () => db<{ team: string | null }[]>`
          select team from teams_conversation
          where kind = 'channel' and id = ${channel} and tenant = any(${[...tenants]}) and team is not null
          order by at desc limit 1`,
      )
      return row?.team ?? null
    },
    heardIn: ({ tenant, id }) => heardIn.get(`${tenant}/${id}`) ?? null,
    userIdOf: ({ tenant, id }) => userIds.get(`${tenant}/${id}`) ?? null,
    settle,
  }

  function keep(facts: Omit<Known, 'at'>): void {
    const name = nameOf(facts)
    const before = learned.get(name)
    const conversation = facts.conversation ?? before?.conversation ?? null
    const userId = facts.userId ?? before?.userId ?? null
    const known = { ...facts, conversation, userId, team: facts.team ?? before?.team ?? null, at: clock.now() }
    remember(learned, name, known)
    if (before !== undefined && sameFacts(before, known)) return
    unwritten.set(name, known)
    writing ??= writeAll().finally(() => {
      writing = null
    })
  }

  /** As long as there is something: what comes in while one statement runs goes into the next. */
  async function writeAll(): Promise<void> {
    while (unwritten.size > 0) {
      const rows = [...unwritten.values()]
      unwritten.clear()
      await write(rows).catch(() => {
        // Learned again when it is heard again.
        for (const row of rows) learned.delete(nameOf(row))
      })
    }
  }

  async function write(rows: readonly Known[]): Promise<void> {
    const columns = rows.map(({ userId, serviceUrl, ...row }) => ({ ...row, user_id: userId, service_url: serviceUrl }))
    await db`
      insert into teams_conversation ${db(columns, 'tenant', 'kind', 'id', 'conversation', 'user_id', 'team', 'service_url', 'at')}
      on conflict (tenant, kind, id) do update set
        conversation = coalesce(excluded.conversation, teams_conversation.conversation),
        user_id = coalesce(excluded.user_id, teams_conversation.user_id),
        team = coalesce(excluded.team, teams_conversation.team), service_url = excluded.service_url, at = excluded.at`
  }

  async function settle(): Promise<void> {
    await writing
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
  readonly team: string | null
  readonly serviceUrl: string
  /** When it was heard, epoch ms. */
  readonly at: number
}

function nameOf({ tenant, kind, id }: Pick<Known, 'tenant' | 'kind' | 'id'>): string {
  return `${tenant}/${kind}/${id}`
}

function sameFacts(one: Known, other: Known): boolean {
  return (['conversation', 'userId', 'team', 'serviceUrl'] as const).every((fact) => one[fact] === other[fact])
}

function reach<T>(query: () => Promise<T>): Promise<T> {
  return reachDatabase('Where people are in Teams', query)
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= MOST_REMEMBERED) map.clear()
  map.set(key, value)
}
