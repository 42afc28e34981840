/**
 * The lists of a digest, by the name that a reader asks for. Every number of a digest is the length of one of them.
 * In the order of the digest: what must be looked at, what changed, then what happened.
 */
export const DIGEST_LISTS = {
  'not-as-recorded': 'Events that are not as they were recorded',
  'open-findings': 'Open findings',
  'new-findings': 'New findings',
  'closed-findings': 'Findings closed',
  unacknowledged: 'Digests that nobody has acknowledged',
  stuck: 'Removal not proved: stuck',
  late: 'Ended late',
  unproved: 'Not seen to be gone yet',
  'cannot-tell': 'Looks that did not see it gone',
  orphans: 'Access that no grant explains',
  'break-glass': 'Break-glass',
  refused: 'Refusals',
  'not-independent': 'Given without independent witnesses',
  policies: 'Policies put into force',
  administrators: 'Administrators changed',
  builds: 'Builds that began to run',
  settings: 'Settings changed',
  keys: 'Keys of the record changed, and logs begun',
  freezes: 'Freezes set and lifted',
  orders: 'Orders to take everything away',
  keeping: 'Held, erased or pruned',
  leavers: 'People who left',
  passkeys: 'Passkeys enrolled and revoked',
  asked: 'Asked',
  approved: 'Approved',
  denied: 'Denied',
  unanswered: 'Expired without an answer',
  withdrawn: 'Taken back, or its ground was gone',
  granted: 'Given',
  failed: 'Could not be given',
  extended: 'Extended',
  ended: 'Came to its end',
  'on-time': 'Ended on time, and seen to be gone',
  alarms: 'Alarms',
  undelivered: 'Messages that could not be delivered',
  opened: 'Evidence and digests taken out',
} as const

export type DigestList = keyof typeof DIGEST_LISTS

export const LIST_NAMES = Object.keys(DIGEST_LISTS) as DigestList[]

export const FOUND: readonly DigestList[] = [
  ...(['not-as-recorded', 'open-findings', 'new-findings', 'closed-findings', 'unacknowledged'] as const),
]
export const ENDED_BADLY: readonly DigestList[] = ['stuck', 'late', 'unproved', 'cannot-tell', 'orphans']

export const CHANGED: readonly DigestList[] = [
  ...(['not-independent', 'policies', 'administrators', 'builds', 'settings', 'keys', 'freezes', 'orders'] as const),
  ...(['keeping', 'leavers', 'passkeys'] as const),
]

/** Somebody must look at what is in these. */
export const TO_LOOK_AT: readonly DigestList[] = [
  ...([
    'not-as-recorded',
    'open-findings',
    'unacknowledged',
    ...ENDED_BADLY,
    'break-glass',
    'not-independent',
  ] as const),
]

/** One line of a list: an event, and what of it matters here. */
export interface DigestItem {
  readonly list: DigestList
  readonly stream: string
  readonly seq: number
  /** Epoch ms. */
  readonly at: number
  readonly type: string
  /** Leaf hash, hex. */
  readonly hash: string
  /** Identity ids. */
  readonly by: readonly string[]
  /** In words, without a full stop; no free texts of people. */
  readonly note: string
}
