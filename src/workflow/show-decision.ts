import type { GrantState } from '../domain/grant-state.ts'
import type { DecisionChallenge } from '../domain/passkey-event.ts'
import { passkeysInUse } from '../domain/passkey-state.ts'
import { type PasskeyTicket, peekPasskeyLink } from '../secrets/passkey-link.ts'
import type { RevealState } from '../secrets/reveal.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'
import { loadPasskeys } from './passkey-store.ts'

/** What a link to a passkey page leads to. Looks and burns nothing. */
export async function showPasskeyPage(context: Context, token: string, ticket: PasskeyTicket): Promise<PasskeyPage> {
  const { db, clock, passkeys } = context
  const { state, inputs } = await peekPasskeyLink(db, token, ticket, clock.now())
  if (state !== 'valid' || inputs === null) return { kind: 'refused', code: state === 'valid' ? 'unknown' : state }
  const { place } = passkeys
  if (place === null) return { kind: 'refused', code: 'unavailable' }
  return ticket.kind === 'decision'
    ? showDecision(context, ticket, JSON.parse(inputs) as DecisionChallenge, place.rpId)
    : showEnrolment(context, ticket, (JSON.parse(inputs) as { readonly owner: string }).owner, place.rpId)
}

async function showDecision(
  context: Context,
  { challenge }: PasskeyTicket,
  about: DecisionChallenge,
  rpId: string,
): Promise<PasskeyPage> {
  const [loaded, own] = await Promise.all([
    loadGrant(context, context.db, about.request),
    loadPasskeys(context, context.db, about.approver),
  ])
  if (loaded === null) return { kind: 'refused', code: 'unknown' }
  const names = namesOf(context)
  const { by, durationMs, reason } = whatIsAsked(loaded.state, about)
  return {
    ...{ kind: 'decision', challenge, rpId },
    passkeys: passkeysInUse(own.state).filter((one) => one.rpId === rpId),
    decision: {
      ...{ id: about.request, isExtension: about.decision === 'approve-extension', durationMs, reason },
      ...{ by: names(by), for: names(loaded.state.for), entitlement: about.entitlement },
      ...{ approver: names(about.approver), description: descriptionOf(context, loaded.state) },
    },
  }
}

function whatIsAsked(state: GrantState, { decision, durationMs }: DecisionChallenge) {
  const { extension } = state
  if (decision === 'approve' || extension === null) return { by: state.by, durationMs, reason: state.reason }
  return { by: extension.by, durationMs, reason: extension.reason }
}

function descriptionOf(context: Context, { target, entitlement }: GrantState): string {
  return context.policy.current().targets[target]?.entitlements[entitlement]?.description ?? ''
}

async function showEnrolment(
  context: Context,
  { challenge }: PasskeyTicket,
  owner: string,
  rpId: string,
): Promise<PasskeyPage> {
  const { state } = await loadPasskeys(context, context.db, owner)
  const name = namesOf(context)(owner)
  return { ...{ kind: 'enrolment', challenge, rpId, owner, name }, passkeys: passkeysInUse(state) }
}

export type PasskeyPage =
  | {
      readonly kind: 'decision'
      /** Base64. */
      readonly challenge: string
      readonly rpId: string
      readonly passkeys: readonly UsablePasskey[]
      readonly decision: ShownDecision
    }
  | {
      readonly kind: 'enrolment'
      readonly challenge: string
      readonly rpId: string
      readonly owner: string
      readonly name: string
      readonly passkeys: readonly UsablePasskey[]
    }
  | { readonly kind: 'refused'; readonly code: Exclude<RevealState, 'valid'> | 'unavailable' }

export interface UsablePasskey {
  readonly credential: string
  readonly transports: readonly string[]
}

export interface ShownDecision {
  readonly id: string
  readonly isExtension: boolean
  readonly by: string
  readonly for: string
  readonly entitlement: string
  readonly description: string
  readonly durationMs: number
  readonly reason: string
  readonly approver: string
}
