import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { streamOfEvidence } from '../domain/evidence-id.ts'
import { readFindingId } from '../domain/finding-event.ts'
import { targetOfFreeze } from '../domain/freeze-event.ts'
import { SYSTEM_STREAM } from '../domain/house-event.ts'
import { mayOpenAs, mayOpenEvidence } from '../domain/may-open-evidence.ts'
import { readOrderId } from '../domain/order-event.ts'
import type { Policy } from '../domain/policy.ts'
import { isRefused, type Refusal, refuse } from '../domain/refusal.ts'
import { findingStewardsOf, orderSignersOf, stewardsOf } from '../domain/stewards.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { takeReveal } from '../secrets/reveal.ts'
import type { Context } from './context.ts'
import { linkToEvidence } from './evidence-link.ts'
import { loadFinding } from './finding-store.ts'
import { loadGrant } from './grant-store.ts'
import { findPruned } from './keeping-store.ts'
import { collectEvidence, type OpenedEvidence, openingFact } from './open-evidence.ts'
import { loadOrder } from './order-store.ts'
import { performAct, type RefusedAct } from './perform-act.ts'
import { readPopulationAsked, type TakenPopulation, takePopulation } from './show-population.ts'

/** How long the witnesses are waited for, while somebody looks at a page that loads. */
const PATIENCE_MS = 5_000

/** `/access evidence <id>`: a link for one minute, for those who may see what others wrote. */
export function showEvidence(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'open the evidence',
    decides: false,
    run: async (performing) => {
      const { tx, by, policy } = performing
      const may = await mayOpen(context, tx, id, { by: by.id, policy })
      if (!isRefused(may)) return linkToEvidence(context, performing, id, id)
      const gone = UNKNOWN.includes(may.refused.code) ? await findPruned(context, tx, streamOfEvidence(id)) : null
      return gone === null ? may : refuse({ code: 'pruned', id, by: gone })
    },
  })
}

/**
 * Takes a link to evidence and collects it. That it was opened, and by whom, is on record before anything leaves.
 * @param since sizes of checkpoints that somebody kept: the file proves that it continues them
 * @throws what `buildEvidence` throws
 */
export async function takeEvidence(
  context: Context,
  token: string,
  since: readonly number[] = [],
): Promise<TakenEvidence> {
  const taken = await inTransaction(context.db, { timeoutMs: 2_000 }, async (tx) => {
    const now = context.clock.now()
    const link = await takeReveal(tx, context.sealing, 'evidence', token, now)
    if (link.kind === 'refused') return link
    const { grant, identity: by } = link
    const asked = readPopulationAsked(grant)
    if (asked !== null) return { kind: 'many', asked, by } as const
    const [may, person] = await Promise.all([
      mayOpen(context, tx, grant, { by, policy: context.policy.current() }),
      context.directory.byId(by),
    ])
    if (isRefused(may) || person?.status !== 'active') {
      return { kind: 'refused', code: 'not-yours' } as const
    }
    await context.record.append(tx, SYSTEM_STREAM, null, [openingFact(by, grant, 'chat')], now)
    return { kind: 'taken', grant, by, policies: may.policies } as const
  })
  if (taken.kind === 'refused') return taken
  if (taken.kind === 'many') return takePopulation(context, taken.asked, { by: taken.by, since })
  context.committed()
  const { grant, by, policies } = taken
  const opened = await collectEvidence(context, grant, { patienceMs: PATIENCE_MS, policies, since })
  return { kind: 'taken', by, opened }
}

const UNKNOWN: readonly Refusal['code'][] = ['unknown-grant', 'unknown-order', 'unknown-finding', 'not-frozen']

/** For those who may see what others wrote about it. A refusal names whose stream it is kept in. */
async function mayOpen(
  context: Context,
  tx: Tx,
  id: string,
  { by, policy }: { readonly by: string; readonly policy: Policy },
): Promise<RefusedAct | { readonly policies: boolean }> {
  if (readOrderId(id) !== null) {
    const state = (await loadOrder(context, tx, id))?.state
    if (state === undefined) return refuse({ code: 'unknown-order', said: id })
    const also = [state.by, state.decided?.by ?? null]
    const may = mayOpenAs(orderSignersOf(policy, state.subject, state.held), by, also)
    return isRefused(may) ? { ...may, order: id } : may
  }
  if (readFindingId(id) !== null) {
    const state = (await loadFinding(context, tx, id))?.state
    if (state === undefined) return refuse({ code: 'unknown-finding', said: id })
    const may = mayOpenAs(findingStewardsOf(policy, state.target), by)
    return isRefused(may) ? { ...may, finding: id } : may
  }
  const target = targetOfFreeze(id)
  if (target !== null) {
    const isThere = (await context.record.endOf(tx, id)) > 0
    return isThere ? mayOpenAs(stewardsOf(policy, target), by) : refuse({ code: 'not-frozen', target })
  }
  const state = (await loadGrant(context, tx, id))?.state
  if (state === undefined) return refuse({ code: 'unknown-grant', said: id })
  const may = mayOpenEvidence(state, by, policy)
  return isRefused(may) ? { ...may, grant: id } : may
}

export type TakenEvidence =
  | { readonly kind: 'taken'; readonly by: string; readonly opened: OpenedEvidence }
  | TakenPopulation
  | { readonly kind: 'refused'; readonly code: 'expired' | 'used' | 'unknown' | 'not-yours' }
