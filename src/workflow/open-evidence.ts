import { inTransaction } from '../db/in-transaction.ts'
import { readEvidenceId, streamOfEvidence } from '../domain/evidence-id.ts'
import { POLICY_STREAM, SYSTEM_STREAM, type SystemFact } from '../domain/house-event.ts'
import { passkeyStream } from '../domain/passkey-event.ts'
import { prunedInWords } from '../domain/pruning-event.ts'
import { streamsAbout } from '../domain/streams-about.ts'
import { hashPolicy } from '../policy/build-policy.ts'
import { quote } from '../policy/fault.ts'
import { buildEvidence, type EvidenceFile, type PlacedEvent } from '../record/evidence.ts'
import { findErasures } from '../record/private-texts.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { claimsPasskey, type PolicyText, parseBody } from '../record/verify.ts'
import type { Witnessed } from '../record/witnessed.ts'
import { findActivations, findNotice, findStarts, findWitnesses } from './find-beside.ts'
import { findPruned } from './keeping-store.ts'
import { NamedActRefused, type NamedSurroundings, performNamed } from './named-act.ts'
import { textOf } from './policy-in-force.ts'

/**
 * The evidence of one grant, one order, one finding or the freezes of one target: everything on record about it, with
 * the proofs and the private texts. That somebody took it out is an event, committed before anything leaves.
 * @param options.sealed resolves when an event is inside a witnessed checkpoint, or rejects when the signal aborts
 * @throws NamedActRefused, and what `buildEvidence` throws
 */
export async function openEvidence(
  around: EvidenceSurroundings,
  { id: typed, by, patienceMs, since = [] }: EvidenceAsked,
): Promise<OpenedEvidence> {
  return performNamed(around, { by, act: 'take out evidence' }, async () => {
    const id = readEvidenceId(typed)
    if (id === null) {
      const forms = 'They look like G-7K3QF2, R-7K3QF2, F-7K3QF2 and freeze:prod-db'
      throw new NamedActRefused(
        'malformed',
        `${quote(typed)} is no id of a grant, an order, a finding or freezes. ${forms}`,
      )
    }
    if ((await endsOf(around, id)).length === 0) {
      const gone = await findPruned(around, around.db, streamOfEvidence(id))
      if (gone !== null) {
        throw new NamedActRefused('pruned', `${id} is not on record any more. ${prunedInWords(gone)}`, { about: id })
      }
      throw new NamedActRefused('unknown-grant', `Nothing is on record about ${id}. ${whereToLook(id)}`, {
        about: id,
      })
    }
    await recordOpening(around, id, by)
    const sealed: Collecting['sealed'] = (stream, seq, forMs) => around.sealed(stream, seq, AbortSignal.timeout(forMs))
    return collectEvidence({ ...around, sealed }, id, { patienceMs, policies: true, since })
  })
}

/**
 * Waits for the witnesses, then builds the file. Only after the opening is on record.
 * @param options.policies whether the texts of the policies that decided go into it, with who put them into force,
 * and the builds that were started: they tell the settings of the house
 * @param options.since sizes of checkpoints that somebody kept: the file proves that it continues them
 * @throws what `buildEvidence` throws
 */
export async function collectEvidence(
  around: Collecting,
  id: string,
  { patienceMs, policies: withPolicies, since = [] }: CollectOptions,
): Promise<OpenedEvidence> {
  const { db, record, witnessed } = around
  const ends = await endsOf(around, id)
  await Promise.allSettled(ends.map(({ stream, seq }) => around.sealed(stream, seq, patienceMs)))
  const streams = ends.map(({ stream }) => stream)
  const beside = async (events: readonly PlacedEvent[]) => {
    const own = events.filter(({ stream }) => stream === streamOfEvidence(id))
    const house = withPolicies && own.length > 0 ? [findStarts(db, own), findActivations(around, own)] : []
    const kept = own.length > 0 ? await findWitnesses(db, own) : []
    return [...(await Promise.all(house)).flat(), ...kept, ...(await findNotice(around, witnessed.origin, own))]
  }
  const proved = await buildEvidence({ record, witnessed }, db, streams, { reveal: true, since, beside })
  const policies = withPolicies ? await policiesOf(around, proved) : []
  const file = policies.length === 0 ? proved : { ...proved, policies }
  return { id, file, missing: missingIn(file, ends) }
}

/** What is recorded about it after its own stream is closed, or beside it, has streams of its own. */
async function endsOf({ db, record }: Reading, id: string): Promise<StreamEnd[]> {
  const own = streamOfEvidence(id)
  const ends: StreamEnd[] = []
  const hands = await passkeysOf({ db, record }, own)
  const about = streamsAbout(own, id)
  const erasures = await findErasures(db, about)
  for (const stream of new Set([...about, ...hands, ...erasures])) {
    const seq = await record.endOf(db, stream)
    if (seq > 0) ends.push({ stream, seq })
  }
  return ends
}

/** Whose passkeys signed here: a verifier must see that they were enrolled before. */
async function passkeysOf({ db, record }: Reading, stream: string): Promise<string[]> {
  const claims = (await record.readStream(db, stream)).filter(claimsPasskey)
  return [...new Set(claims.map(({ data }) => passkeyStream(String(data.by))))]
}

async function recordOpening(around: EvidenceSurroundings, about: string, by: string): Promise<void> {
  await inTransaction(around.db, { timeoutMs: 10_000 }, (tx) =>
    around.record.append(tx, SYSTEM_STREAM, null, [openingFact(by, about)], around.clock.now()),
  )
  around.committed()
}

async function policiesOf(around: Reading, file: EvidenceFile): Promise<PolicyText[]> {
  const named = file.events.map(({ body }) => parseBody(body).data.policy).filter((hash) => typeof hash === 'string')
  return textsOfPolicies(around, new Set(named))
}

/** The texts of the policies that events name, as far as they are still there: their names prove them. */
export async function textsOfPolicies({ db, record }: Reading, named: ReadonlySet<string>): Promise<PolicyText[]> {
  if (named.size === 0) return []
  const loaded = await record.readStream(db, POLICY_STREAM).catch((error: unknown) => {
    // Somebody changed the stream of the policies: what is proved of the grant goes out all the same.
    if (error instanceof RecordTampered) return []
    throw error
  })
  return [...named].flatMap((hash) => {
    const text = textOf(loaded, hash)
    return text !== null && hashPolicy(text) === hash ? [{ hash, text }] : []
  })
}

/** @param via left out where the person was only named, on the command line */
export function openingFact(by: string, about: string, via?: 'chat'): SystemFact {
  return { type: 'evidence.opened', v: 2, data: { by, about, ...(via !== undefined && { via }) } }
}

function missingIn(file: EvidenceFile, ends: readonly StreamEnd[]): MissingPart[] {
  const covered = new Map<string, number>()
  for (const { body } of file.events) {
    const { stream, seq } = parseBody(body)
    covered.set(stream, Math.max(seq, covered.get(stream) ?? 0))
  }
  return ends.flatMap(({ stream, seq }) => {
    const has = covered.get(stream) ?? 0
    return has < seq ? [{ stream, from: has + 1, to: seq }] : []
  })
}

type Reading = Pick<NamedSurroundings, 'db' | 'record'>

/** What evidence is collected with. */
export interface Collecting extends Reading {
  readonly witnessed: Witnessed
  /** Resolves when an event is inside a witnessed checkpoint, or does not after `forMs`. */
  readonly sealed: (stream: string, seq: number, forMs: number) => Promise<void>
}

export interface EvidenceSurroundings extends NamedSurroundings {
  readonly witnessed: Witnessed
  readonly sealed: (stream: string, seq: number, signal: AbortSignal) => Promise<void>
}

export interface EvidenceAsked {
  readonly id: string
  readonly by: string
  /** How long to wait for the witnesses. */
  readonly patienceMs: number
  /** Sizes of checkpoints that somebody kept: the file proves that it continues them. */
  readonly since?: readonly number[]
}

interface CollectOptions {
  readonly patienceMs: number
  readonly policies: boolean
  readonly since?: readonly number[]
}

export interface OpenedEvidence {
  readonly id: string
  readonly file: EvidenceFile
  /** What was on record and is in no witnessed checkpoint yet, so not in the file. */
  readonly missing: readonly MissingPart[]
}

/** Events of a stream by sequence, both ends included. */
export interface MissingPart {
  readonly stream: string
  readonly from: number
  readonly to: number
}

interface StreamEnd {
  readonly stream: string
  readonly seq: number
}

function whereToLook(id: string): string {
  if (id.startsWith('G-')) return 'Look it up with /access mine'
  return id.startsWith('F-') ? 'Look it up with /access findings' : 'Check how it is written'
}
