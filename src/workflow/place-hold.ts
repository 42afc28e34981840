import { holdsCard } from '../cards/keeping-card.ts'
import { keepingLine } from '../cards/keeping-lines.ts'
import { decideHold, decideLifting, decidePlacing, type Keeping } from '../domain/decide-keeping.ts'
import { findSubject } from '../domain/find-subject.ts'
import { readGrantId } from '../domain/grant-event.ts'
import { readKeepingId, type Scope } from '../domain/keeping-event.ts'
import { holdsAt } from '../domain/keeping-state.ts'
import { type Refused, refuse } from '../domain/refusal.ts'
import { keepersOf } from '../domain/stewards.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'
import { appendToKeeping, loadKeeping, lockKeeping } from './keeping-store.ts'
import { newId } from './new-id.ts'
import { type Performing, performAct } from './perform-act.ts'

/*
 * Legal holds: what is held is neither erased nor pruned. Two persons place one, two lift it. Works under any policy:
 * a hold takes nothing from anybody.
 */

/** `/access hold @ana why`: the first of two. With the id of a hold: the second. Alone: what is held. */
export function placeHold(context: Context, act: Act, words: { subject: string; reason: string }): Promise<Answer> {
  const id = readKeepingId(words.subject)
  if (id !== null) return confirmHold(context, act, id)
  if (words.subject === '') return listHolds(context, act)
  return performAct(context, act, {
    name: 'place a hold',
    decides: false,
    run: async (performing) => {
      const { tx, now } = performing
      const scope = await readScope(context, performing, act, words.subject)
      if ('refused' in scope) return scope
      await lockKeeping(tx)
      const before = await loadKeeping(context, tx)
      const hold = newId('H')
      const keeping = { ...keepingOf(performing), holders: await holdersOf(context, performing, scope) }
      const facts = decideHold(before, { id: hold, scope, said: words.reason }, keeping)
      if ('refused' in facts) return facts
      const after = await appendToKeeping(context, tx, before, facts, now)
      return { answer: { kind: 'line', line: keepingLine(after.holds.get(hold), now, namesOf(context)) } }
    },
  })
}

/** The second of two places it. */
export function confirmHold(context: Context, act: Act, id: string): Promise<Answer> {
  return decideOn(context, act, id, 'place a hold', decidePlacing)
}

/** `/access unhold H-7K3QF0`: the first asks, the second lifts. */
export function liftHold(context: Context, act: Act, said: string): Promise<Answer> {
  return decideOn(context, act, readKeepingId(said) ?? said.slice(0, 64), 'lift a hold', decideLifting)
}

function decideOn(context: Context, act: Act, id: string, name: string, decide: typeof decidePlacing): Promise<Answer> {
  return performAct(context, act, {
    name,
    decides: false,
    run: async (performing) => {
      const { tx, now } = performing
      await lockKeeping(tx)
      const before = await loadKeeping(context, tx)
      const hold = before.holds.get(id)
      if (hold === undefined) return refuse({ code: 'unknown-keeping', said: id })
      const facts = decide(hold, {
        ...keepingOf(performing),
        holders: await holdersOf(context, performing, hold.scope),
      })
      if ('refused' in facts) return facts
      const after = await appendToKeeping(context, tx, before, facts, now)
      return { answer: { kind: 'line', line: keepingLine(after.holds.get(id), now, namesOf(context)) } }
    },
  })
}

function listHolds(context: Context, act: Act): Promise<Answer> {
  return performAct(context, act, {
    name: 'list holds',
    decides: false,
    reads: true,
    run: async ({ tx, now, by, policy }) => {
      const all = keepersOf(policy, null)
      if (!all.some(({ id }) => id === by.id)) return refuse({ code: 'may-not-keep', may: all.map(({ id }) => id) })
      const holds = holdsAt(await loadKeeping(context, tx), now)
      return { answer: { kind: 'card', card: holdsCard(holds, namesOf(context)) } }
    },
  })
}

export function keepingOf({ by, policy, now }: Performing): Keeping {
  return { by: by.id, assurance: 'click-only', policy, now, holders: [] }
}

/** Whose grant it is and who asked for it: they decide nothing about what is held of it. @throws RecordTampered */
export async function holdersOf(
  context: Context,
  { tx }: Pick<Performing, 'tx'>,
  { kind, id }: Scope,
): Promise<readonly string[]> {
  const state = kind === 'grant' ? (await loadGrant(context, tx, id))?.state : null
  return state == null ? [] : [state.for, state.by]
}

/** A person, a target, a grant, or everything. */
async function readScope(
  context: Context,
  { tx, policy }: Performing,
  act: Act,
  said: string,
): Promise<Scope | Refused> {
  if (/^every(thing|where)$/iu.test(said)) return { kind: 'everything', id: '' }
  const grant = /^G-/iu.test(said) ? readGrantId(said) : null
  if (grant === null) return findSubject(policy, said, act.account, context.knownTargets())
  const isKnown = (await loadGrant(context, tx, grant)) !== null
  return isKnown ? { kind: 'grant', id: grant } : refuse({ code: 'unknown-grant', said })
}
