import { classifyFailure } from '../db/failure.ts'
import type { Tx } from '../db/transaction.ts'
import { decideOpening, decideSighting, MOST_OF_ONE_CAUSE, type Sighting } from '../domain/decide-sighting.ts'
import { type FindingSubject, findingOfStream, findingStream } from '../domain/finding-event.ts'
import { type FindingKind, findingKindOf } from '../domain/finding-kinds.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Alarm, Context } from './context.ts'
import { appendToFinding, loadFinding } from './finding-store.ts'
import { loadGrant } from './grant-store.ts'
import { newId } from './new-id.ts'

/**
 * Who opens a finding holds it to the end of the transaction, over all replicas: so one cause has one. Who removes what
 * nobody looks into holds it too: so no finding is opened about what goes.
 */
export async function lockFindings(tx: Tx): Promise<void> {
  await tx`select pg_advisory_xact_lock(${FINDINGS_LOCK})`
}

const FINDINGS_LOCK = 0x66696e64

/**
 * Makes an alarm a finding, or adds it to the one that is open for the same cause and subject, in the transaction that
 * puts the alarm on record. Nothing for an alarm that is none.
 * @param raisedAt for an alarm that is on record already: nothing where one was open then, or is
 */
export async function openFinding(
  around: Finding,
  tx: Tx,
  alarm: Alarm,
  now: number,
  raisedAt?: number,
): Promise<void> {
  const kind = findingKindOf(alarm.what)
  if (kind === null) return
  await lockFindings(tx)
  const context = { ...around, enqueue: enqueueIfCan(around) }
  const known = await findOfCause(tx, alarm.what)
  const about = await aboutWhat(context, tx, alarm, kind)
  const isFull = known.filter(({ closedAt }) => closedAt === null).length >= MOST_OF_ONE_CAUSE
  const subject = isFull && !known.some((one) => isSame(one, about.subject)) ? HOUSE : about.subject
  const sighting: Sighting = { cause: alarm.what, kind, detail: alarm.detail, ...about, subject }
  const same = known.filter((one) => isSame(one, subject))
  if (raisedAt !== undefined && same.some(({ closedAt }) => closedAt === null || closedAt >= raisedAt)) return
  for (const { id, closedAt } of same) {
    if (closedAt !== null) continue
    await context.record.lockStream(tx, findingStream(id))
    const state = await readOpen(context, tx, id)
    if (state === null) continue
    const facts = decideSighting(state, sighting.detail, context.policy.current(), now)
    if (facts.length > 0) await appendToFinding(context, tx, id, state, facts, now)
    return
  }
  const facts = decideOpening(sighting, context.policy.current(), now, same.at(-1)?.id ?? null)
  await appendToFinding(context, tx, newId('F'), null, facts, now)
}

/** A queue that is broken keeps no finding from being opened: the sweep announces what was not. */
function enqueueIfCan({ enqueue }: Finding): Context['enqueue'] {
  return async (tx, effects) => {
    try {
      await tx.savepoint((inner) => enqueue(inner, effects))
    } catch (error) {
      if (classifyFailure(error) !== 'refused') throw error
    }
  }
}

/** One whose record was changed is not gone on with: what was seen is told in a new one. */
async function readOpen(context: Finding, tx: Tx, id: string) {
  try {
    const state = (await loadFinding(context, tx, id))?.state ?? null
    return state?.status === 'closed' ? null : state
  } catch (error) {
    if (error instanceof RecordTampered) return null
    throw error
  }
}

interface Known {
  readonly id: string
  readonly subject: FindingSubject
  readonly closedAt: number | null
}

/** Those of one cause, oldest first. Which of them are ours is for whoever reads their streams to see. */
async function findOfCause(tx: Tx, cause: string): Promise<Known[]> {
  const rows = await tx<{ stream: string; body: string; closed: number | null }[]>`
    select o.stream, o.body, (select min(c.at) from event c where c.stream = o.stream and c.type = 'closed') as closed
    from event o
    where o.type = 'finding.opened' and starts_with(o.stream, ${findingStream('')})
      and strpos(o.body, ${`"cause":${JSON.stringify(cause)}`}) > 0
    order by o.at, o.stream`
  return rows.flatMap(({ stream, body, closed }) => {
    const id = findingOfStream(stream)
    const data = readData(body)
    return id === null || data?.cause !== cause ? [] : [{ id, subject: data.subject, closedAt: closed }]
  })
}

function readData(body: string): { readonly cause: string; readonly subject: FindingSubject } | null {
  try {
    const { data } = JSON.parse(body)
    return typeof data.subject.id === 'string' ? data : null
  } catch {
    // Somebody changed it: that is for the check of the record to tell.
    return null
  }
}

function isSame({ subject }: Known, other: FindingSubject): boolean {
  return subject.kind === other.kind && subject.id === other.id
}

const HOUSE: FindingSubject = { kind: 'house', id: '' }

/** Whom and what it is about, as the record tells; where that cannot be read, as far as a row does. */
async function aboutWhat(
  context: Finding,
  tx: Tx,
  { grant, target }: Alarm,
  { per }: FindingKind,
): Promise<Pick<Sighting, 'subject' | 'target' | 'persons'>> {
  const about = grant === null ? null : await readGrant(context, tx, grant)
  const where = target ?? about?.target ?? null
  const persons = about === null ? [] : [...new Set([about.for, about.by])]
  if (per === 'grant' && grant !== null) return { subject: { kind: 'grant', id: grant }, target: where, persons }
  if (per !== 'house' && where !== null) return { subject: { kind: 'target', id: where }, target: where, persons: [] }
  return { subject: HOUSE, target: null, persons: [] }
}

async function readGrant(context: Finding, tx: Tx, id: string): Promise<AboutGrant | null> {
  try {
    return (await loadGrant(context, tx, id))?.state ?? null
  } catch (error) {
    if (!(error instanceof RecordTampered)) throw error
    const [row] = await tx<AboutGrant[]>`
      select target, for_identity as "for", by_identity as "by" from grant_state where id = ${id}`
    return row ?? null
  }
}

interface AboutGrant {
  readonly target: string
  readonly for: string
  readonly by: string
}

/** Read past whoever names tampering: what an alarm is about must not raise the next one. */
type Finding = Pick<Context, 'record' | 'enqueue' | 'policy'>
