import type { Db } from '../db/transaction.ts'
import { changedStewards } from '../domain/changed-stewards.ts'
import { POLICY_STREAM } from '../domain/house-event.ts'
import type { Period } from '../domain/period.ts'
import type { Policy } from '../domain/policy.ts'
import { diffPolicies } from '../policy/diff.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import type { EventRecord } from '../record/record.ts'
import { type RecordedEvent, RecordTampered } from '../record/recorded-event.ts'

/** A policy that was put into force, and how it differs from the one before. */
export interface PolicyChange {
  readonly event: RecordedEvent
  /** SHA-256 of its text, hex. */
  readonly policy: string
  /** Null for the first, which activates itself. */
  readonly by: string | null
  /** Unified; null where a text is erased. */
  readonly diff: string | null
  /** Who administers is another: a line for each list. */
  readonly stewards: readonly string[]
}

/** The policies put into force in a period. None where somebody changed their stream: that is counted elsewhere. */
export async function readPolicyChanges(
  { db, record }: { readonly db: Db; readonly record: Pick<EventRecord, 'readStream'> },
  { from, until }: Period,
): Promise<PolicyChange[]> {
  const events = await record.readStream(db, POLICY_STREAM).catch((error: unknown) => {
    if (error instanceof RecordTampered) return []
    throw error
  })
  const texts = new Map<unknown, string>()
  const changes: PolicyChange[] = []
  let before: string | null = null
  for (const event of events) {
    const { type, data } = event
    if (type === 'policy.loaded' && event.texts.text !== undefined) texts.set(data.policy, event.texts.text)
    if (type !== 'policy.activated') continue
    const hash = String(data.policy)
    if (event.at >= from && event.at < until) {
      const [old, now] = [before === null ? '' : texts.get(before), texts.get(hash)]
      const after = policyIn(now)
      changes.push({
        ...{ event, policy: hash, by: typeof data.by === 'string' ? data.by : null },
        diff: old === undefined || now === undefined || before === null ? null : diffPolicies(old, now),
        stewards: after === null || before === null ? [] : changedStewards(policyIn(old), after),
      })
    }
    before = hash
  }
  return changes
}

/** Null where the text is erased, or of another version. */
function policyIn(text: string | undefined): Policy | null {
  const reading = text === undefined || text === '' ? null : parsePolicy(text, 'policy')
  return reading !== null && 'policy' in reading ? reading.policy : null
}
