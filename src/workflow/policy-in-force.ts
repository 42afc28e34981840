import { hostname } from 'node:os'
import { inTransaction } from '../db/in-transaction.ts'
import type { Db, Tx } from '../db/transaction.ts'
import { POLICY_STREAM, type PolicyFact, type RecordedPolicyFact } from '../domain/house-event.ts'
import type { Policy } from '../domain/policy.ts'
import { type Refused, refuse } from '../domain/refusal.ts'
import { decideLoad, evolvePolicyState, NO_POLICY_YET, type PolicyState, standingOf } from '../policy/activation.ts'
import { diffPolicies } from '../policy/diff.ts'
import type { Clock } from '../ports/clock.ts'
import type { Draft } from '../record/compose.ts'
import type { EventRecord } from '../record/record.ts'
import type { RecordedEvent } from '../record/recorded-event.ts'

/** A policy as it was read: what decisions use, and the text it was made from. */
export interface PolicyText {
  readonly policy: Policy
  readonly text: string
}

/** The policy of one process against the one that is active on the record. */
export interface PolicyInForce {
  /** The policy that this process read. */
  own(): Policy
  /** Null when our policy is the active one; else why nothing may be decided here. */
  heldBecause(tx: Tx): Promise<Refused | null>
  /** Puts our text on the record; the first policy ever activates itself. */
  load(): Promise<void>
  /** Reads the file again; a text that changed is put on the record. Until it is activated, decisions are held. */
  reload(fresh: PolicyText): Promise<void>
}

export interface PolicySurroundings {
  readonly db: Db
  readonly record: EventRecord
  readonly clock: Clock
  /** After a load or an activation: announces it, and wakes the sealer. */
  readonly changed: (tx: Tx) => Promise<void>
  readonly committed: () => void
}

export function createPolicyInForce(initial: PolicyText, around: PolicySurroundings): PolicyInForce {
  let own = initial
  let known: { seq: number; state: PolicyState } | null = null

  async function load(): Promise<void> {
    await inTransaction(around.db, { timeoutMs: 10_000 }, async (tx) => {
      const events = await around.record.readStream(tx, POLICY_STREAM)
      const state = foldPolicies(events)
      if (state.loaded.has(own.policy.hash)) return
      const before = state.active === null ? null : textOf(events, state.active)
      const facts = decideLoad(state, own.policy.hash).map(
        (event): PolicyFact =>
          event.type === 'loaded'
            ? {
                type: 'policy.loaded',
                data: {
                  policy: event.hash,
                  before: state.active,
                  host: hostname(),
                  text: own.text,
                  diff: diffPolicies(before ?? '', own.text),
                },
              }
            : { type: 'policy.activated', data: { policy: event.hash, by: event.by } },
      )
      await appendPolicyFacts(around, tx, events.length, facts)
    })
    around.committed()
  }

  return {
    own: () => own.policy,
    load,
    async reload(fresh) {
      if (fresh.policy.hash === own.policy.hash) return
      own = fresh
      await load()
    },
    async heldBecause(tx) {
      const seq = await around.record.endOf(tx, POLICY_STREAM)
      if (known === null || known.seq !== seq) {
        known = { seq, state: foldPolicies(await around.record.readStream(tx, POLICY_STREAM)) }
      }
      const standing = standingOf(known.state, own.policy.hash)
      if (standing.state === 'active') return null
      return refuse({ code: 'policy-held', active: standing.active ?? 'none', own: standing.own })
    },
  }
}

export async function appendPolicyFacts(
  around: PolicySurroundings,
  tx: Tx,
  seq: number,
  facts: readonly PolicyFact[],
): Promise<void> {
  await around.record.append(tx, POLICY_STREAM, seq, facts.map(toDraft), around.clock.now())
  await around.changed(tx)
}

function toDraft(fact: PolicyFact): Draft {
  if (fact.type !== 'policy.loaded') return fact
  const { text, diff, ...data } = fact.data
  return { type: fact.type, data, private: { text, ...(diff !== '' && { diff }) } }
}

/** The policy stream, with its texts. A text that was erased is empty. */
export async function readPolicyFacts(record: EventRecord, db: Db | Tx): Promise<RecordedPolicyFact[]> {
  const events = await record.readStream(db, POLICY_STREAM)
  return events.map(({ type, data, texts, seq, at }) => {
    const full = type === 'policy.loaded' ? { ...data, text: texts.text ?? '', diff: texts.diff ?? '' } : data
    return { type, data: full, seq, at } as unknown as RecordedPolicyFact
  })
}

export function foldPolicies(events: readonly RecordedEvent[]): PolicyState {
  return events.reduce((state, { type, data }) => {
    const hash = String(data.policy)
    if (type === 'policy.loaded') return evolvePolicyState(state, { type: 'loaded', hash })
    if (type !== 'policy.activated') return state
    return evolvePolicyState(state, { type: 'activated', hash, by: typeof data.by === 'string' ? data.by : null })
  }, NO_POLICY_YET)
}

/** Null when it was never loaded, or erased since. */
export function textOf(events: readonly RecordedEvent[], hash: string): string | null {
  const loaded = events.findLast((event) => event.type === 'policy.loaded' && event.data.policy === hash)
  return loaded?.texts.text ?? null
}
