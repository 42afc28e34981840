import { frozenText } from '../cards/freeze-lines.ts'
import { grantCard } from '../cards/grant-card.ts'
import { helpCard, listCard, mineCard } from '../cards/lists.ts'
import { mayAsk } from '../domain/decide-ask.ts'
import { grantStream } from '../domain/grant-event.ts'
import { type GrantState, isOpen } from '../domain/grant-state.ts'
import type { Entitlement, Policy, Target } from '../domain/policy.ts'
import { refuse } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { cardContext, namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { findOpenGrantsOf } from './find-grants.ts'
import { allFreezes, freezeOn } from './freezes.ts'
import { loadGrant } from './grant-store.ts'
import { findPruned } from './keeping-store.ts'
import { performAct } from './perform-act.ts'

/** What a person may ask for, in the order of the policy. */
export function offersTo(policy: Policy, person: string): { target: Target; entitlement: Entitlement }[] {
  return Object.values(policy.targets).flatMap((target) =>
    Object.values(target.entitlements)
      .filter((entitlement) => mayAsk(entitlement, person))
      .map((entitlement) => ({ target, entitlement })),
  )
}

/** `/access help`. */
export function showHelp(): Answer {
  return { kind: 'card', card: helpCard() }
}

/** `/access list`. */
export function showOffers(context: Context, act: Act): Promise<Answer> {
  return performAct(context, act, {
    name: 'list',
    decides: false,
    reads: true,
    run: async ({ tx, by, policy }) => {
      const frozen = (await allFreezes(context, tx)).map((freeze) => frozenText(freeze, namesOf(context)))
      return { answer: { kind: 'card', card: listCard(offersTo(policy, by.id), frozen) } }
    },
  })
}

/** `/access mine`. */
export function showMine(context: Context, act: Act): Promise<Answer> {
  return performAct(context, act, {
    name: 'list their own',
    decides: false,
    reads: true,
    run: async ({ by }) => {
      const grants: GrantState[] = []
      for (const id of await findOpenGrantsOf(context.db, by.id)) {
        const loaded = await loadGrant(context, context.db, id)
        if (loaded !== null) grants.push(loaded.state)
      }
      return { answer: { kind: 'card', card: mineCard(grants, namesOf(context)) } }
    },
  })
}

/** `/access status <id>`. */
export function showStatus(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'see its status',
    decides: false,
    reads: true,
    run: async ({ tx, by }) => {
      const loaded = await loadGrant(context, context.db, id)
      if (loaded === null) {
        const gone = await findPruned(context, tx, grantStream(id))
        return refuse(gone === null ? { code: 'unknown-grant', said: id } : { code: 'pruned', id, by: gone })
      }
      const { state } = loaded
      const reader = by.id === state.for ? 'holder' : state.approvers.some((a) => a.id === by.id) ? 'approver' : null
      const card = grantCard(state, reader ?? 'approver', cardContext(context))
      const freeze = isOpen(state) ? await freezeOn(context, tx, state.target) : null
      const body = freeze === null ? card.body : [frozenText(freeze, namesOf(context)), ...card.body]
      return { answer: { kind: 'card', card: { ...card, body, buttons: reader === null ? [] : card.buttons } } }
    },
  })
}
