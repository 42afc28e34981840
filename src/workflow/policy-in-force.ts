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
import { WitnessUnreachable } from '../ports/witness.ts'
import { StreamConflict } from '../record/append.ts'
import type { Draft } from '../record/compose.ts'
import { hasLeaves } from '../record/find-streams.ts'
import { readWitnessed } from '../record/read-witnessed.ts'
import type { EventRecord } from '../record/record.ts'
import { type RecordedEvent, RecordTampered } from '../record/recorded-event.ts'
import { type Witnessed, WitnessNoteWrong } from '../record/witnessed.ts'

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
  /** Who put what into force, the newest first; null for a policy that cannot be read any more. The same until more comes. */
  activations(): readonly { readonly policy: Policy | null; readonly by: string | null }[]
  /** What decisions go by: looks at the record, and refuses where our file is not the active policy. */
  inForce(db: Db | Tx): Promise<Policy | Refused>
  /** What an access is given by: as `inForce`, and a witness could say that the record of the policies is whole. */
  provedInForce(db: Db): Promise<Policy | Refused>
  /** Of our file. */
  ownHash(): string
  /**
   * Proves with the witnesses that nobody cut the stream while no process ran, then puts our text on the record; the
   * first policy ever activates itself. Until it is proved, people decide by what the record says, nothing is given by
   * it, and nothing is appended to it: `reload` and `provedInForce` try again.
   */
  load(): Promise<void>
  /**
   * Takes a file that was read again: once it is on the record, decisions are held until it is activated.
   * @throws RecordTampered, WitnessUnreachable, WitnessNoteWrong
   */
  reload(fresh: PolicyText): Promise<void>
}

export interface PolicySurroundings {
  readonly db: Db
  readonly record: EventRecord
  readonly witnessed: Witnessed
  readonly clock: Clock
  /** After a load or an activation: announces it, and wakes the sealer. */
  readonly changed: (tx: Tx) => Promise<void>
  readonly committed: () => void
}

/** Nobody may append to a stream that was cut: what was seen stays. @throws RecordTampered */
function mustReach(events: readonly RecordedEvent[], seq: number): void {
  if (events.length < seq) throw new RecordTampered(POLICY_STREAM, seq, 'it ends before an event that was seen')
}

/** Of N processes that load at once, one is last: each conflict is somebody else's success. */
const LOAD_ATTEMPTS = 50

export function createPolicyInForce(
  initial: PolicyText,
  around: PolicySurroundings & {
    /** The stream was changed, or no witness could say that it was not: nothing is given. */
    readonly onUnproved: (error: Error) => void
  },
): PolicyInForce {
  let own = initial
  let isProved = false
  let isOnRecord = false
  let seen: Seen = { seq: 0, state: NO_POLICY_YET, history: [], activations: [], current: knowsNobody(initial.policy) }
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
    if (events.length < seen.seq) mustReach(await around.record.readStream(db, POLICY_STREAM), seen.seq)
    if (events.length <= seen.seq) return
    const history = activations(events)
    for (const hash of history) {
      const text = textOf(events, hash)
      if (text !== null) texts.set(hash, text)
    }
    const [current] = everActive(history)
    const activated = events.flatMap(({ type, data }) => {
      if (type !== 'policy.activated') return []
      return [{ policy: policyOf(String(data.policy)), by: typeof data.by === 'string' ? data.by : null }]
    })
    seen = {
      ...{ seq: events.length, state: foldPolicies(events), history, activations: activated.reverse() },
      current: current ?? seen.current,
    }
  }

  /**
   * Else who deletes the newest activation while nothing runs would bring back a policy that asked for less. Before
   * anything is added, for an event in its place would hide that one is gone.
   */
  async function prove(): Promise<boolean> {
    if (isProved) return true
    try {
      await provePolicies(around, around.db)
      await look(around.db)
      isProved = true
    } catch (error) {
      const isExpected = [RecordTampered, WitnessNoteWrong, WitnessUnreachable].some((one) => error instanceof one)
      if (!isExpected || !(error instanceof Error)) throw error
      around.onUnproved(error)
    }
    return isProved
  }

  async function putOnRecord(fresh: PolicyText): Promise<void> {
    for (let tried = 1; ; tried++) {
      try {
        await inTransaction(around.db, { timeoutMs: 10_000 }, async (tx) => {
          const events = await around.record.readStream(tx, POLICY_STREAM)
          mustReach(events, seen.seq)
          // The first policy activates itself, on an empty record alone: else who deletes the stream could put in any.
          if (foldPolicies(events).active === null && (await hasLeaves(tx))) {
            throw new RecordTampered(POLICY_STREAM, null, 'there is a record, and no policy was ever activated on it')
          }
          await appendPolicyFacts(around, tx, events.length, loadedFacts(events, fresh))
        })
        isOnRecord = true
        break
      } catch (error) {
        if (!(error instanceof StreamConflict) || tried === LOAD_ATTEMPTS) throw error
      }
    }
    around.committed()
  }

  async function inForce(db: Db | Tx): Promise<Policy | Refused> {
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
  }

  return {
    current: () => seen.current,
    *everActive() {
      const readable = [...everActive()]
      yield* readable.length > 0 ? readable : [own.policy]
    },
    activations: () => seen.activations,
    isFromRecord: () => seen.seq > 0,
    ownHash: () => own.policy.hash,
    inForce,
    async provedInForce(db) {
      return (await prove()) ? inForce(db) : refuse({ code: 'policy-unproved' })
    },
    async load() {
      try {
        if (await prove()) await putOnRecord(own)
        await look(around.db)
      } catch (error) {
        // A stream that was changed holds decisions, as `inForce` finds. It stops no process: somebody has to revoke.
        if (!(error instanceof RecordTampered)) throw error
      }
      if (seen.seq === 0) seen = { ...seen, current: own.policy }
    },
    async reload(fresh) {
      if ((await prove()) && (fresh.policy.hash !== own.policy.hash || !isOnRecord)) {
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
  readonly activations: ReturnType<PolicyInForce['activations']>
  readonly current: Policy
}

/** Stands for the active policy while none can be read: everybody is unknown, nothing can be asked for. */
function knowsNobody(policy: Policy): Policy {
  return {
    ...policy,
    hash: '',
    people: [],
    machines: [],
    compliance: [],
    mayFreeze: [],
    keepers: [],
    escalateTo: [],
    groups: {},
    targets: {},
  }
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

/**
 * Whoever appends to the policies' stream proves first that no event of it was deleted.
 * @throws RecordTampered, WitnessUnreachable, WitnessNoteWrong
 */
export async function provePolicies(around: Pick<PolicySurroundings, 'record' | 'witnessed'>, db: Db | Tx) {
  await readWitnessed(around, db, POLICY_STREAM, 'last')
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
