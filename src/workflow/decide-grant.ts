import { line as sayLine, strong } from '../cards/text.ts'
import { decideExtensionApproval, decideExtensionDenial } from '../domain/decide-extension.ts'
import { underFreeze } from '../domain/decide-freeze.ts'
import { decideApproval, decideDenial, type Signing } from '../domain/decide-signature.ts'
import type { GrantEvent } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Refused } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { lockAndSettle } from './advance-grant.ts'
import type { Context } from './context.ts'
import { freezeOn } from './freezes.ts'
import { appendToGrant } from './grant-store.ts'
import { type Performed, type Performing, performAct } from './perform-act.ts'
import { rosterFor } from './roster.ts'

export type Decision =
  | { readonly what: 'approve' | 'approve-extension' }
  | { readonly what: 'deny' | 'deny-extension'; readonly reason: string }

/** One signature, or one denial, under a request or an extension. */
export function decideGrant(context: Context, act: Act, id: string, decision: Decision): Promise<Answer> {
  return performAct(context, act, {
    name: decision.what.replace('-', ' the '),
    decides: true,
    before: () => context.reached('sign:before-commit'),
    after: () => context.reached('sign:after-commit'),
    run: (performing) => decide(context, performing, id, decision),
  })
}

async function decide(
  context: Context,
  { tx, now, by, policy }: Performing,
  id: string,
  decision: Decision,
): Promise<Performed> {
  const state = await lockAndSettle(context, tx, id, now)
  if (state === null) return { refused: { code: 'unknown-grant', said: id } }
  const roster = await rosterFor(context, policy, state, [by.id])
  const freeze = await freezeOn(context, tx, state.target)
  const decided = decideBy(state, { by: by.id, assurance: 'click-only', roster, policy, now }, decision)
  const facts = underFreeze(decided, freeze, policy)
  if ('refused' in facts) return { ...facts, grant: id }
  const after = await appendToGrant(context, tx, id, state, facts, now)
  return { answer: { kind: 'line', line: outcomeLine(after, decision) } }
}

function decideBy(state: GrantState, signing: Signing, decision: Decision): GrantEvent[] | Refused {
  switch (decision.what) {
    case 'approve':
      return decideApproval(state, signing)
    case 'deny':
      return decideDenial(state, signing, decision.reason)
    case 'approve-extension':
      return decideExtensionApproval(state, signing)
    case 'deny-extension':
      return decideExtensionDenial(state, signing, decision.reason)
    default:
      return decision satisfies never
  }
}

function outcomeLine(state: GrantState, decision: Decision): ReturnType<typeof sayLine> {
  switch (decision.what) {
    case 'deny':
    case 'deny-extension':
      return sayLine('done', strong('Denied.'), ' They are told.')
    case 'approve':
      return state.status === 'pending'
        ? sayLine('waiting', strong('Signed.'), ' Another signature is still needed.')
        : sayLine('active', strong('Approved.'), ' Access is being given.')
    case 'approve-extension':
      return state.extension?.status === 'approved'
        ? sayLine('active', strong('Approved.'), ' The end is being moved.')
        : sayLine('waiting', strong('Signed.'), ' Another signature is still needed.')
    default:
      return decision satisfies never
  }
}
