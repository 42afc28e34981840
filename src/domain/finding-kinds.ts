import type { Severity } from './finding-event.ts'

/** What an alarm makes of itself as a finding. */
export interface FindingKind {
  /** The cause in words: the title of its card. */
  readonly title: string
  /** What may be wrong because of it. */
  readonly exposure: string
  readonly severity: Severity
  /** What makes two alarms one finding, besides their name. */
  readonly per: 'grant' | 'target' | 'house'
  /** How the machine can look whether it is gone; null: a person has to. */
  readonly retest: MachineRetest | null
  /** True: when the machine has looked and it is gone, no person is asked; never where financial reporting is touched. */
  readonly closesItself: boolean
  /** What it puts in doubt: the record itself, what is held in a target, or only how the house runs. */
  readonly touches: 'record' | 'access' | 'running'
}

export const SEVERITIES: readonly Severity[] = ['critical', 'high', 'medium', 'low']

/** The check of the whole record; the state of the grant; whether the policy is proved, or the clock has caught up; the last pruning. */
export type MachineRetest = 'record' | 'grant' | 'policy' | 'keeping'

const kind = (
  severity: Severity,
  touches: FindingKind['touches'],
  per: FindingKind['per'],
  title: string,
  exposure: string,
  retest: MachineRetest | null = null,
  closesItself = false,
): FindingKind => ({ severity, touches, per, title, exposure, retest, closesItself })

const FORGED = 'Somebody who can write the database tried to have access given that nobody approved.'
const CHANGED = 'What is on record may not be what happened: evidence drawn from it may be wrong or incomplete.'
const UNVOUCHED =
  'Nothing that auditors trusted leads to the new key: whoever had the database and the MAC key could have begun a log in the same way.'
const STILL_THERE = 'Somebody may still have, or may have had, access that nobody answers for.'
const UNSEEN = 'What was done there in that time may never be known.'
const LATE = 'Endings, notices or checks may be late while it lasts.'

/** Alarms by name. Null: it needs no person to answer for it. What is not here is a finding all the same. */
const KINDS: Readonly<Record<string, FindingKind | null>> = {
  'record-differs': kind('critical', 'record', 'house', 'The record differs from what was recorded', CHANGED, 'record'),
  'record-tampered': kind('critical', 'record', 'grant', 'The record of something was changed', CHANGED, 'record'),
  'record-forked': kind(
    'critical',
    'record',
    'house',
    'The record does not continue what was sealed',
    CHANGED,
    'record',
  ),
  'forged-pending': kind('critical', 'record', 'house', 'An event that we did not write waited for its seal', CHANGED),
  'signing-key-lost': kind('critical', 'record', 'house', 'The signing key was lost, and another signs', UNVOUCHED),
  'checkpoint-forged': kind('critical', 'record', 'house', 'A checkpoint is not ours', CHANGED, 'record'),
  'unsealed-events': kind('high', 'record', 'grant', 'Events were not on their way to the seal', CHANGED),
  'state-without-record': kind('critical', 'record', 'grant', 'A row tells of a grant that nobody asked for', FORGED),
  'state-differs-from-record': kind('high', 'record', 'grant', 'A row said something else than the record', CHANGED),
  'announced-ahead-of-record': kind('high', 'record', 'grant', 'Chat was said to be further than the record', CHANGED),
  'witness-object-replaced': kind('critical', 'record', 'house', 'A witness held something else than ours', CHANGED),
  'witness-forgot': kind('critical', 'record', 'house', 'A witness forgot what it had confirmed', CHANGED),
  'policy-unproved': kind(
    'critical',
    'record',
    'house',
    'The record of the policies is not proved whole',
    CHANGED,
    'policy',
  ),
  'provision-without-request': kind('critical', 'access', 'grant', 'A job asked for access without a request', FORGED),
  'provision-without-approval': kind('critical', 'access', 'grant', 'A job asked for access not approved', FORGED),
  'extend-without-request': kind('critical', 'access', 'grant', 'A job asked for an extension without a grant', FORGED),
  'order-without-proposal': kind('critical', 'access', 'house', 'A job asked for an order that nobody gave', FORGED),
  'passkey-forged': kind('critical', 'access', 'grant', 'A decision claims a passkey that does not hold', FORGED),
  'orphan-access': kind('critical', 'access', 'grant', 'Access was found that no grant explains', STILL_THERE, 'grant'),
  'orphan-not-recorded': kind('critical', 'access', 'grant', 'Access found cannot be put on record', STILL_THERE),
  'orphans-not-read': kind('high', 'access', 'house', 'Access found before cannot be read', STILL_THERE),
  'grant-stuck': kind(
    'critical',
    'access',
    'grant',
    'The removal of an access is not proved',
    STILL_THERE,
    'grant',
    true,
  ),
  'target-not-reconciled': kind('medium', 'access', 'house', 'A target could not be looked through', STILL_THERE),
  'activity-after-removal': kind('critical', 'access', 'grant', 'An access was used after it was gone', STILL_THERE),
  'activity-without-grant': kind(
    'critical',
    'access',
    'target',
    'A login that no grant explains was used',
    STILL_THERE,
  ),
  'activity-gap': kind('high', 'access', 'target', 'The log of a target has a gap', UNSEEN),
  'lane-held': kind('medium', 'running', 'grant', 'Somebody held a lane and did not go on', LATE, 'grant', true),
  'revocation-fault': kind('high', 'access', 'grant', 'A removal met a fault', STILL_THERE, 'grant'),
  'due-fault': kind('high', 'access', 'grant', 'What is due could not be decided', STILL_THERE, 'grant'),
  'sweep-fault': kind('medium', 'running', 'house', 'The net under the timer met a fault', LATE),
  'queue-broken': kind('medium', 'running', 'house', 'The queue of effects did not take work', LATE),
  'effect-stuck': kind('medium', 'running', 'house', 'Something to be done is not getting done', LATE),
  'sealer-failed': kind('high', 'running', 'house', 'Events could not be sealed', LATE),
  'person-ambiguous': kind('medium', 'access', 'house', 'An account may be more than one person', STILL_THERE),
  'card-deleted': kind('low', 'record', 'house', 'A card of ours was deleted in chat', CHANGED),
  'thread-message-missing': kind('medium', 'record', 'grant', 'A message of ours is gone from its thread', CHANGED),
  'thread-message-edited': kind('high', 'record', 'grant', 'A message of ours was changed by other hands', CHANGED),
  'thread-message-foreign': kind('medium', 'record', 'grant', 'Another bot wrote under a card of ours', CHANGED),
  'thread-messages-missed': kind(
    'low',
    'record',
    'grant',
    'What people wrote was found later than it was written',
    CHANGED,
  ),
  'thread-messages-unheard': kind('low', 'record', 'house', 'Messages in chat came too fast to be looked at', CHANGED),
  'clock-fell-back': kind(
    'high',
    'record',
    'house',
    'The clock fell behind what is on record',
    CHANGED,
    'policy',
    true,
  ),
  'keeping-held-up': kind(
    'medium',
    'running',
    'house',
    'What should be pruned or erased is still there',
    'Something about people is kept for longer than your policy says, or than two persons ordered.',
    'keeping',
    true,
  ),
  'platform-clock': kind('medium', 'record', 'house', 'A chat platform shows another time than we do', CHANGED),
  'witness-clock': kind('medium', 'record', 'house', 'A witness shows another time than we do', CHANGED),
  'notice-elsewhere': null,
  'notice-undeliverable': null,
}

/** What a policy may name. */
export const FINDING_CAUSES: readonly string[] = Object.keys(KINDS).filter((cause) => KINDS[cause] !== null)

/** @returns null for an alarm that is no finding; what nobody thought of is one */
export function findingKindOf(cause: string): FindingKind | null {
  const found = Object.hasOwn(KINDS, cause) ? KINDS[cause] : undefined
  if (found !== undefined) return found
  return kind('high', 'record', 'grant', `Alarm: ${cause}`, 'Nobody has said yet what may be wrong because of it.')
}
