import { inTransaction } from '../db/in-transaction.ts'
import type { Db, Tx } from '../db/transaction.ts'
import { decideMachineRetest } from '../domain/decide-finding.ts'
import { findingStream } from '../domain/finding-event.ts'
import { findingKindOf, type MachineRetest } from '../domain/finding-kinds.ts'
import type { FindingState } from '../domain/finding-state.ts'
import { keepingHeldUp } from '../domain/keeping-held-up.ts'
import { orphanStream } from '../domain/orphan-event.ts'
import { isRefused } from '../domain/refusal.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { findOpenFindings } from './find-findings.ts'
import { appendToFinding, loadFinding } from './finding-store.ts'
import { loadGrant } from './grant-store.ts'
import { loadKeeping, readLastKeeping } from './keeping-store.ts'

/** What the machine saw when it looked whether something is gone. */
export interface MachineLook {
  readonly gone: boolean
  /** In words of ours. */
  readonly saw: string
}

/** How the machine looks for this cause; null: a person has to. */
export function retestOf({ cause }: FindingState): MachineRetest | null {
  return findingKindOf(cause)?.retest ?? null
}

/** Looks at once. @returns null when it cannot tell: then a person has to look */
export async function lookNow(context: Looking, db: Db | Tx, state: FindingState): Promise<MachineLook | null> {
  const how = retestOf(state)
  switch (how) {
    case 'grant':
      return state.subject.kind === 'grant' ? lookAtGrant(context, db, state.subject.id) : null
    case 'policy':
      return lookAtPolicy(context, state)
    case 'keeping':
      return lookAtKeeping(context, db)
    case 'record':
    case null:
      return null
    default:
      return how satisfies never
  }
}

/** Gone, when a look at the target has seen it gone: as the grant's record has it, and that of what no grant explained. */
async function lookAtGrant(context: Looking, db: Db | Tx, id: string): Promise<MachineLook | null> {
  try {
    const [loaded, orphan] = await Promise.all([
      loadGrant(context, db, id),
      context.record.readStream(db, orphanStream(id)),
    ])
    const last = orphan.at(-1)
    if (last?.type === 'orphan.found') return { gone: false, saw: 'The access was found and is not yet seen gone.' }
    const status = loaded?.state.status ?? null
    if (status === 'ending') return { gone: false, saw: 'Its removal is not proved.' }
    if (status === 'removed') return { gone: true, saw: 'It was removed and seen to be gone.' }
    return last?.type === 'orphan.removed' ? { gone: true, saw: 'It was taken away and seen to be gone.' } : null
  } catch (error) {
    if (error instanceof RecordTampered) return null
    throw error
  }
}

/** As the last run by the calendar left it. */
async function lookAtKeeping(context: Looking, db: Db | Tx): Promise<MachineLook | null> {
  const run = await readLastKeeping(context, db)
  if (run === null) return null
  const [why] = keepingHeldUp(run, await loadKeeping(context, db), context.clock.now())
  return { gone: why === undefined, saw: why === undefined ? 'All that should be gone is gone.' : `${why}.` }
}

async function lookAtPolicy(context: Looking, { cause }: FindingState): Promise<MachineLook | null> {
  const inForce = await context.policy.provedInForce(context.db)
  const code = isRefused(inForce) ? inForce.refused.code : null
  if (cause === 'clock-fell-back') {
    const behind = code === 'clock-fell-back'
    return { gone: !behind, saw: behind ? 'The clock is still behind.' : 'The clock has caught up.' }
  }
  const unproved = code === 'policy-unproved'
  if (code !== null && !unproved) return null
  return { gone: !unproved, saw: unproved ? 'It is still not proved.' : 'A witness confirms that it is whole.' }
}

/**
 * After the whole record was read: what concerns the record and was seen before that reading began is gone, or is not.
 * @param readAt when the first leaf was read, epoch ms
 */
export async function retestByRecord(context: Minding, checked: { ok: boolean; readAt: number }): Promise<void> {
  const { open } = await findOpenFindings(context, context.db)
  for (const { id, cause, lastSeenAt } of open.filter((state) => retestOf(state) === 'record')) {
    // A difference is named by itself, so of another cause nothing is known.
    const counts = checked.ok ? lastSeenAt < checked.readAt : cause === 'record-differs'
    const saw = checked.ok ? 'The whole record was read, and is as it was recorded.' : 'The record still differs.'
    if (counts) await noteRetest(context, id, { gone: checked.ok, saw })
  }
}

/** Puts a look of the machine on record, where it says something. */
export async function noteRetest(context: Minding, id: string, look: MachineLook): Promise<void> {
  await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    await context.record.lockStream(tx, findingStream(id))
    const state = (await loadFinding(context, tx, id))?.state
    if (state === undefined) return
    const facts = decideMachineRetest(state, look, context.policy.current().hash)
    if (facts.length > 0) await appendToFinding(context, tx, id, state, facts, context.clock.now())
  })
  context.committed()
}

type Looking = Pick<Context, 'record' | 'policy' | 'db' | 'clock'>

export type Minding = Looking & Pick<Context, 'enqueue' | 'committed'>
