import { createHash } from 'node:crypto'
import { type Announcement, announceGrant } from '../cards/announcements.ts'
import { announcePolicies } from '../cards/policy-announcements.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import { POLICY_STREAM } from '../domain/house-event.ts'
import { RetryLater } from '../effects/effect.ts'
import { ChatError, type Destination, type MessageRef } from '../ports/chat.ts'
import { cardContext } from './card-context.ts'
import type { Context } from './context.ts'
import { loadGrant, toDraft } from './grant-store.ts'
import { namesOf } from './perform-act.ts'
import { readPolicyFacts } from './policy-in-force.ts'

/** A message that could not be delivered this often is given up, and that is put on record. */
const MOST_ATTEMPTS = 8

/**
 * Brings chat in step with the record: posts what is missing, replaces what has changed. What should
 * be there is derived from the events, so a repeat, a crash or a lost job changes nothing. One message
 * that cannot be delivered does not hold back the others.
 * @throws RetryLater when something is still to be delivered
 */
export async function announce(context: Context, stream: string): Promise<void> {
  const wait = await context.lanes.withLane(`thread:${stream}`, async () => {
    const { wanted, seq, times } = await announcementsOf(context, stream)
    const sent = await findNotices(context, stream)
    let retryInMs: number | null = null
    for (const announcement of inOrder(wanted)) {
      try {
        await deliver(context, stream, announcement, sent)
      } catch (error) {
        const after = await recordFailure(context, stream, announcement, sent, error)
        if (after !== null) retryInMs = Math.max(retryInMs ?? 0, after)
      }
    }
    if (retryInMs === null) {
      const shownBefore = await keepAnnounced(context, stream, seq)
      const oldestNew = times[shownBefore]
      if (oldestNew !== undefined) context.observe.chatInStep(context.clock.now() - oldestNew)
    }
    await context.reached('announce:after-announced')
    return retryInMs
  })
  if (wait !== null) throw new RetryLater(wait)
}

async function announcementsOf(context: Context, stream: string): Promise<Wanted> {
  if (stream === POLICY_STREAM) return policyAnnouncements(context)
  const id = grantOfStream(stream)
  const loaded = id === null ? null : await loadGrant(context, context.db, id)
  if (id === null || loaded === null) return { wanted: [], seq: 0, times: [] }
  const { events, state } = loaded
  return { wanted: announceGrant(id, events, cardContext(context)), seq: state.seq, times: events.map(({ at }) => at) }
}

async function policyAnnouncements(context: Context): Promise<Wanted> {
  const facts = await readPolicyFacts(context.record, context.db)
  const wanted = announcePolicies(facts, context.policy.current().channel, namesOf(context))
  return { wanted, seq: facts.length, times: facts.map(({ at }) => at) }
}

interface Wanted {
  readonly wanted: Announcement[]
  readonly seq: number
  /** Of every event of the stream, by its place. */
  readonly times: readonly number[]
}

/** @returns how far chat had been in step before */
async function keepAnnounced(context: Context, stream: string, seq: number): Promise<number> {
  const [row] = await context.db<{ before: number | null }[]>`
    with before as (select seq from announced where stream = ${stream})
    insert into announced (stream, seq) values (${stream}, ${seq})
    on conflict (stream) do update set seq = greatest(announced.seq, excluded.seq)
    returning (select seq from before) as before`
  return row?.before ?? 0
}

/** The card before its thread; then by priority. */
function inOrder(wanted: readonly Announcement[]): Announcement[] {
  const rank = (one: Announcement) => (one.to.kind === 'channel' ? -1 : one.priority)
  return wanted.toSorted((a, b) => rank(a) - rank(b))
}

async function deliver(
  context: Context,
  stream: string,
  wanted: Announcement,
  sent: Map<string, Notice>,
): Promise<void> {
  const notice = sent.get(wanted.key)
  const contentHash = hashOf(wanted)
  if (notice?.state === 'undeliverable') return
  if (notice?.state === 'sent' && notice.ref !== null) {
    if (notice.contentHash === contentHash) return
    await context.chat.update(notice.ref, wanted.message)
    await context.reached('announce:after-update')
    await keepNotice(context, stream, wanted.key, { ...notice, contentHash })
    sent.set(wanted.key, { ...notice, contentHash })
    return
  }
  const to = await destinationOf(context, stream, wanted, sent)
  if (notice === undefined) {
    const sending: Notice = { state: 'sending', ref: null, contentHash: '', attempts: 0 }
    await keepNotice(context, stream, wanted.key, sending)
  }
  await context.reached('announce:before-post')
  const ref = await context.chat.post(to, wanted.key, wanted.message)
  await context.reached('announce:after-post')
  // An earlier attempt may have posted it, with the words of that moment.
  if (notice !== undefined) await context.chat.update(ref, wanted.message)
  const kept: Notice = { state: 'sent', ref, contentHash, attempts: notice?.attempts ?? 0 }
  await keepNotice(context, stream, wanted.key, kept)
  sent.set(wanted.key, kept)
  await context.reached('announce:after-recorded')
}

async function destinationOf(
  context: Context,
  stream: string,
  wanted: Announcement,
  sent: Map<string, Notice>,
): Promise<Destination> {
  const { to } = wanted
  switch (to.kind) {
    case 'channel':
      return to
    case 'thread': {
      const root = sent.get(`${stream}:card`)?.ref
      if (root == null) throw new ChatError('not-found', 'The card of this thread was not delivered')
      return { kind: 'thread', root }
    }
    case 'person': {
      const identity = await context.directory.byId(to.identity)
      const account = identity?.accounts.find((one) => one.platform === context.chat.platform)
      if (account === undefined) {
        throw new ChatError('not-found', `${to.identity} has no account on ${context.chat.platform}`)
      }
      return { kind: 'person', account }
    }
    default:
      return to satisfies never
  }
}

/** @returns milliseconds until the next try; null when it is given up */
async function recordFailure(
  context: Context,
  stream: string,
  wanted: Announcement,
  sent: Map<string, Notice>,
  error: unknown,
): Promise<number | null> {
  if (!(error instanceof ChatError)) throw error
  const before = sent.get(wanted.key)
  const attempts = (before?.attempts ?? 0) + 1
  const hopeless = error.code === 'not-found' || error.code === 'refused'
  const givenUp = attempts >= MOST_ATTEMPTS || (hopeless && attempts >= 2)
  const notice: Notice = {
    ...{ ref: null, contentHash: '', ...before },
    attempts: error.code === 'throttled' ? attempts - 1 : attempts,
    state: givenUp ? 'undeliverable' : (before?.state ?? 'sending'),
  }
  await keepNotice(context, stream, wanted.key, notice)
  sent.set(wanted.key, notice)
  if (!givenUp) return error.retryAfterMs ?? Math.min(30_000, 250 * 2 ** attempts)
  const to = wanted.to.kind === 'person' ? wanted.to.identity : wanted.to.kind
  const fact = { type: 'notice.undeliverable', data: { to, notice: wanted.key, code: error.code } } as const
  await context.db.begin((tx) =>
    context.record.append(tx, `undelivered:${stream}`, null, [toDraft(fact)], context.clock.now()),
  )
  context.committed()
  context.alarm({
    what: 'notice-undeliverable',
    detail: `${wanted.key}: ${error.message}`,
    grant: grantOfStream(stream),
  })
  return null
}

interface Notice {
  readonly state: 'sending' | 'sent' | 'undeliverable'
  readonly ref: MessageRef | null
  readonly contentHash: string
  readonly attempts: number
}

async function findNotices(context: Context, stream: string): Promise<Map<string, Notice>> {
  const rows = await context.db<
    {
      key: string
      platform: string
      state: Notice['state']
      channel: string | null
      message: string | null
      content_hash: string
      attempts: number
    }[]
  >`
    select key, platform, state, channel, message, content_hash, attempts from notice where stream = ${stream}`
  return new Map(
    rows.map((row) => {
      const { channel, message, platform } = row
      const ref = channel === null || message === null ? null : { platform, channel, id: message }
      return [row.key, { state: row.state, ref, contentHash: row.content_hash, attempts: row.attempts }]
    }),
  )
}

async function keepNotice(context: Context, stream: string, key: string, notice: Notice): Promise<void> {
  const { state, ref, contentHash, attempts } = notice
  await context.db`
    insert into notice (key, stream, platform, state, channel, message, content_hash, attempts, at)
    values (${key}, ${stream}, ${context.chat.platform}, ${state}, ${ref?.channel ?? null}, ${ref?.id ?? null},
            ${contentHash}, ${attempts}, ${context.clock.now()})
    on conflict (key) do update set
      state = excluded.state, channel = excluded.channel, message = excluded.message,
      content_hash = excluded.content_hash, attempts = excluded.attempts, at = excluded.at`
}

function hashOf(wanted: Announcement): string {
  return createHash('sha256').update(JSON.stringify(wanted.message)).digest('hex')
}
