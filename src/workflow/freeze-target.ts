import { frozenLine, liftLine } from '../cards/freeze-lines.ts'
import type { Tx } from '../db/transaction.ts'
import { decideFreeze, decideLift, type FreezeDecision, type Freezing } from '../domain/decide-freeze.ts'
import { EVERYWHERE, freezeStream } from '../domain/freeze-event.ts'
import type { FreezeState } from '../domain/freeze-state.ts'
import type { Policy } from '../domain/policy.ts'
import { type Refused, refuse } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { loadFreeze, lockFreezes } from './freezes.ts'
import { toDraft } from './grant-store.ts'
import { type Performing, performAct } from './perform-act.ts'

/** `/access freeze prod-db why`: no new access there, from the commit on. Works under any policy, like an ending. */
export function freezeTarget(context: Context, act: Act, words: { scope: string; reason: string }): Promise<Answer> {
  return performAct(context, act, {
    name: 'freeze',
    decides: false,
    run: async ({ tx, now, by, policy }) => {
      const target = readScope(policy, words.scope)
      if (typeof target !== 'string') return target
      const decide = (state: FreezeState, freezing: Freezing) => decideFreeze(state, freezing, words.reason)
      const after = await change(context, { tx, now, by, policy }, target, decide)
      if ('refused' in after) return after
      return { answer: { kind: 'line', line: frozenLine(target) } }
    },
  })
}

/** `/access unfreeze prod-db`, or the button: the first asks, the second lifts. */
export function liftFreeze(context: Context, act: Act, scope: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'lift the freeze',
    decides: true,
    run: async (performing) => {
      const target = await readFrozenScope(context, performing, scope)
      if (typeof target !== 'string') return target
      const after = await change(context, performing, target, decideLift)
      if ('refused' in after) return after
      return { answer: { kind: 'line', line: liftLine(target, after.freeze, namesOf(context)) } }
    },
  })
}

async function change(
  context: Context,
  { tx, now, by, policy }: Performing,
  target: string,
  decide: (state: FreezeState, freezing: Freezing) => FreezeDecision,
): Promise<FreezeState | Refused> {
  await lockFreezes(tx)
  const before = await loadFreeze(context, tx, target)
  const facts = decide(before, { by: by.id, assurance: 'click-only', policy, now })
  if ('refused' in facts) return facts
  const stream = freezeStream(target)
  await context.record.append(tx, stream, before.seq, facts.map(toDraft), now)
  await context.enqueue(tx, { kind: 'announce', stream })
  return loadFreeze(context, tx, target)
}

/** Nothing named means everything; a word that is no target is refused, because it may be a mistyped one. */
function readScope(policy: Policy, said: string): string | Refused {
  const word = said.toLowerCase()
  if (word === '' || word === EVERYWHERE || word === 'everywhere') return EVERYWHERE
  if (Object.hasOwn(policy.targets, word)) return word
  return refuse({ code: 'unknown-scope', said, known: Object.keys(policy.targets).sort() })
}

/** A target that left the policy while it was frozen can still be named. */
async function readFrozenScope(
  context: Context,
  { tx, policy }: { readonly tx: Tx; readonly policy: Policy },
  said: string,
): Promise<string | Refused> {
  const scope = readScope(policy, said)
  if (typeof scope === 'string') return scope
  const word = said.toLowerCase()
  return (await context.record.endOf(tx, freezeStream(word))) > 0 ? word : scope
}
