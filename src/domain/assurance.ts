import type { PasskeyAssertion } from './passkey-event.ts'

/**
 * What may be said of how strongly a decision is bound to a person, by NIST SP 800-63B. A passkey that verified its
 * owner is a multi-factor cryptographic authenticator: AAL2, also where it is synced. AAL3 asks for a key that cannot
 * be exported, which only an attestation would show, and none is taken: it is never claimed.
 */
export function assuranceInWords(assurance: string, assertion: Flagged | undefined): string {
  if (assurance === 'click-only') return 'click only, AAL not claimed'
  if (assurance !== 'passkey' || assertion === undefined) return `${assurance}, AAL not claimed`
  const { uv, be, bs } = assertion.flags
  if (!uv) return 'passkey without user verification, AAL not claimed'
  const kind = bs ? 'synced passkey' : be ? 'passkey that may be synced' : 'passkey of one device, by its own word'
  return `${kind}, person verified, AAL2; AAL3 not claimed without attestation`
}

type Flagged = Pick<PasskeyAssertion, 'flags'>
