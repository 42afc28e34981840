import type { Db, Tx } from '../db/transaction.ts'
import { findingOfStream } from '../domain/finding-event.ts'
import { EVERYWHERE, targetOfFreeze } from '../domain/freeze-event.ts'
import { type Kept, rulesFor } from '../domain/may-erase.ts'
import { type OrderEvent, orderOfStream } from '../domain/order-event.ts'
import type { Policy } from '../domain/policy.ts'
import type { RecordedEvent } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { loadFinding } from './finding-store.ts'
import { loadFreeze } from './freezes.ts'
import { policyBy } from './keeping-store.ts'

/** What is about nobody, and over. */
export const NOBODYS: Kept = {
  ...{ persons: [], target: null, grant: null, endedAt: 0, financialReporting: false, retentionYears: 0 },
}

/**
 * What is asked about a stream that carries no id of a grant: of a finding, an order or a freeze, and of the thread under its
 * card. A hold on a target holds what was written about it, wherever that stands, and so does its retention.
 * @throws RecordTampered
 */
export async function keptBeside(context: Context, db: Db | Tx, stream: string, policy: Policy): Promise<Kept> {
  const shown = stream.replace(BESIDE, '')
  const [finding, order, frozen] = [findingOfStream(shown), orderOfStream(shown), targetOfFreeze(shown)]
  if (finding !== null) return ofFinding(context, db, finding, policy)
  if (order !== null) return ofOrder(context, await context.record.readStream(db, shown), policy)
  if (frozen === null) return NOBODYS
  const [last] = (await context.record.readStream(db, shown)).slice(-1)
  const isFrozen = (await loadFreeze(context, db, frozen)).freeze !== null
  return {
    ...onTarget(context, frozen === EVERYWHERE ? null : frozen, last, policy),
    endedAt: isFrozen ? null : (last?.at ?? 0),
  }
}

const BESIDE = /^(?:thread|undelivered):/

async function ofFinding(context: Context, db: Db | Tx, id: string, policy: Policy): Promise<Kept> {
  const found = await loadFinding(context, db, id)
  if (found === null) return NOBODYS
  const { subject, target, persons, financial, ended } = found.state
  const [opened] = found.events
  const rules = onTarget(context, target, opened, policy)
  return {
    ...{ ...rules, persons, grant: subject.kind === 'grant' ? subject.id : null, endedAt: ended?.at ?? null },
    financialReporting: rules.financialReporting || financial,
  }
}

function ofOrder(context: Context, events: readonly RecordedEvent[], policy: Policy): Kept {
  const [proposed, last] = [events[0], events.at(-1)]
  if (proposed === undefined || last === undefined) return NOBODYS
  const { subject } = proposed.data as Extract<OrderEvent, { type: 'order.proposed' }>['data']
  return {
    ...onTarget(context, subject.kind === 'target' ? subject.id : null, proposed, policy),
    ...{ persons: subject.kind === 'person' ? [subject.id] : [], endedAt: last.type === 'closed' ? last.at : null },
  }
}

/** @param said an event that names the policy of then */
function onTarget(
  context: Context,
  target: string | null,
  said: Pick<RecordedEvent, 'data'> | undefined,
  policy: Policy,
): Kept {
  const { retentionYears } = policy
  if (target === null) return { ...NOBODYS, retentionYears }
  const then = said?.data.policy
  return { ...NOBODYS, target, ...rulesFor(target, policyBy(context, typeof then === 'string' ? then : null), policy) }
}
