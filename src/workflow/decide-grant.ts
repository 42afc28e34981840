import { line as sayLine, strong } from '../cards/text.ts'
import { decideExtensionApproval, decideExtensionDenial } from '../domain/decide-extension.ts'
import { underFreeze } from '../domain/decide-freeze.ts'
import { decideApproval, decideDenial, type Signing } from '../domain/decide-signature.ts'
import type { GrantEvent } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Refused } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { lockAndSettle } from './advance-grant.ts'
import { askForPasskey } from './ask-for-passkey.ts'
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
    run: (performing) => decide(context, act, performing, id, decision),
  })
}

async function decide(
  context: Context,
  act: Act,
  performing: Performing,
  id: string,
  decision: Decision,
): Promise<Performed> {
  const { tx, now, by, policy } = performing
  const state = await lockAndSettle(context, tx, id, now)
  if (state === null) return { refused: { code: 'unknown-grant', said: id } }
  const roster = await rosterFor(context, policy, state, [by.id])
  const freeze = await freezeOn(context, tx, state.target)
  const signing: Signing = { by: by.id, assurance: 'click-only', roster, policy, now }
  const decided = decideBy(state, signing, decision)
  const needsPasskey = 'refused' in decided && decided.refused.code === 'passkey-needed'
  // What a passkey could not change is said at once.
  const outlook = needsPasskey ? decideBy(state, { ...signing, assurance: 'passkey' }, decision) : decided
  const facts = underFreeze(outlook, freeze, policy)
  if ('refused' in facts) return { ...facts, grant: id }
  if (needsPasskey && (decision.what === 'approve' || decision.what === 'approve-extension')) {
    return askForPasskey(context, act.account, performing, state, decision.what)
  }
  const after = await appendToGrant(context, tx, id, state, facts, now)
  return { answer: { kind: 'line', line: outcomeLine(after, decision) } }
}

/** What a decision on a request or an extension comes to. */
export function decideBy(state: GrantState, signing: Signing, decision: Decision): GrantEvent[] | Refused {
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

/** What whoever decided hears. */
export function outcomeLine(state: GrantState, decision: Decision): ReturnType<typeof sayLine> {
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
