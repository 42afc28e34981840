import type { StreamPruned } from './pruning-event.ts'
import type { Subject } from './stewards.ts'

/**
 * An expected "no": a code, with the facts that a person needs to do better. `cards/` puts it into
 * words, the record keeps it as it is.
 */
export type Refusal =
  | { readonly code: 'unknown-person' }
  | { readonly code: 'left'; readonly person: string }
  /** The account seems to be somebody's, and it cannot be shown whose: those who hear of it can settle it. */
  | { readonly code: 'account-ambiguous'; readonly tell: readonly string[] }
  | { readonly code: 'link-code-wrong' }
  | { readonly code: 'link-throttled'; readonly until: number }
  /** Guests, bots and people of other organisations are nobody here. */
  | { readonly code: 'link-not-a-member' }
  | { readonly code: 'link-same-place' }
  | { readonly code: 'already-linked' }
  | { readonly code: 'unknown-command'; readonly said: string }
  | { readonly code: 'malformed'; readonly what: string; readonly expected: string }
  | { readonly code: 'bad-duration'; readonly said: string; readonly problem: string; readonly accepted: string }
  | { readonly code: 'unknown-target'; readonly said: string; readonly known: readonly string[] }
  | {
      readonly code: 'unknown-entitlement'
      readonly target: string
      readonly said: string
      readonly known: readonly string[]
    }
  | { readonly code: 'no-default-entitlement'; readonly target: string; readonly known: readonly string[] }
  | { readonly code: 'not-a-requester'; readonly target: string; readonly entitlement: string }
  | {
      readonly code: 'too-long'
      readonly target: string
      readonly entitlement: string
      readonly askedMs: number
      readonly maxMs: number
    }
  | { readonly code: 'reason-too-short'; readonly length: number; readonly minLength: number }
  | { readonly code: 'reason-too-long'; readonly length: number; readonly maxLength: number }
  | { readonly code: 'reason-pattern'; readonly hint: string }
  | { readonly code: 'deny-reason-required' }
  | { readonly code: 'unknown-grant'; readonly said: string }
  /** Its retention was over. */
  | { readonly code: 'pruned'; readonly id: string; readonly by: StreamPruned }
  | { readonly code: 'own-request' }
  /** A click is not enough here. The button leads to a page; whoever gets this came another way. */
  | { readonly code: 'passkey-needed' }
  /** @see waitsFor who could confirm the one that was offered; empty when none was */
  | { readonly code: 'no-passkey'; readonly whose: string; readonly waitsFor: readonly string[] }
  | { readonly code: 'passkeys-unavailable'; readonly place: string }
  | { readonly code: 'passkey-refused'; readonly why: PasskeyFault }
  | { readonly code: 'no-passkey-offer' }
  | { readonly code: 'own-passkey'; readonly may: readonly string[] }
  | { readonly code: 'may-not-confirm-passkey'; readonly may: readonly string[] }
  | { readonly code: 'not-an-approver'; readonly approvers: readonly string[] }
  | { readonly code: 'already-signed' }
  | {
      readonly code: 'already-decided'
      readonly outcome: GrantOutcome
      readonly by: readonly string[]
      readonly at: number
    }
  | { readonly code: 'not-yours'; readonly holder: string }
  | { readonly code: 'not-active'; readonly status: string }
  | { readonly code: 'too-late-to-cancel'; readonly grant: string; readonly status: string }
  | { readonly code: 'extension-open'; readonly approvers: readonly string[] }
  | { readonly code: 'nobody-may-approve'; readonly missing: number; readonly tell: readonly string[] }
  | { readonly code: 'no-extension-open' }
  | { readonly code: 'extension-too-long'; readonly latest: number; readonly leftMs: number }
  | { readonly code: 'may-not-end'; readonly mayEnd: readonly string[] }
  | { readonly code: 'may-not-open-evidence'; readonly may: readonly string[] }
  | { readonly code: 'may-not-read-digest'; readonly may: readonly string[] }
  | { readonly code: 'may-not-acknowledge'; readonly may: readonly string[] }
  /** `target` is `*` for everything. `why` is what the freezer wrote: told to people, never put on record again. */
  | {
      readonly code: 'frozen'
      readonly target: string
      readonly by: string
      readonly at: number
      readonly why: string
      readonly may: readonly string[]
    }
  | {
      readonly code: 'already-frozen'
      readonly target: string
      readonly by: string
      readonly at: number
      readonly why: string
    }
  | { readonly code: 'not-frozen'; readonly target: string }
  | { readonly code: 'may-not-freeze'; readonly target: string; readonly may: readonly string[] }
  /** One of two has signed. Nobody in `may`: there is no second person. */
  | { readonly code: 'second-person-needed'; readonly may: readonly string[] }
  | { readonly code: 'unknown-scope'; readonly said: string; readonly known: readonly string[] }
  | { readonly code: 'unknown-subject'; readonly said: string; readonly known: readonly string[] }
  | { readonly code: 'ambiguous-person'; readonly said: string; readonly ids: readonly string[] }
  | { readonly code: 'unknown-order'; readonly said: string }
  | { readonly code: 'nothing-open'; readonly subject: Subject }
  | { readonly code: 'may-not-order'; readonly may: readonly string[] }
  | { readonly code: 'order-on-you' }
  | { readonly code: 'first-signer-gone'; readonly by: string }
  | { readonly code: 'unknown-finding'; readonly said: string }
  /** Its own record was changed: nothing is decided on it. */
  | { readonly code: 'finding-changed'; readonly finding: string }
  | { readonly code: 'may-not-settle'; readonly may: readonly string[] }
  | { readonly code: 'finding-taken'; readonly by: string }
  | { readonly code: 'finding-closed'; readonly by: string | null; readonly at: number }
  | { readonly code: 'finding-not-fixed' }
  | { readonly code: 'finding-not-retested' }
  | { readonly code: 'finding-on-you' }
  | { readonly code: 'finding-own-fix'; readonly may: readonly string[] }
  | { readonly code: 'finding-nothing-asked' }
  | { readonly code: 'finding-too-long'; readonly askedMs: number; readonly maxMs: number }
  /** `until`: the latest that one person may put it off to, epoch ms. */
  | { readonly code: 'finding-put-off'; readonly until: number }
  | { readonly code: 'may-not-keep'; readonly may: readonly string[] }
  | { readonly code: 'keeping-on-you' }
  | { readonly code: 'unknown-keeping'; readonly said: string }
  | { readonly code: 'already-held'; readonly hold: string; readonly by: string; readonly at: number }
  | { readonly code: 'not-held'; readonly hold: string }
  | { readonly code: 'held'; readonly hold: string }
  /** `from`: when the first of what is kept may go, epoch ms; null when nobody can say, or there is nothing. */
  | {
      readonly code: 'nothing-to-erase'
      readonly person: string
      readonly kept: number
      readonly from: number | null
    }
  | { readonly code: 'unknown-line'; readonly said: string }
  | { readonly code: 'nothing-to-redact'; readonly line: string }
  | { readonly code: 'policy-held'; readonly active: string; readonly own: string }
  /** No witness could say yet that the record of the policies is whole, or it is not. */
  | { readonly code: 'policy-unproved' }
  /** The clock shows an earlier time than what is on record already. */
  | { readonly code: 'clock-fell-back'; readonly byMs: number }
  | { readonly code: 'directory-unreachable' }
  | { readonly code: 'not-recorded' }
  | { readonly code: 'unknown-outcome' }

/**
 * `changed`: what was on the page is not what would be decided now. `does-not-hold`: it is no assertion of that passkey
 * for that challenge. `known`: enrolled before, here or for somebody else.
 */
export type PasskeyFault =
  | 'link-used'
  | 'link-expired'
  | 'link-unknown'
  | 'not-yours'
  | 'not-enrolled'
  | 'does-not-hold'
  | 'changed'
  | 'known'

/** How a request or an order ended, in the words of a late click. */
export type GrantOutcome =
  | 'approved'
  | 'denied'
  | 'cancelled'
  | 'expired'
  | 'failed'
  | 'ended'
  | 'confirmed'
  | 'declined'

export interface Refused {
  readonly refused: Refusal
}

export function refuse(refusal: Refusal): Refused {
  return { refused: refusal }
}

export function isRefused(value: object): value is Refused {
  return 'refused' in value
}
