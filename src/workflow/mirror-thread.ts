import { withheldLine } from '../cards/thread-announcements.ts'
import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { type ThreadAt, type ThreadEvent, threadStream } from '../domain/thread-event.ts'
import type { Account } from '../ports/chat.ts'
import type { ThreadAct } from '../ports/thread.ts'
import { findSecret } from '../secrets/find-secret.ts'
import type { Context } from './context.ts'
import { toDraft } from './grant-store.ts'
import { newId } from './new-id.ts'
import { strangerOf } from './stranger.ts'
import { lockThread } from './thread-roots.ts'

/** Longer than people write: the beginning is kept, and how long it was. */
const MOST_CHARACTERS = 16_000
/** What is not kept need not be looked through: that takes time, and revocations wait for nobody's talk. */
const LONGEST_SECRET = 4_000

/**
 * Puts on record what somebody did in a thread of ours: at most once, over repeats and replicas, by the platform's own id and
 * the word it has for each version of a message. What was never heard before and is told along goes first.
 * @param late found by reading the thread back
 * @returns how many events it made; none for a repeat
 */
export async function mirrorThread(
  context: Mirroring,
  thread: ThreadAt & { readonly stream: string },
  message: string,
  act: ThreadAct,
  late = false,
): Promise<number> {
  const { stream, ...at } = thread
  const where = { ...at, message, sentAt: act.sentAt }
  const told = await tell(context, act, late)
  const to = threadStream(stream)
  const withheld = told.some(({ fact }) => 'withheld' in fact)
  const made = await inTransaction(context.db, { timeoutMs: 5_000 }, async (tx) => {
    await lockThread(tx, to)
    const known = await findLine(tx, where)
    // What it said before is news only where it was never heard.
    const news = told.filter(({ version }) => version !== '' || act.kind === 'written' || known === null)
    const line = known ?? newId('T')
    const fresh = await keepVersions(tx, { ...where, stream: to, line }, news)
    if (fresh.length === 0) return 0
    const facts = fresh.map(({ type, fact }) => ({ type, data: { ...where, line, ...fact } }) as ThreadEvent)
    await context.record.append(tx, to, null, facts.map(toDraft), context.clock.now())
    if (withheld) await context.enqueue(tx, { kind: 'announce', stream: to, urgent: true })
    return facts.length
  })
  if (made === 0) return 0
  context.committed()
  if (withheld) await tellStrangers(context, thread, message, told)
  return made
}

type Mirroring = Pick<Context, 'db' | 'record' | 'clock' | 'committed' | 'enqueue' | 'directory' | 'chats' | 'alarm'>

/** One version of a message, as it goes on record; `account` is whose it is. */
interface Version {
  readonly version: string
  readonly type: ThreadEvent['type']
  readonly account: Account | null
  readonly fact: Readonly<Record<string, unknown>>
}

/** What an act says, in the order of its happening. Empty version: what was written first. */
async function tell(context: Mirroring, act: ThreadAct, late: boolean): Promise<Version[]> {
  const written = async (account: Account, text: string, files: number, isLate: boolean): Promise<Version> => ({
    ...{ version: '', type: 'thread.written', account },
    fact: { ...(await whose(context, account)), ...(await kept(text)), files, ...(isLate && { late: true }) },
  })
  const lateness = late ? { late } : {}
  if (act.kind === 'written') return [await written(act.account, act.text, act.files, late)]
  const before = act.before === null ? [] : [await written(act.before.account, act.before.text, 0, true)]
  if (act.kind === 'deleted')
    return [...before, { version: DELETED, type: 'thread.deleted', account: null, fact: lateness }]
  const { account, text, version } = act
  const fact = { ...(await whose(context, account)), ...(await kept(text)), version, ...lateness }
  return [...before, { version, type: 'thread.edited', account, fact }]
}

/** In place of a version: no platform calls an edit so. */
const DELETED = 'deleted'

async function whose(context: Mirroring, account: Account | null): Promise<Record<string, unknown>> {
  const identity = account === null ? null : await context.directory.byAccount(account)
  if (identity !== null) return { by: identity.id }
  return { by: null, ...(account !== null && { stranger: strangerOf(account) }) }
}

/** The text as far as it is kept. One with a secret in it is not, and only which kind is said. */
async function kept(text: string): Promise<Record<string, unknown>> {
  // Of one that is cut in two, both halves are seen.
  const withheld = await findSecret(text.slice(0, MOST_CHARACTERS + LONGEST_SECRET))
  if (withheld !== null) return { text: '', withheld }
  if (text.length <= MOST_CHARACTERS) return { text }
  return { text: text.slice(0, MOST_CHARACTERS).replace(/[\uD800-\uDBFF]$/, ''), cut: text.length }
}

/** Who is nobody here has no identity to be announced to: told once, at once, and not again when that fails. */
async function tellStrangers(
  context: Mirroring,
  at: ThreadAt,
  message: string,
  told: readonly Version[],
): Promise<void> {
  const chat = context.chats.find(({ platform }) => platform === at.platform)
  for (const { version, account, fact } of told) {
    if (account === null || fact.by !== null || fact.withheld === undefined) continue
    const key = `${at.platform}:${at.channel}:${message}:withheld:${version}`
    await chat?.post({ kind: 'person', account }, key, withheldLine(at.platform), 0).catch(() => undefined)
  }
}

async function findLine(tx: Tx, { platform, channel, message }: Place): Promise<string | null> {
  const [row] = await tx<{ line: string }[]>`
    select line from thread_line where platform = ${platform} and channel = ${channel} and message = ${message} limit 1`
  return row?.line ?? null
}

/** @returns those that nobody had kept */
async function keepVersions(
  tx: Tx,
  { platform, channel, root, message, stream, line, sentAt }: Place & { stream: string; line: string; sentAt: number },
  versions: readonly Version[],
): Promise<Version[]> {
  const rows = await tx<{ version: string }[]>`
    insert into thread_line (platform, channel, message, version, root, stream, line, sent_at, differs)
    select ${platform}, ${channel}, ${message}, v, ${root}, ${stream}, ${line}, ${sentAt}, false
    from unnest(${versions.map(({ version }) => version)}::text[]) as n (v)
    on conflict do nothing returning version`
  const fresh = new Set(rows.map(({ version }) => version))
  return versions.filter(({ version }) => fresh.has(version))
}

type Place = ThreadAt & { readonly message: string }
