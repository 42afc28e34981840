import { declinedLine, erasureLine } from '../cards/keeping-lines.ts'
import {
  decideErasure,
  decideErasureOrder,
  decideKeepingDecline,
  type KeepingDecision,
  type TextsOf,
} from '../domain/decide-keeping.ts'
import { findSubject } from '../domain/find-subject.ts'
import { readKeepingId } from '../domain/keeping-event.ts'
import { holdsAt, type KeepingState } from '../domain/keeping-state.ts'
import { refuse } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { findTexts } from './find-texts.ts'
import { appendToKeeping, loadKeeping, lockKeeping } from './keeping-store.ts'
import { newId } from './new-id.ts'
import { type Performing, performAct } from './perform-act.ts'
import { confirmHold, holdersOf, keepingOf } from './place-hold.ts'

/*
 * Two persons order that what is personal and may go of a person goes: the private texts with their salts. Events, tree
 * and proofs stay as they are. It is carried out by `carry-out-erasure.ts`.
 */

/** `/access erase @ana why`: the first of two. With the id of an erasure: the second. */
export function eraseTextsOf(context: Context, act: Act, words: { subject: string; reason: string }): Promise<Answer> {
  const id = readKeepingId(words.subject)
  if (id !== null) return orderErasure(context, act, id)
  return performAct(context, act, {
    name: 'erase',
    decides: true,
    run: async (performing) => {
      const { tx, now, policy } = performing
      await lockKeeping(tx)
      const before = await loadKeeping(context, tx)
      const subject = findSubject(policy, words.subject, act.account, [])
      if ('refused' in subject) return subject
      if (subject.kind !== 'person') {
        return refuse({ code: 'malformed', what: 'Erasing', expected: '@person, and why' })
      }
      const erasure = newId('E')
      const found = await textsOf(context, performing, before, subject.id)
      const asked = { id: erasure, person: subject.id, said: words.reason, found }
      const facts = decideErasure(asked, keepingOf(performing))
      if ('refused' in facts) return facts
      const after = await appendToKeeping(context, tx, before, facts, now)
      return { answer: { kind: 'line', line: erasureLine(after.erasures.get(erasure), namesOf(context)) } }
    },
  })
}

function orderErasure(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'erase',
    decides: true,
    run: async (performing) => {
      const { tx, now } = performing
      await lockKeeping(tx)
      const before = await loadKeeping(context, tx)
      const erasure = before.erasures.get(id)
      if (erasure === undefined) return refuse({ code: 'unknown-keeping', said: id })
      const found = await textsOf(context, performing, before, erasure.person)
      const facts = decideErasureOrder(erasure, found, keepingOf(performing))
      if ('refused' in facts) return facts
      const after = await appendToKeeping(context, tx, before, facts, now)
      await context.enqueue(tx, { kind: 'erase', erasure: id })
      return { answer: { kind: 'line', line: erasureLine(after.erasures.get(id), namesOf(context)) } }
    },
  })
}

/** The buttons of a card about a hold or an erasure. */
export function decideOnKeeping(context: Context, act: Act, id: string, what: 'confirm' | 'decline'): Promise<Answer> {
  if (what === 'confirm') return id.startsWith('H-') ? confirmHold(context, act, id) : orderErasure(context, act, id)
  return performAct(context, act, {
    name: 'decline it',
    decides: false,
    run: async (performing) => {
      const { tx, now } = performing
      await lockKeeping(tx)
      const before = await loadKeeping(context, tx)
      const hold = before.holds.get(id)
      const motion = hold ?? before.erasures.get(id)
      if (motion === undefined) return refuse({ code: 'unknown-keeping', said: id })
      const holders = hold === undefined ? [] : await holdersOf(context, performing, hold.scope)
      const facts: KeepingDecision = decideKeepingDecline(motion, { ...keepingOf(performing), holders })
      if ('refused' in facts) return facts
      await appendToKeeping(context, tx, before, facts, now)
      return { answer: { kind: 'line', line: declinedLine(id) } }
    },
  })
}

/** An answer must leave within three seconds; what is erased in the end is found anew. */
const MOST_LOOKED_AT = 500

async function textsOf(
  context: Context,
  { tx, now, policy }: Performing,
  before: KeepingState,
  person: string,
): Promise<TextsOf> {
  const { erasable, kept } = await findTexts(context, tx, person, {
    ...{ holds: holdsAt(before, now), policy, now, most: MOST_LOOKED_AT },
  })
  return { texts: erasable.reduce((sum, { paths }) => sum + paths.length, 0), kept }
}
