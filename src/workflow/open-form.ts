import { askForm, denyForm, extendForm } from '../cards/forms.ts'
import { listCard } from '../cards/lists.ts'
import { decideExtensionAsk, decideExtensionDenial } from '../domain/decide-extension.ts'
import { decideDenial } from '../domain/decide-signature.ts'
import type { Act, Answer } from '../ports/chat.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'
import { offersTo } from './look-up.ts'
import { namesOf, performAct } from './perform-act.ts'
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
      const form = denyForm(state, namesOf(context), what === 'deny' ? 'request' : 'extension')
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
      const facts = decideExtensionAsk(state, { by: by.id, durationMs: 0, reason: '', roster, policy, now })
      if ('refused' in facts) return { ...facts, grant: id }
      return { answer: { kind: 'form', form: extendForm(state) } }
    },
  })
}
