import { inTransaction } from '../db/in-transaction.ts'
import { decideFindingDue } from '../domain/decide-finding.ts'
import { HOUR } from '../domain/duration.ts'
import { findingStream } from '../domain/finding-event.ts'
import { grantOfStream, grantStream } from '../domain/grant-event.ts'
import { SYSTEM_STREAM } from '../domain/house-event.ts'
import { openStreams } from '../record/find-streams.ts'
import type { Alarm, Context } from './context.ts'
import { findOpenFindings } from './find-findings.ts'
import { appendToFinding, loadFinding } from './finding-store.ts'
import { mendFindings } from './mend-findings.ts'
import { openFinding } from './open-finding.ts'
import { lookNow, type Minding, noteRetest } from './retest-findings.ts'

/** How far back an alarm without a finding is looked for: a night and a day without a process. */
const LOOK_BACK_MS = 72 * HOUR

/**
 * What time and the machine alone do about findings, by the calendar: what was raised and not opened is opened, what is
 * due is reminded of, what ended its exception is open again, and where the machine can look, it looks. Every step is
 * decided by the record, so that a repeat or another replica changes nothing. One failure does not stop the others.
 */
export async function mindFindings(context: Minding & Pick<Context, 'alarm'>): Promise<void> {
  const failures: unknown[] = []
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      failures.push(error)
    }
  }
  await attempt(() => mendFindings(context))
  await attempt(() => alarmOfStuck(context))
  await attempt(() => takeUpAlarms(context))
  for (const state of (await findOpenFindings(context, context.db)).open) {
    await attempt(() => remind(context, state.id))
    await attempt(async () => {
      const look = await lookNow(context, context.db, state)
      if (look !== null) await noteRetest(context, state.id, look)
    })
  }
  if (failures.length > 0) throw failures[0]
}

async function remind(context: Minding, id: string): Promise<void> {
  await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    await context.record.lockStream(tx, findingStream(id))
    const state = (await loadFinding(context, tx, id))?.state
    if (state === undefined) return
    const now = context.clock.now()
    const facts = decideFindingDue(state, context.policy.current(), now)
    if (facts.length > 0) await appendToFinding(context, tx, id, state, facts, now)
  })
  context.committed()
}

/** A process that told of it may not have lived to raise it. */
async function alarmOfStuck(context: Pick<Context, 'alarm' | 'db'>): Promise<void> {
  const streams = await openStreams(context.db, {
    ...{ prefix: grantStream(''), startedBy: 'grant.stuck', notEndedBy: ['closed'] },
  })
  for (const stream of streams) {
    const id = grantOfStream(stream)
    if (id !== null) context.alarm({ what: 'grant-stuck', detail: 'Its removal is still not proved', grant: id })
  }
}

/** Alarms of a command without a process, or of a moment when no finding could be opened. */
async function takeUpAlarms(context: Minding): Promise<void> {
  const rows = await context.db<{ at: number; body: string }[]>`
    select at, body from event
    where type = 'system.alarm' and starts_with(stream, ${SYSTEM_STREAM}) and at > ${context.clock.now() - LOOK_BACK_MS}
    order by at`
  const latest = new Map<string, { readonly alarm: Alarm; readonly at: number }>()
  for (const { at, body } of rows) {
    const alarm = readAlarm(body)
    if (alarm !== null) latest.set(JSON.stringify([alarm.what, alarm.grant, alarm.target ?? null]), { alarm, at })
  }
  for (const { alarm, at } of latest.values()) {
    await inTransaction(context.db, { timeoutMs: 10_000 }, (tx) =>
      openFinding(context, tx, alarm, context.clock.now(), at),
    )
  }
  context.committed()
}

function readAlarm(body: string): Alarm | null {
  try {
    const { data } = JSON.parse(body)
    return typeof data.what === 'string' && typeof data.detail === 'string' ? data : null
  } catch {
    // Somebody changed it: that is for the check of the record to tell.
    return null
  }
}
