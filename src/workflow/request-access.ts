import { requestLine } from '../cards/request-line.ts'
import type { Tx } from '../db/transaction.ts'
import { decideAsk, findEntitlement } from '../domain/decide-ask.ts'
import { underFreeze } from '../domain/decide-freeze.ts'
import { type GrantState, isOpen } from '../domain/grant-state.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { lockAndSettle, lockIdentity } from './advance-grant.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { findOpenGrant } from './find-grants.ts'
import { freezeOn } from './freezes.ts'
import { appendToGrant } from './grant-store.ts'
import { newId } from './new-id.ts'
import { type Performed, type Performing, performAct } from './perform-act.ts'
import { loadRoster } from './roster.ts'

export interface AskWords {
  readonly target: string
  /** Null: the target's default. */
  readonly entitlement: string | null
  readonly durationMs: number
  readonly reason: string
}

/** `/access prod-db 2h reason`. The same ask while one is open returns that one. */
export function requestAccess(context: Context, act: Act, words: AskWords): Promise<Answer> {
  const before = () => context.reached('ask:before-commit')
  const after = () => context.reached('ask:after-commit')
  return performAct(context, act, {
    ...{ name: 'ask for access', decides: true, before, after },
    together: () => context.askTogether({ act, words, id: newId('G'), before, after }),
    run: (performing) => ask(context, performing, words),
  })
}

async function ask(context: Context, { tx, now, by, policy }: Performing, words: AskWords): Promise<Performed> {
  const entitled = findEntitlement(policy, words.target, words.entitlement)
  if ('refused' in entitled) return entitled
  const { target, entitlement } = entitled
  const roster = await loadRoster(context, policy, target.name, entitlement.approvals, by.id)

  // The last is asked right behind the second: it looks once the lock is there.
  const [freeze, , open] = await Promise.all([
    freezeOn(context, tx, target.name),
    lockIdentity(tx, by.id),
    findOpenGrant(tx, by.id, target.name, entitlement.name),
  ])
  const standing = open === null ? null : await settleUnlessTampered(context, tx, open, now)
  if (standing !== null && isOpen(standing) && standing.status !== 'ending') {
    return { answer: { kind: 'line', line: requestLine(standing, false, namesOf(context)) } }
  }

  const facts = underFreeze(decideAsk({ ...words, by: by.id, for: by.id }, roster, policy, now), freeze, policy)
  if ('refused' in facts) return facts
  const state = await appendToGrant(context, tx, newId('G'), null, facts, now)
  return { answer: { kind: 'line', line: requestLine(state, true, namesOf(context)) } }
}

/** A grant whose record was changed is taken away, and keeps nobody from asking anew. */
async function settleUnlessTampered(context: Context, tx: Tx, id: string, now: number): Promise<GrantState | null> {
  try {
    return await lockAndSettle(context, tx, id, now)
  } catch (error) {
    if (error instanceof RecordTampered) return null
    throw error
  }
}
