import { randomBytes } from 'node:crypto'
import { code, line, text } from '../cards/text.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { DecisionChallenge } from '../domain/passkey-event.ts'
import { passkeysInUse } from '../domain/passkey-state.ts'
import { refuse } from '../domain/refusal.ts'
import type { Account } from '../ports/chat.ts'
import { mintPasskeyLink, PASSKEY_LINK_MS } from '../secrets/passkey-link.ts'
import type { Context } from './context.ts'
import { appendToGrant } from './grant-store.ts'
import { loadPasskeys, toChallenge } from './passkey-store.ts'
import type { Performed, Performing } from './perform-act.ts'

/**
 * Answers a press of Approve where a click is not enough: a link to a page where a passkey signs this decision and no
 * other. Nothing is decided here; that it was asked for is on record, with the challenge.
 */
export async function askForPasskey(
  context: Context,
  account: Account,
  { tx, now, by, policy }: Performing,
  state: GrantState,
  decision: DecisionChallenge['decision'],
): Promise<Performed> {
  const grant = state.id
  const { place } = context.passkeys
  if (place === null) return { ...refuse({ code: 'passkeys-unavailable', place: context.publicUrl }), grant }
  const { state: own } = await loadPasskeys(context, tx, by.id)
  if (!passkeysInUse(own).some(({ rpId }) => rpId === place.rpId)) {
    const offer = own.offer !== null && now < own.offer.pendingUntil ? own.offer : null
    const waitsFor = offer?.confirmers.map(({ id }) => id) ?? []
    return { ...refuse({ code: 'no-passkey', whose: by.id, waitsFor }), grant }
  }
  const expiresAt = now + PASSKEY_LINK_MS
  const durationMs = decision === 'approve' ? state.durationMs : (state.extension?.durationMs ?? 0)
  const { inputs, challenge } = toChallenge({
    ...{ nonce: randomBytes(32).toString('hex'), request: grant, revision: state.seq },
    ...{ entitlement: `${state.target}:${state.entitlement}`, durationMs, decision },
    ...{ policy: policy.hash, approver: by.id, expiresAt },
  } satisfies DecisionChallenge)
  const token = await mintPasskeyLink(
    tx,
    context.sealing,
    { kind: 'decision', challenge, account, expiresAt },
    inputs,
    now,
  )
  const data = { by: by.id, decision, challenge: hexOf(challenge), expiresAt, policy: policy.hash }
  await appendToGrant(context, tx, grant, state, [{ type: 'passkey.challenged', data }], now)
  const url = `${context.publicUrl}/passkey/${token}`
  const words = text('Not decided yet. ', { kind: 'link', text: 'Confirm it with your passkey', url }, ', within five')
  return {
    answer: { kind: 'line', line: { tone: 'waiting', text: [...words, ...text(' minutes. The link works once.')] } },
    keep: {
      kind: 'line',
      line: line('info', 'The link was shown once already. Press ', code('Approve'), ' again.'),
    },
  }
}

function hexOf(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex')
}
