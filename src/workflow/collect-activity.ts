import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import {
  activityStream,
  type CollectionEvent,
  collectionStream,
  type UsedData,
  unexplainedStream,
} from '../domain/activity-event.ts'
import { wasUsed } from '../domain/activity-sums.ts'
import { SECOND } from '../domain/duration.ts'
import { grantStream } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { ActivityPiece, ActivityReader, UsedAccount } from '../ports/activity.ts'
import { ConnectorError } from '../ports/connector.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { type ActivityCursor, type Kept, moveCursor, readCursor } from './activity-cursor.ts'
import type { Context } from './context.ts'
import { loadGrant, toDraft } from './grant-store.ts'

/** Of one target in one go: 64 MiB of log. The rest waits for the next. */
const MOST_PIECES = 64
/** Characters of text of one grant: past them statements are counted and not kept. */
const MOST_TEXT_OF_A_GRANT = 8 * 1024 * 1024
/** How far the target's clock may be from what it was when it was asked, before an access that is used after its end is taken for one. */
const SKEW_MS = 10 * SECOND

/**
 * Reads on in a target's own log and puts on record what was done under its accounts. The cursor moves in the
 * transaction of the events, so each line counts once, whoever dies and however many look. Nothing waits for it: it has
 * a lane of its own, and a target that is slow or away is read later.
 * @param since where nobody has read this log before: what was written from then on is read; epoch ms
 * @throws ConnectorError when the target cannot be asked
 */
export async function collectActivity(context: Context, target: string, since: number | null): Promise<Collected> {
  const connector = context.connectorOf(target)
  if (connector === null)
    throw new ConnectorError('NotFound', `No policy that was ever active says how to reach ${target}`)
  const reader = connector.activity
  for (let piece = 1; ; piece++) {
    const at = context.clock.now()
    const before = await readCursor(context.db, target)
    const off = reader === undefined ? NO_READER : await readPiece(context, target, reader, before, since, at)
    if (typeof off === 'string') {
      await noteOff(context, target, before, off, at)
      return { state: 'off', at, why: off }
    }
    if (off.atEnd) return { state: 'on', at }
    if (piece === MOST_PIECES) return { state: 'behind', at }
  }
}

const NO_READER = 'a target of this kind has no log that can be read'

/** @returns why there is nothing to read, or whether this was the end */
async function readPiece(
  context: Context,
  target: string,
  reader: ActivityReader,
  before: ActivityCursor | null,
  since: number | null,
  at: number,
): Promise<string | { readonly atEnd: boolean }> {
  const cursor = before?.cursor ?? null
  const from = cursor === null && before === null ? (since ?? (await oldestOpen(context, target))) : null
  const reading = await reader.read(cursor, from)
  if (reading.state === 'off') return reading.why
  if (isNothing(reading, before, cursor)) {
    await context.db`
      update activity_cursor set at = ${at} where target = ${target} and version = ${before?.version ?? 0} and at < ${at}`
    return { atEnd: reading.atEnd }
  }
  await record(context, target, before, reading, from, at)
  return { atEnd: reading.atEnd }
}

function isNothing(piece: ActivityPiece, before: ActivityCursor | null, cursor: string | null): boolean {
  return (
    cursor !== null &&
    before?.off === null &&
    piece.gap === null &&
    piece.cursor === cursor &&
    piece.unlogged.every((account) => before.kept.unlogged.includes(account))
  )
}

/** When the first of what is given there now may have begun. */
async function oldestOpen(context: Context, target: string): Promise<number | null> {
  const rows = await context.db<{ asked: number | null }[]>`
    select min(asked_at) as asked from grant_state
    where target = ${target} and status in ('providing', 'active', 'ending') and open_for is not null`
  return rows[0]?.asked ?? null
}

async function record(
  context: Context,
  target: string,
  before: ActivityCursor | null,
  piece: ActivityPiece,
  since: number | null,
  at: number,
): Promise<void> {
  const explained = await Promise.all(piece.used.map((used) => explain(context, target, used)))
  for (const { stream, type, used, account, state } of explained) {
    if (stream === null || !wasUsed(used)) continue
    // Before it is committed: who dies in between would have kept it to himself.
    if (state === null) {
      const detail = `${account} on ${target} was used, and no grant explains it`
      context.alarm({ what: 'activity-without-grant', detail, grant: null, target })
    } else if (type === 'activity.after-removal' || isLate(state, used, piece.aheadMs ?? 0)) {
      const detail = `${account} on ${target} was used after its access was seen gone`
      context.alarm({ what: 'activity-after-removal', detail, grant: state.id, target })
    }
  }
  if (piece.gap !== null) {
    context.alarm({ what: 'activity-gap', detail: `The log of ${target} has a gap: ${piece.gap}`, grant: null, target })
  }
  const news = piece.unlogged.filter((account) => before?.kept.unlogged.includes(account) !== true)
  await context.reached('collect:before-commit')
  await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    const room = { ...before?.kept.text }
    const kept: Kept = { text: room, unlogged: piece.unlogged }
    const facts = explained.flatMap(({ stream, type, state, ...one }) => {
      if (stream === null) return []
      return [{ stream, type, data: usedData(target, piece, one.used, state, room) }]
    })
    if (!(await moveCursor(tx, target, before, { cursor: piece.cursor, at, off: null, kept }))) return
    await noteCollection(context, tx, target, [
      ...(before === null || before.off !== null ? [began(piece, since)] : []),
      ...(piece.gap === null
        ? []
        : [{ type: 'collection.gap', data: { from: before?.at ?? at, why: piece.gap } } as const]),
      ...news.map((account) => ({ type: 'collection.unlogged', data: { account } }) as const),
    ])
    for (const { stream, ...fact } of facts) await context.record.append(tx, stream, null, [toDraft(fact)], at)
  })
  context.committed()
  await context.reached('collect:after-commit')
}

function began(piece: ActivityPiece, since: number | null): CollectionEvent {
  const { file, from } = piece.place
  return { type: 'collection.began', data: { since, file, from, logged: piece.logged } }
}

async function noteCollection(context: Context, tx: Tx, target: string, facts: readonly CollectionEvent[]) {
  if (facts.length === 0) return
  await context.record.append(tx, collectionStream(target), null, facts.map(toDraft), context.clock.now())
}

/** Whose it is, and where it goes on record; no stream for what is not worth a line: a knock under a name of nobody's. */
async function explain(context: Context, target: string, used: UsedAccount): Promise<Explained> {
  const { account, grantId } = used
  const state = grantId === null ? null : await stateOf(context, grantId)
  const mine = state !== null && state.target === target && state.access?.account === account ? state : null
  const one = { used, account, state: mine }
  if (mine === null) {
    const stream = wasUsed(used) ? unexplainedStream(target) : null
    return { ...one, stream, type: 'activity.without-grant' }
  }
  if (!(await isActivityOver(context, mine.id)))
    return { ...one, stream: activityStream(mine.id), type: 'activity.collected' }
  const stream = wasUsed(used) ? `after:${grantStream(mine.id)}` : null
  return { ...one, stream, type: 'activity.after-removal' }
}

/** A record that was changed explains nothing; it has named itself. */
async function stateOf(context: Context, grant: string): Promise<GrantState | null> {
  try {
    return (await loadGrant(context, context.db, grant))?.state ?? null
  } catch (error) {
    if (error instanceof RecordTampered) return null
    throw error
  }
}

export async function isActivityOver(context: Context, grant: string): Promise<boolean> {
  const rows = await context.db`select from event where stream = ${activityStream(grant)} and type = 'closed'`
  return rows.length > 0
}

function isLate({ ending }: GrantState, { sessions }: UsedAccount, aheadMs: number): boolean {
  const goneAt = ending?.goneAt ?? null
  return goneAt !== null && sessions.some(({ lastAt }) => lastAt - aheadMs > goneAt + SKEW_MS)
}

function usedData(
  target: string,
  { place, aheadMs }: ActivityPiece,
  used: UsedAccount,
  state: GrantState | null,
  room: Record<string, number>,
): UsedData {
  const { grantId: _, text: entries, sessions, ...sums } = used
  const id = state?.id ?? ''
  const text = entries.join('\n')
  const isTooMuch = (room[id] ?? 0) + text.length > MOST_TEXT_OF_A_GRANT
  if (state !== null && !isTooMuch) room[id] = (room[id] ?? 0) + text.length
  return {
    ...{ ...sums, ...place, target, aheadMs, person: state?.for ?? null },
    cut: isTooMuch ? used.statements + used.audited : used.cut,
    sessions: sessions.map(({ address: __, ...session }) => session),
    addresses: sessions.map(({ id: session, address }) => `${session} ${address}`).join('\n'),
    text: isTooMuch ? '' : text,
  }
}

/** Once, until it is on again. */
async function noteOff(context: Context, target: string, before: ActivityCursor | null, why: string, at: number) {
  if (before?.off === why) {
    await context.db`update activity_cursor set at = ${at} where target = ${target} and off is not null and at < ${at}`
    return
  }
  const kept = before?.kept ?? { text: {}, unlogged: [] }
  await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    // What was written before it went off is still there to be read.
    if (!(await moveCursor(tx, target, before, { cursor: before?.cursor ?? null, at, off: why, kept }))) return
    await noteCollection(context, tx, target, [{ type: 'collection.off', data: { why } }])
  })
  context.committed()
}

interface Explained {
  readonly used: UsedAccount
  readonly account: string
  readonly state: GrantState | null
  readonly stream: string | null
  readonly type: 'activity.collected' | 'activity.after-removal' | 'activity.without-grant'
}

/** `behind`: there is more to read. */
export type Collected =
  | { readonly state: 'on' | 'behind'; readonly at: number }
  | { readonly state: 'off'; readonly at: number; readonly why: string }
