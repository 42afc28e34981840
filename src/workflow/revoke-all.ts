import { revokeAllForm } from '../cards/forms.ts'
import { orderCard } from '../cards/order-card.ts'
import { decidedLine, proposedLine } from '../cards/order-lines.ts'
import type { Tx } from '../db/transaction.ts'
import { concerns, decideConfirmation, decideDecline, decideProposal, type OpenOf } from '../domain/decide-order.ts'
import { findSubject } from '../domain/find-subject.ts'
import type { OrderState } from '../domain/order-state.ts'
import type { Subject } from '../domain/stewards.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { cardContext, namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { findOpenOf } from './find-grants.ts'
import { findOpenOnRecord } from './find-open-on-record.ts'
import { newId } from './new-id.ts'
import { appendToOrder, findOpenOrders, loadOrder, settleOrder } from './order-store.ts'
import { type Performed, type Performing, performAct } from './perform-act.ts'

/*
 * Two persons order that everything of a person, or on a target, ends. Works under any policy, like
 * every ending. What was ordered is carried out by `carry-out-order.ts`.
 */

/** `/access revoke-all @ana why`: the first of two. Without a reason, a form asks for it. */
export function proposeRevokeAll(
  context: Context,
  act: Act,
  words: { subject: string; reason: string },
): Promise<Answer> {
  const asksWhy = words.reason.trim() === ''
  return performAct(context, act, {
    name: 'revoke everything',
    decides: false,
    reads: asksWhy,
    run: async (performing) => {
      const { by, policy, tx } = performing
      const subject = findSubject(policy, words.subject, act.account, context.knownTargets())
      if ('refused' in subject) return subject
      if (!asksWhy) return propose(context, performing, subject, words.reason)
      const open = await openOf(context, tx, subject)
      const probe = { by: by.id, assurance: 'click-only', policy, now: performing.now } as const
      const facts = decideProposal(subject, 'a reason, once it is written', open, probe)
      if ('refused' in facts) return facts
      return { answer: { kind: 'form', form: revokeAllForm(subject, words.subject, open, namesOf(context)) } }
    },
  })
}

async function propose(
  context: Context,
  { tx, now, by, policy }: Performing,
  subject: Subject,
  reason: string,
): Promise<Performed> {
  const same = await findPending(context, tx, subject, now)
  if (same !== null) return { answer: { kind: 'line', line: proposedLine(same, false, namesOf(context)) } }
  const ordering = { by: by.id, assurance: 'click-only', policy, now } as const
  const facts = decideProposal(subject, reason, await openOf(context, tx, subject), ordering)
  if ('refused' in facts) return facts
  const state = await appendToOrder(context, tx, newId('R'), null, facts, now)
  return { answer: { kind: 'line', line: proposedLine(state, true, namesOf(context)) } }
}

/** The second of two confirms, or somebody declines. */
export function decideOrder(context: Context, act: Act, id: string, what: 'confirm' | 'decline'): Promise<Answer> {
  return performAct(context, act, {
    name: `${what} the order`,
    decides: false,
    before: () => context.reached('order:before-commit'),
    after: () => context.reached('order:after-commit'),
    run: async ({ tx, now, by, policy }) => {
      const state = await settleOrder(context, tx, id, now)
      if (state === null) return { refused: { code: 'unknown-order', said: id } }
      const ordering = { by: by.id, assurance: 'click-only', policy, now } as const
      const facts = what === 'confirm' ? decideConfirmation(state, ordering) : decideDecline(state, ordering)
      if ('refused' in facts) return { ...facts, order: id }
      const after = await appendToOrder(context, tx, id, state, facts, now)
      return { answer: { kind: 'line', line: decidedLine(after) } }
    },
  })
}

/** `/access status R-7K3QF0`. */
export function showOrder(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'see its status',
    decides: false,
    reads: true,
    run: async ({ tx, by }) => {
      const loaded = await loadOrder(context, tx, id)
      if (loaded === null) return { refused: { code: 'unknown-order', said: id } }
      const { state } = loaded
      const reader = by.id === state.by ? 'proposer' : state.signers.some((one) => one.id === by.id) ? 'signer' : null
      return { answer: { kind: 'card', card: orderCard(state, reader, cardContext(context)) } }
    },
  })
}

/** For the card. The tables answer, but that nothing is open is believed of the record alone. */
async function openOf(context: Context, tx: Tx, subject: Subject): Promise<OpenOf> {
  const rows = await findOpenOf(tx, subject)
  const open = rows.length > 0 ? rows : (await findOpenOnRecord(context, tx, (state) => concerns(subject, state))).open
  const requests = open.filter(({ status }) => status === 'pending' || status === 'planned').length
  return {
    ...{ requests, grants: open.length - requests },
    targets: [...new Set(open.map(({ target }) => target))].sort(),
  }
}

async function findPending(context: Context, tx: Tx, subject: Subject, now: number): Promise<OrderState | null> {
  for (const id of await findOpenOrders(tx)) {
    const state = (await loadOrder(context, tx, id))?.state
    const isSame = state?.subject.kind === subject.kind && state.subject.id === subject.id
    if (state?.status === 'pending' && isSame && now < state.pendingUntil) return state
  }
  return null
}
