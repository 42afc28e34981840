import { askForm, denyForm, extendForm } from '../cards/forms.ts'
import { listCard } from '../cards/lists.ts'
import { findEntitlement } from '../domain/decide-ask.ts'
import { decideExtensionAsk, decideExtensionDenial } from '../domain/decide-extension.ts'
import { underFreeze } from '../domain/decide-freeze.ts'
import { decideDenial } from '../domain/decide-signature.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Policy } from '../domain/policy.ts'
import type { Refusal } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { freezeOn } from './freezes.ts'
import { loadGrant } from './grant-store.ts'
import { offersTo } from './look-up.ts'
import { performAct } from './perform-act.ts'
import { rosterFor } from './roster.ts'

/*
 * A form is opened before anything is written. Whoever could not send it anyway is refused at once,
 * by the same decision that would refuse them later.
 */

/** `/access` alone. */
export function openAskForm(context: Context, act: Act): Promise<Answer> {
  return performAct(context, act, {
    name: 'open the form',
    decides: false,
    reads: true,
    run: async ({ by, policy }) => {
      const offers = offersTo(policy, by.id)
      return offers.length === 0
        ? { answer: { kind: 'card', card: listCard(offers) } }
        : { answer: { kind: 'form', form: askForm(offers) } }
    },
  })
}

/** The button Deny: the reason is asked for first. */
export function openDenyForm(context: Context, act: Act, id: string, what: 'deny' | 'deny-extension'): Promise<Answer> {
  return performAct(context, act, {
    name: what === 'deny' ? 'deny' : 'deny the extension',
    decides: true,
    reads: true,
    run: async ({ tx, now, by, policy }) => {
      const loaded = await loadGrant(context, tx, id)
      if (loaded === null) return { refused: { code: 'unknown-grant', said: id } }
      const { state } = loaded
      const roster = await rosterFor(context, policy, state, [by.id])
      const signing = { by: by.id, assurance: 'click-only', roster, policy, now } as const
      const placeholder = 'a reason, once it is written'
      const facts =
        what === 'deny' ? decideDenial(state, signing, placeholder) : decideExtensionDenial(state, signing, placeholder)
      if ('refused' in facts) return { ...facts, grant: id }
      const of = what === 'deny' ? 'request' : 'extension'
      const form = denyForm(state, namesOf(context), of, denialNeedsReason(signing.policy, state))
      return { answer: { kind: 'form', form } }
    },
  })
}

/** The button Extend. */
export function openExtendForm(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'ask for more time',
    decides: true,
    reads: true,
    run: async ({ tx, now, by, policy }) => {
      const loaded = await loadGrant(context, tx, id)
      if (loaded === null) return { refused: { code: 'unknown-grant', said: id } }
      const { state } = loaded
      const roster = await rosterFor(context, policy, state)
      const probe = { by: by.id, durationMs: LEAST_MS, reason: '', roster, policy, now }
      const freeze = await freezeOn(context, tx, state.target)
      const facts = underFreeze(decideExtensionAsk(state, probe), freeze, policy)
      const reasonIsBad = 'refused' in facts && REASON_REFUSALS.includes(facts.refused.code)
      if ('refused' in facts && !reasonIsBad) return { ...facts, grant: id }
      const entitled = findEntitlement(policy, state.target, state.entitlement)
      if ('refused' in entitled) return { ...entitled, grant: id }
      const { maxTotalMs, reason } = entitled.entitlement
      const mostMs = (state.access?.activatedAt ?? now) + maxTotalMs - (state.access?.endsAt ?? now)
      return { answer: { kind: 'form', form: extendForm(state, mostMs, reasonIsBad ? reason : null) } }
    },
  })
}

/** The least that anybody can ask for: if not even that is left, the form would be in vain. */
const LEAST_MS = 1_000

/** What the form itself can mend: the reason of the asking does not meet a rule that came later. */
const REASON_REFUSALS: readonly Refusal['code'][] = ['reason-too-short', 'reason-too-long', 'reason-pattern']

function denialNeedsReason(policy: Policy, state: GrantState): boolean {
  const entitled = findEntitlement(policy, state.target, state.entitlement)
  return 'refused' in entitled || entitled.entitlement.denyReasonRequired
}
