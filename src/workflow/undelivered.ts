import type { Bundle } from '../cards/bundle-lines.ts'
import type { Undelivered } from '../cards/untold.ts'
import type { Tx } from '../db/transaction.ts'
import { channelOn } from '../domain/channels.ts'
import { type GrantEvent, grantOfStream } from '../domain/grant-event.ts'
import { RetryLater } from '../effects/effect.ts'
import { type Chat, ChatError } from '../ports/chat.ts'
import { DirectoryUnreachable } from '../ports/directory.ts'
import type { Context } from './context.ts'
import { toDraft } from './grant-store.ts'
import { type KeptNotice, keepNotice, type Notice } from './notices.ts'
import { besideStream } from './wanted-announcements.ts'
import { reachableOn } from './whose-message.ts'

/** A platform that says no this often to the same message means it. */
const MOST_NOS = 2
const AFTER_A_NO_MS = 500

/** A platform that has taken nothing for so long is away: people are told on another one. */
const AWAY_MS = 60_000

/** The share of one platform in one stream, looked at once, in its lane. */
export interface Round {
  readonly context: Context
  readonly chat: Chat
  readonly stream: string
  /** Epoch ms; null while there is no end of trying. */
  readonly triedUntil: number | null
  readonly notices: Map<string, KeptNotice>
  readonly undelivered: readonly Undelivered[]
}

/** Where a message goes that cannot be where it should, and under which key: it is another message there. */
export function movedTo({ undelivered }: Round, key: string): { channel: string | null; key: string } {
  const about = undelivered.filter(({ data }) => data.notice === key)
  const channel =
    about.map((fact) => (fact.type === 'notice.undeliverable' ? fact.data.fallback : undefined)).find(Boolean) ?? null
  const again = about.some(({ type }) => type === 'notice.deleted')
  return { channel, key: `${key}${channel === null ? '' : ':elsewhere'}${again ? ':again' : ''}` }
}

/**
 * Puts a card that was deleted up again, once; takes another channel for one that is refused; gives up what the
 * platform refuses otherwise, and what it could not be asked for long after the end. Everything else is tried
 * again: an outage of an hour silences nobody.
 * @param digest of what was to be said
 * @returns what has to be tried again, a wait or a fault; null when it is given up
 */
export async function recordFailure(round: Round, wanted: Bundle, digest: string, error: unknown): Promise<unknown> {
  const code = codeOf(error)
  if (code === null) return error
  const { context, notices, triedUntil } = round
  const before = notices.get(wanted.key) ?? UNSENT
  const saidNo = isNo(code)
  const late = triedUntil !== null && context.clock.now() > triedUntil
  const isCard = wanted.to.kind === 'channel'
  if (isCard && code === 'not-found' && before.ref !== null && !wasDeleted(round, wanted.key)) {
    await keep(round, wanted, UNSENT)
    await recordBeside(round, { type: 'notice.deleted', data: { notice: wanted.key } })
    context.alarm({ what: 'card-deleted', detail: wanted.key, grant: grantOfStream(round.stream) })
    return new RetryLater(0, { cause: error })
  }
  if (wanted.to.kind === 'thread' && code === 'not-found') await doubtCard(round, wanted.to.card)
  const attempts = before.attempts + (saidNo ? 1 : 0)
  const saidEnough = saidNo ? attempts >= MOST_NOS : isAway(round)
  if (saidEnough && before.ref === null && (await goElsewhere(round, wanted, code, saidNo))) return null
  if (saidNo ? attempts < MOST_NOS : !late) {
    // What was only unreachable is as it was: in a storm of endings most of it is put off more than once.
    if (saidNo) await keep(round, wanted, { ...before, attempts })
    return saidNo ? new RetryLater(AFTER_A_NO_MS, { cause: error }) : error
  }
  const fallback = isCard && before.ref === null ? fallbackFor(round, wanted) : null
  if (fallback !== null) {
    await keep(round, wanted, UNSENT)
    await recordUndeliverable(round, wanted, code, fallback)
    context.observe.fellBack()
    return new RetryLater(0, { cause: error })
  }
  if (before.state !== 'undeliverable') await recordUndeliverable(round, wanted, code, null)
  await keep(round, wanted, { ...before, state: 'undeliverable', contentHash: digest, attempts: 0 })
  return null
}

/** Of what nobody has tried to send. */
export const UNSENT: Notice = { state: 'maybe-sent', ref: null, contentHash: '', attempts: 0 }

/** Of a message, and of everything that it says along with it. */
export async function keep(round: Round, { keys }: Bundle, notice: Notice): Promise<void> {
  for (const key of keys) {
    const kept = { ...notice, platform: round.chat.platform }
    await keepNotice(round.context, round.stream, key, kept)
    round.notices.set(key, kept)
  }
}

/** Since when each platform has taken nothing from this process. */
const failingSince = new WeakMap<Chat, number>()

/** To be called after every message that a platform took, or could not be given. */
export function noteReach({ context, chat }: Round, error: unknown): void {
  const isOut = error instanceof ChatError && (error.code === 'unreachable' || error.code === 'maybe-sent')
  if (error === null) failingSince.delete(chat)
  else if (isOut && !failingSince.has(chat)) failingSince.set(chat, context.clock.now())
}

function isAway({ context, chat }: Round): boolean {
  const since = failingSince.get(chat)
  return since !== undefined && context.clock.now() - since > AWAY_MS
}

/**
 * Who cannot be told on this platform is told on another one where they have an account, if there is one that has not
 * said no as well. One that is only away is left once: somebody is told late rather than sent from one to the other.
 * @returns whether it goes there
 */
async function goElsewhere(round: Round, { key, to }: Bundle, code: string, saidNo: boolean): Promise<boolean> {
  const { context, chat, stream } = round
  if (to.kind !== 'person' || context.chats.length < 2) return false
  const moves = round.undelivered.flatMap((fact) =>
    fact.type === 'notice.undeliverable' && fact.data.notice === key && fact.data.instead !== undefined
      ? [fact.data]
      : [],
  )
  if (!saidNo && moves.length > 0) return false
  const others = (await reachableOn(context, to.identity))?.filter((one) => one !== chat.platform) ?? []
  const instead = others.find((one) => !moves.some((move) => move.instead !== one && isNo(move.code)))
  if (instead === undefined) return false
  const fact: GrantEvent = { type: 'notice.undeliverable', data: { to: to.identity, notice: key, code, instead } }
  await recordBeside(round, fact, (tx) => keepNotice(context, stream, key, { ...UNSENT, platform: instead }, tx))
  context.alarm({
    what: 'notice-elsewhere',
    detail: `${key}: ${code} on ${chat.platform}, goes to ${instead}`,
    grant: grantOfStream(stream),
  })
  return true
}

function isNo(code: string): boolean {
  return code === 'not-found' || code === 'refused'
}

/** A thread that is not there: its card may be gone with it, and is looked at first next time. */
async function doubtCard({ context, stream, notices }: Round, key: string): Promise<void> {
  const card = notices.get(key)
  if (card?.ref == null || card.state === 'undeliverable') return
  const doubted = { ...card, contentHash: '' }
  await keepNotice(context, stream, key, doubted)
  notices.set(key, doubted)
}

function wasDeleted({ undelivered }: Round, key: string): boolean {
  return undelivered.some(({ type, data }) => type === 'notice.deleted' && data.notice === key)
}

function fallbackFor(round: Round, { key, to }: Bundle): string | null {
  const fallbackChannel = channelOn(round.context.policy.current().fallbackChannel, round.chat.platform)
  const isNew = to.kind === 'channel' && to.channel !== fallbackChannel && movedTo(round, key).channel === null
  return isNew ? fallbackChannel : null
}

/** Null for what chat and the directory do not throw: a fault of ours, or of the database. */
function codeOf(error: unknown): string | null {
  if (error instanceof ChatError) return error.code
  return error instanceof DirectoryUnreachable ? 'directory-unreachable' : null
}

/** Said once a message, not again when it stays so with other words. What follows from it is announced next. */
async function recordUndeliverable(
  round: Round,
  { to, key }: Bundle,
  code: string,
  fallback: string | null,
): Promise<void> {
  const told = to.kind === 'person' ? to.identity : to.kind
  const data = { to: told, notice: key, code, ...(fallback !== null && { fallback }) }
  await recordBeside(round, { type: 'notice.undeliverable', data })
  const what = fallback === null ? 'notice-undeliverable' : 'notice-elsewhere'
  const detail = fallback === null ? `${key}: ${code}` : `${key}: ${code}, goes to ${fallback}`
  round.context.alarm({ what, detail, grant: grantOfStream(round.stream) })
}

async function recordBeside(
  { context, stream }: Round,
  fact: GrantEvent,
  along: (tx: Tx) => Promise<void> = async () => undefined,
): Promise<void> {
  await context.db.begin(async (tx) => {
    await context.record.append(tx, besideStream(stream), null, [toDraft(fact)], context.clock.now())
    await along(tx)
    await context.enqueue(tx, { kind: 'announce', stream })
  })
  context.committed()
}
