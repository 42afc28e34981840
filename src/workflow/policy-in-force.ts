import { hostname } from 'node:os'
import { inTransaction } from '../db/in-transaction.ts'
import type { Db, Tx } from '../db/transaction.ts'
import { POLICY_STREAM, type PolicyFact, type RecordedPolicyFact } from '../domain/house-event.ts'
import type { Policy } from '../domain/policy.ts'
import { type Refused, refuse } from '../domain/refusal.ts'
import { decideLoad, evolvePolicyState, NO_POLICY_YET, type PolicyState, standingOf } from '../policy/activation.ts'
import { diffPolicies } from '../policy/diff.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import type { Clock } from '../ports/clock.ts'
import { StreamConflict } from '../record/append.ts'
import type { Draft } from '../record/compose.ts'
import { hasLeaves } from '../record/find-streams.ts'
import type { EventRecord } from '../record/record.ts'
import { type RecordedEvent, RecordTampered } from '../record/recorded-event.ts'

/** A policy as it was read: what decisions use, and the text it was made from. */
export interface PolicyText {
  readonly policy: Policy
  readonly text: string
}

/** The policy of one process's file against the one that is active on the record. */
export interface PolicyInForce {
  /**
   * The active policy as this process last saw it, whatever its own file says: for looks, people, endings
   * and removals. Never a text that nobody activated, before `load` it knows nobody and nothing; but where the
   * record was changed and cannot be read, our file, so that people can still end what they have.
   */
  current(): Policy
  /** False while `current` is only our file: nothing is handed out to whom it names. */
  isFromRecord(): boolean
  /**
   * Where to look for what was given: all that ever were active and can still be read, the newest first. Only
   * where the record gives none, our file: failing closed never stops a revocation.
   */
  everActive(): Iterable<Policy>
  /** What decisions go by: looks at the record, and refuses where our file is not the active policy. */
  inForce(db: Db | Tx): Promise<Policy | Refused>
  /** Of our file. */
  ownHash(): string
  /** Puts our text on the record; the first policy ever activates itself. */
  load(): Promise<void>
  /** Takes a file that was read again: once it is on the record, decisions are held until it is activated. */
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

/** Of N processes that load at once, one is last: each conflict is somebody else's success. */
const LOAD_ATTEMPTS = 50

export function createPolicyInForce(initial: PolicyText, around: PolicySurroundings): PolicyInForce {
  let own = initial
  let seen: Seen = { seq: 0, state: NO_POLICY_YET, history: [], current: knowsNobody(initial.policy) }
  const read = new Map<string, Policy | null>([[initial.policy.hash, initial.policy]])
  const texts = new Map<string, string>()

  function policyOf(hash: string): Policy | null {
    const known = read.get(hash)
    if (known !== undefined) return known
    const text = texts.get(hash)
    const reading = text === undefined ? null : parsePolicy(text, 'policy')
    const policy = reading !== null && 'policy' in reading && reading.policy.hash === hash ? reading.policy : null
    read.set(hash, policy)
    return policy
  }

  function* everActive(history = seen.history): Iterable<Policy> {
    for (const hash of history) {
      const policy = policyOf(hash)
      if (policy !== null) yield policy
    }
  }

  /** @throws RecordTampered */
  async function look(db: Db | Tx): Promise<void> {
    if ((await around.record.endOf(db, POLICY_STREAM)) === seen.seq) return
    const events = await around.record.readStream(db, POLICY_STREAM)
    // Another look may have come back first. What was seen stays: a stream never grows shorter.
    if (events.length < seen.seq && (await around.record.endOf(db, POLICY_STREAM)) < seen.seq) {
      throw new RecordTampered(POLICY_STREAM, seen.seq, 'it ends before an event that was seen')
    }
    if (events.length <= seen.seq) return
    const history = activations(events)
    for (const hash of history) {
      const text = textOf(events, hash)
      if (text !== null) texts.set(hash, text)
    }
    const [current] = everActive(history)
    seen = { seq: events.length, state: foldPolicies(events), history, current: current ?? seen.current }
  }

  async function putOnRecord(fresh: PolicyText): Promise<void> {
    for (let tried = 1; ; tried++) {
      try {
        await inTransaction(around.db, { timeoutMs: 10_000 }, async (tx) => {
          const events = await around.record.readStream(tx, POLICY_STREAM)
          // The first policy activates itself, on an empty record alone: else who deletes the stream could put in any.
          if (foldPolicies(events).active === null && (await hasLeaves(tx))) {
            throw new RecordTampered(POLICY_STREAM, null, 'there is a record, and no policy was ever activated on it')
          }
          await appendPolicyFacts(around, tx, events.length, loadedFacts(events, fresh))
        })
        break
      } catch (error) {
        if (!(error instanceof StreamConflict) || tried === LOAD_ATTEMPTS) throw error
      }
    }
    around.committed()
  }

  return {
    current: () => seen.current,
    *everActive() {
      const readable = [...everActive()]
      yield* readable.length > 0 ? readable : [own.policy]
    },
    isFromRecord: () => seen.seq > 0,
    ownHash: () => own.policy.hash,
    async inForce(db) {
      try {
        await look(db)
      } catch (error) {
        // No decision stands on it; an ending does not need it.
        if (!(error instanceof RecordTampered)) throw error
        return refuse({ code: 'policy-held', active: 'not readable', own: own.policy.hash })
      }
      const standing = standingOf(seen.state, own.policy.hash)
      if (standing.state === 'active') return seen.current
      return refuse({ code: 'policy-held', active: standing.active ?? 'none', own: standing.own })
    },
    async load() {
      try {
        await putOnRecord(own)
        await look(around.db)
      } catch (error) {
        // A stream that was changed holds decisions, as `inForce` finds. It stops no process: somebody has to revoke.
        if (!(error instanceof RecordTampered)) throw error
        if (seen.seq === 0) seen = { ...seen, current: own.policy }
      }
    },
    async reload(fresh) {
      if (fresh.policy.hash !== own.policy.hash) {
        // First the record: should the database be away, the next look at the file tries again.
        await putOnRecord(fresh)
        if (!read.get(fresh.policy.hash)) read.set(fresh.policy.hash, fresh.policy)
        own = fresh
      }
      await look(around.db)
    },
  }
}

/** What the record said when we last looked. */
interface Seen {
  readonly seq: number
  readonly state: PolicyState
  /** Hashes of what was active, the newest first. */
  readonly history: readonly string[]
  readonly current: Policy
}

/** Stands for the active policy while none can be read: everybody is unknown, nothing can be asked for. */
function knowsNobody(policy: Policy): Policy {
  return { ...policy, hash: '', people: [], compliance: [], mayFreeze: [], escalateTo: [], groups: {}, targets: {} }
}

/** Every load is a fact. The text goes with it once: it is the same under the same hash. */
function loadedFacts(events: readonly RecordedEvent[], { policy, text }: PolicyText): PolicyFact[] {
  const state = foldPolicies(events)
  const isNew = textOf(events, policy.hash) === null
  const before = state.active === null ? null : textOf(events, state.active)
  return decideLoad(state, policy.hash).map((event): PolicyFact => {
    if (event.type === 'activated') return { type: 'policy.activated', data: { policy: event.hash, by: event.by } }
    const words = isNew ? { text, diff: diffPolicies(before ?? '', text) } : { text: '', diff: '' }
    return {
      type: 'policy.loaded',
      data: { policy: event.hash, before: state.active, host: hostname(), ...words },
    }
  })
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
  return { type: fact.type, data, private: { ...(text !== '' && { text }), ...(diff !== '' && { diff }) } }
}

/** The policy stream, with its texts. A text that was erased, or stands in an earlier load, is empty. */
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

/** Each once, the newest activation first. */
function activations(events: readonly RecordedEvent[]): string[] {
  const activated = events.filter(({ type }) => type === 'policy.activated').map(({ data }) => String(data.policy))
  return [...new Set(activated.reverse())]
}

/** Null when it was never loaded, or erased since. */
export function textOf(events: readonly RecordedEvent[], hash: string): string | null {
  const loaded = events.findLast(
    ({ type, data, texts }) => type === 'policy.loaded' && data.policy === hash && texts.text !== undefined,
  )
  return loaded?.texts.text ?? null
}
