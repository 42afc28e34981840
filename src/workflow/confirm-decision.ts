import { underFreeze } from '../domain/decide-freeze.ts'
import type { Signing } from '../domain/decide-signature.ts'
import { grantStream } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { DecisionChallenge, PasskeyAssertion } from '../domain/passkey-event.ts'
import { passkeysInUse } from '../domain/passkey-state.ts'
import { isRefused, type PasskeyFault, type Refused, refuse } from '../domain/refusal.ts'
import type { Answer } from '../ports/chat.ts'
import { type PasskeyTicket, takePasskeyLink } from '../secrets/passkey-link.ts'
import { lockAndSettle } from './advance-grant.ts'
import type { Context } from './context.ts'
import { decideBy, outcomeLine } from './decide-grant.ts'
import { freezeOn } from './freezes.ts'
import { appendToGrant } from './grant-store.ts'
import { loadPasskeys, lockPasskeys } from './passkey-store.ts'
import { type Performed, type Performing, performAct } from './perform-act.ts'
import { faultOfDraft } from './proved-hands.ts'
import { rosterFor } from './roster.ts'

/**
 * The second half of an approval that needs a passkey: what came back from the page. Burns the link, checks the
 * assertion, and decides once more from the start, by the policy, the roster and the freezes of now.
 * @param response as the browser sent it
 */
export async function confirmDecision(
  context: Context,
  token: string,
  ticket: PasskeyTicket,
  response: unknown,
): Promise<Answer> {
  await context.passkeys.load()
  const act = { key: `passkey:${ticket.challenge}`, account: ticket.account }
  return performAct(context, act, {
    name: 'approve with a passkey',
    decides: true,
    before: () => context.reached('passkey:before-commit'),
    after: () => context.reached('passkey:after-commit'),
    run: (performing) => confirm(context, performing, { token, ticket, response }),
  })
}

interface Confirming {
  readonly token: string
  readonly ticket: PasskeyTicket
  readonly response: unknown
}

async function confirm(context: Context, performing: Performing, confirming: Confirming): Promise<Performed> {
  const { tx, now, by, policy } = performing
  const { token, ticket } = confirming
  const taken = await takePasskeyLink(tx, token, ticket, now)
  if (taken.kind === 'refused') return fault(`link-${taken.code}`)
  const challenge = JSON.parse(taken.inputs) as DecisionChallenge
  const grant = challenge.request
  if (challenge.approver !== by.id) return { ...fault('not-yours'), grant }
  const state = await lockAndSettle(context, tx, grant, now)
  if (state === null) return refuse({ code: 'unknown-grant', said: grant })
  await lockPasskeys(tx, by.id)
  const assertion = await readAssertion(context, performing, confirming, challenge)
  if ('refused' in assertion) return { ...assertion, grant }
  const roster = await rosterFor(context, policy, state, [by.id])
  const signing: Signing = { by: by.id, assurance: 'passkey', assertion, roster, policy, now }
  const decided = decideBy(state, signing, { what: challenge.decision })
  const facts = underFreeze(decided, await freezeOn(context, tx, state.target), policy)
  if (isRefused(facts)) return { ...facts, grant }
  if (hasChanged(state, challenge, policy.hash)) return { ...fault('changed'), grant }
  const [signed] = facts
  if (signed !== undefined && 'assertion' in signed.data) {
    const place = { stream: grantStream(grant), seq: state.seq + 1, at: now }
    const wrong = await faultOfDraft(context, tx, { ...place, type: signed.type, data: { ...signed.data } })
    if (wrong !== null) return { ...fault('does-not-hold'), grant }
  }
  const after = await appendToGrant(context, tx, grant, state, facts, now)
  return { answer: { kind: 'line', line: outcomeLine(after, { what: challenge.decision }) } }
}

async function readAssertion(
  context: Context,
  { tx, by }: Performing,
  { ticket, response }: Confirming,
  challenge: DecisionChallenge,
): Promise<PasskeyAssertion | Refused> {
  const { passkeys } = context
  const { place } = passkeys
  if (place === null) return refuse({ code: 'passkeys-unavailable', place: context.publicUrl })
  const credential = passkeys.nameOf(response)
  const { state } = await loadPasskeys(context, tx, by.id)
  const own = passkeysInUse(state).find((one) => one.credential === credential && one.rpId === place.rpId)
  if (own === undefined) return fault('not-enrolled')
  const signed = await passkeys.readAssertion(response, ticket.challenge, own, place)
  if (signed === null) return fault('does-not-hold')
  const { publicKey, rpId } = own
  return { challenge, credential: own.credential, publicKey, rpId, origin: place.origin, ...signed }
}

/** What the person saw on the page must be what is decided. More signatures or refused clicks since change nothing. */
function hasChanged(state: GrantState, challenge: DecisionChallenge, policy: string): boolean {
  const { decision, durationMs, entitlement, revision } = challenge
  if (challenge.policy !== policy || entitlement !== `${state.target}:${state.entitlement}`) return true
  if (decision === 'approve') return durationMs !== state.durationMs
  const { extension } = state
  return extension === null || extension.durationMs !== durationMs || extension.askedSeq > revision
}

function fault(why: PasskeyFault): Refused {
  return refuse({ code: 'passkey-refused', why })
}
