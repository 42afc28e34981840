import type { Approver } from './grant-event.ts'
import type { Passkey, PasskeyEvent } from './passkey-event.ts'
import { type Offer, type PasskeyState, passkeysInUse } from './passkey-state.ts'
import type { Policy } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'

/** An act on somebody's passkeys, and what it stands on at this moment. */
export interface PasskeyAct {
  readonly by: string
  /** Who may say of the owner's passkey that it is theirs, as of now. */
  readonly confirmers: readonly Approver[]
  readonly policy: Policy
  readonly now: number
}

/**
 * Who may say that a passkey is this person's: their manager and compliance, but never the person.
 * @param active who is in the directory and has not left
 */
export function confirmersOf(
  owner: { readonly id: string; readonly manager: string | null },
  policy: Policy,
  active: ReadonlySet<string>,
): Approver[] {
  const found = new Map<string, string[]>()
  const manager = owner.manager === null ? [] : [owner.manager]
  for (const [why, ids] of [['manager', manager] as const, ['compliance', policy.compliance] as const]) {
    for (const id of new Set(ids)) found.set(id, [...(found.get(id) ?? []), why])
  }
  return [...found]
    .map(([id, as]) => ({ id, as }))
    .filter(({ id }) => id !== owner.id && active.has(id))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** The person made a passkey; a newer one takes the place of one that still waits. */
export function decideOffer(state: PasskeyState, act: PasskeyAct, passkey: Passkey): PasskeyEvent[] | Refused {
  const { by, confirmers, policy, now } = act
  if (by !== state.identity) return refuse({ code: 'passkey-refused', why: 'not-yours' })
  if (state.passkeys.some(({ credential }) => credential === passkey.credential)) {
    return refuse({ code: 'passkey-refused', why: 'known' })
  }
  if (confirmers.length === 0) return refuse({ code: 'second-person-needed', may: [] })
  const data = { by, passkey, confirmers, pendingUntil: now + policy.pendingForMs, policy: policy.hash }
  return [{ type: 'passkey.offered', data }]
}

/** The second person says: this one is theirs. Judged by the policy and the directory of now. */
export function decideEnrolment(state: PasskeyState, act: PasskeyAct, seq: number): PasskeyEvent[] | Refused {
  const standing = standingOf(state, act, seq)
  if ('refused' in standing) return standing
  const { offer, as } = standing
  const { by, policy } = act
  const data = { by, as, offer: seq, passkey: offer.passkey, policy: policy.hash, assurance: 'click-only' } as const
  return [{ type: 'passkey.enrolled', data }]
}

/** The second person says no; or the person takes their own offer back. */
export function decideNoEnrolment(state: PasskeyState, act: PasskeyAct, seq: number): PasskeyEvent[] | Refused {
  const { by, policy } = act
  const own = by === state.identity && state.offer?.seq === seq
  const standing = own ? { as: ['owner'] } : standingOf(state, act, seq)
  if ('refused' in standing) return standing
  const data = { by, as: standing.as, offer: seq, policy: policy.hash, assurance: 'click-only' } as const
  return [{ type: 'passkey.declined', data }]
}

/**
 * Takes all passkeys of a person back, and what they offered. One person is enough: it gives nobody anything. To
 * have one again takes two, as at first.
 */
export function decideReset(state: PasskeyState, act: PasskeyAct): PasskeyEvent[] | Refused {
  const { by, confirmers, policy } = act
  const as = by === state.identity ? ['owner'] : confirmers.find(({ id }) => id === by)?.as
  if (as === undefined) return refuse({ code: 'may-not-confirm-passkey', may: confirmers.map(({ id }) => id) })
  const passkeys = passkeysInUse(state).map(({ credential }) => credential)
  if (passkeys.length === 0 && state.offer === null) {
    return refuse({ code: 'no-passkey', whose: state.identity, waitsFor: [] })
  }
  return [{ type: 'passkey.revoked', data: { by, as, passkeys, policy: policy.hash } }]
}

function standingOf(
  { offer, identity }: PasskeyState,
  { by, confirmers, now }: PasskeyAct,
  seq: number,
): { offer: Offer; as: readonly string[] } | Refused {
  if (offer === null || offer.seq !== seq || now >= offer.pendingUntil) return refuse({ code: 'no-passkey-offer' })
  if (by === identity) return refuse({ code: 'own-passkey', may: confirmers.map(({ id }) => id) })
  const confirmer = confirmers.find(({ id }) => id === by)
  if (confirmer === undefined) {
    return refuse({ code: 'may-not-confirm-passkey', may: confirmers.map(({ id }) => id) })
  }
  return { offer, as: confirmer.as }
}
