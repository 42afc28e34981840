import { inTransaction } from '../db/in-transaction.ts'
import { SYSTEM_STREAM } from '../domain/house-event.ts'
import { mayOpenEvidence } from '../domain/may-open-evidence.ts'
import { isRefused, refuse } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { takeReveal } from '../secrets/reveal.ts'
import type { Context } from './context.ts'
import { linkToEvidence } from './evidence-link.ts'
import { loadGrant } from './grant-store.ts'
import { collectEvidence, type OpenedEvidence, openingFact } from './open-evidence.ts'
import { performAct } from './perform-act.ts'
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
      const loaded = await loadGrant(context, tx, id)
      if (loaded === null) return refuse({ code: 'unknown-grant', said: id })
      const may = mayOpenEvidence(loaded.state, by.id, policy)
      if (isRefused(may)) return { ...may, grant: id }
      return linkToEvidence(context, performing, id, id)
    },
  })
}

/**
 * Takes a link to evidence and collects it. That it was opened, and by whom, is on record before anything leaves.
 * @throws what `buildEvidence` throws
 */
export async function takeEvidence(context: Context, token: string): Promise<TakenEvidence> {
  const taken = await inTransaction(context.db, { timeoutMs: 2_000 }, async (tx) => {
    const now = context.clock.now()
    const link = await takeReveal(tx, context.sealing, 'evidence', token, now)
    if (link.kind === 'refused') return link
    const { grant, identity: by } = link
    const asked = readPopulationAsked(grant)
    if (asked !== null) return { kind: 'many', asked, by } as const
    const [loaded, person] = await Promise.all([loadGrant(context, tx, grant), context.directory.byId(by)])
    const may = loaded === null ? null : mayOpenEvidence(loaded.state, by, context.policy.current())
    if (may === null || isRefused(may) || person?.status !== 'active') {
      return { kind: 'refused', code: 'not-yours' } as const
    }
    await context.record.append(tx, SYSTEM_STREAM, null, [openingFact(by, grant, 'chat')], now)
    return { kind: 'taken', grant, by, policies: may.policies } as const
  })
  if (taken.kind === 'refused') return taken
  if (taken.kind === 'many') return takePopulation(context, taken.asked, taken.by)
  context.committed()
  const { grant, by, policies } = taken
  const opened = await collectEvidence(context, grant, { patienceMs: PATIENCE_MS, policies })
  return { kind: 'taken', by, opened }
}

export type TakenEvidence =
  | { readonly kind: 'taken'; readonly by: string; readonly opened: OpenedEvidence }
  | TakenPopulation
  | { readonly kind: 'refused'; readonly code: 'expired' | 'used' | 'unknown' | 'not-yours' }
