import type { Db, Tx } from '../db/transaction.ts'
import { readStarts } from './check-before.ts'
import { newestSigned, type SignedNote } from './read-checkpoints.ts'
import type { EventRecord } from './record.ts'
import { type RecordedEvent, RecordTampered } from './recorded-event.ts'
import { readTree } from './tiles.ts'
import { consistencyProof, inclusionProof } from './tree.ts'
import { EVIDENCE_FORMAT, leafHash, type PolicyText, rootFromInclusion, type TreeHead } from './verify.ts'
import { confirmedByAll, type Witnessed } from './witnessed.ts'

/**
 * Streams with the proofs that they are genuine, under a checkpoint that every witness confirmed. Events that no such
 * checkpoint covers yet are left out: the verifier says how far each stream is whole.
 * @param options.reveal whether the private texts that are still there go into the file
 * @param options.since sizes of earlier checkpoints, to prove that this one continues them
 * @throws NothingWitnessed, RecordTampered, TreeDamaged, WitnessUnreachable, WitnessNoteWrong
 */
export async function buildEvidence(
  { record, witnessed }: { record: EventRecord; witnessed: Witnessed },
  db: Db,
  streams: readonly string[],
  { reveal, since: sizes = [], beside }: EvidenceOptions,
): Promise<EvidenceFile> {
  const { log, isPast } = await placeOfLog(db, witnessed.origin)
  const own = await record.readStreams(db, streams)
  const since = Math.min(...[...own.values()].flat().map(({ at }) => at))
  const starts = (await readStarts(db, log, since)).map(({ stream }) => stream)
  const read = new Map([...own, ...(starts.length > 0 ? await record.readStreams(db, starts) : [])])
  const confirmed = confirmedByAll(await witnessed.newest())
  const checkpoint = isPast && confirmed !== null ? await withinLog(db, log, witnessed, confirmed) : confirmed
  const size = checkpoint?.checkpoint.size ?? 0
  const all = [...read.values()]
  const placed = isPast ? await placeIn(db, log, all) : all
  const events = placed.flatMap((stream) => witnessedPart(stream, size))
  if (!checkpoint || !events.some(({ stream }) => streams.includes(stream))) {
    throw new NothingWitnessed(`nothing of ${streams.join(', ')} is inside a witnessed checkpoint yet`)
  }
  events.sort((a, b) => a.leafIndex - b.leafIndex)
  const inclusion = await readTree(db, log, size, (node) =>
    events.map(({ leafIndex }) => base64(inclusionProof(leafIndex, size, node))),
  )
  const consistency = await proveContinued(db, log, size, sizes)
  const singles =
    beside === undefined ? [] : await singlesOf(record, db, { log, ...checkpoint.checkpoint }, events, beside)
  const { verifierKey, handOvers } = await keysForEvidence(witnessed, db, log, size)
  return {
    format: EVIDENCE_FORMAT,
    origin: witnessed.origin,
    verifierKey,
    checkpoint: checkpoint.note,
    events: events.map(({ leafIndex, body }, place) => ({ leafIndex, body, proof: inclusion[place] ?? [] })),
    reveals: reveal ? await revealsOf(db, events) : [],
    ...(consistency.length > 0 && { consistency }),
    ...(handOvers.length > 0 && { handOvers }),
    ...(singles.length > 0 && { singles }),
  }
}

/** That the tree of this size continues those of earlier sizes, where they need a proof. */
export async function proveContinued(
  db: Db | Tx,
  log: number,
  size: number,
  since: readonly number[],
): Promise<Required<EvidenceFile>['consistency']> {
  const sizes = [...new Set(since)].filter((then) => then > 0 && then < size)
  if (sizes.length === 0) return []
  return readTree(db, log, size, (node) =>
    sizes.map((then) => ({ size: then, proof: base64(consistencyProof(then, size, node)) })),
  )
}

/** Those of other streams that are there, genuine and under the checkpoint: none of them keeps the story from going out. */
async function singlesOf(
  record: EventRecord,
  db: Db,
  { log, size, root }: TreeHead & { readonly log: number },
  events: readonly PlacedEvent[],
  beside: NonNullable<EvidenceOptions['beside']>,
): Promise<NonNullable<EvidenceFile['singles']>> {
  const own = new Set(events.map(({ stream }) => stream))
  const places = [...(await placesIn(db, log, await beside(events))).values()].filter((place) => place < size)
  const read = await Promise.all(places.map((place) => record.readLeaves(db, log, [place]).catch(noneIfTampered)))
  const found = read.flat().filter(({ stream }) => !own.has(stream))
  found.sort((a, b) => a.leafIndex - b.leafIndex)
  return readTree(db, log, size, (node) =>
    found.flatMap(({ leafIndex, body }) => {
      const proof = inclusionProof(leafIndex, size, node)
      const isThere = rootFromInclusion(leafHash(body), leafIndex, size, proof)?.equals(root) ?? false
      return isThere ? [{ leafIndex, body, proof: base64(proof) }] : []
    }),
  )
}

function noneIfTampered(error: unknown): [] {
  if (error instanceof RecordTampered) return []
  throw error
}

/** The key that was in force when the log had this size, and how the log came to it. */
export async function keysForEvidence(
  witnessed: Witnessed,
  db: Db | Tx,
  log: number,
  size: number,
): Promise<Pick<EvidenceFile, 'verifierKey'> & Required<Pick<EvidenceFile, 'handOvers'>>> {
  const { keys, handOvers } = await witnessed.keys()
  const before = handOvers.filter(({ leafIndex }) => leafIndex < size)
  const proofs = await readTree(db, log, size, (node) =>
    before.map(({ leafIndex: then }) => (then + 1 === size ? [] : consistencyProof(then + 1, size, node))),
  )
  return {
    verifierKey: keys[before.length]?.vkey ?? witnessed.vkey,
    handOvers: before.map(({ leafIndex, body, proof, checkpoint }, place) => ({
      ...{ leafIndex, body, proof: base64(proof), checkpoint },
      consistency: base64(proofs[place] ?? []),
    })),
  }
}

async function placeOfLog(db: Db, origin: string): Promise<{ log: number; isPast: boolean }> {
  const [row] = await db<{ log: number; isPast: boolean }[]>`
    select id as log, id < (select max(id) from log) as "isPast" from log where origin = ${origin}`
  return row ?? { log: 0, isPast: false }
}

/**
 * Of a log whose end a restore has cut, the newest checkpoint that covers what is left. Its own key signed it, and the
 * witnesses confirmed that log beyond it.
 */
async function withinLog(db: Db, log: number, witnessed: Witnessed, confirmed: SignedNote): Promise<SignedNote | null> {
  const [last] = await db<{ leafIndex: number }[]>`
    select leaf_index as "leafIndex" from leaf where log = ${log} order by leaf_index desc limit 1`
  const size = (last?.leafIndex ?? -1) + 1
  if (confirmed.checkpoint.size <= size) return confirmed
  return newestSigned(db, { log, keys: (await witnessed.keys()).keys, upTo: size })
}

/** The same events at their places in a log that another has followed since. */
async function placeIn(db: Db, log: number, streams: readonly RecordedEvent[][]): Promise<RecordedEvent[][]> {
  const places = await placesIn(
    db,
    log,
    streams.flat().map(({ hash }) => hash),
  )
  return streams.map((events) => events.map((event) => ({ ...event, leafIndex: places.get(event.hash) ?? null })))
}

/** By leaf hash, in hex. */
async function placesIn(db: Db, log: number, hashes: readonly string[]): Promise<Map<string, number>> {
  const rows = await db<{ hash: string; leafIndex: number }[]>`
    select encode(leaf_hash, 'hex') as hash, leaf_index as "leafIndex" from leaf
    where log = ${log} and leaf_index >= 0 and leaf_hash in (
      select decode(h.hash, 'hex') from unnest(${[...hashes]}::text[]) as h (hash))`
  return new Map(rows.map(({ hash, leafIndex }) => [hash, leafIndex]))
}

function witnessedPart(events: readonly RecordedEvent[], size: number): PlacedEvent[] {
  const end = events.findIndex(({ leafIndex }) => leafIndex === null || leafIndex >= size)
  return (end < 0 ? events : events.slice(0, end)) as PlacedEvent[]
}

async function revealsOf(db: Db, events: readonly PlacedEvent[]): Promise<EvidenceFile['reveals']> {
  const byHash = new Map(events.map((event) => [event.hash, event]))
  const rows = await db<{ hash: string; path: string; salt: string }[]>`
    select encode(p.leaf_hash, 'hex') as hash, p.path, encode(p.salt, 'hex') as salt
    from unnest(${[...byHash.keys()]}::text[]) as e (hash)
    join private_text p on p.leaf_hash = decode(e.hash, 'hex')`
  const reveals = rows.flatMap(({ hash, path, salt }) => {
    const event = byHash.get(hash)
    const value = event?.texts[path]
    return event && value !== undefined ? [{ leafIndex: event.leafIndex, path, salt, value }] : []
  })
  return reveals.sort((a, b) => a.leafIndex - b.leafIndex || (a.path < b.path ? -1 : 1))
}

function base64(proof: readonly Buffer[]): string[] {
  return proof.map((hash) => hash.toString('base64'))
}

export type PlacedEvent = RecordedEvent & { readonly leafIndex: number }

export interface EvidenceOptions {
  readonly reveal: boolean
  readonly since?: readonly number[]
  /** Finds events of other streams that belong beside these: their leaf hashes, in hex. */
  readonly beside?: (events: readonly PlacedEvent[]) => Promise<readonly string[]>
}

/** What `verifyEvidence` checks, as JSON. */
export interface EvidenceFile {
  readonly format: typeof EVIDENCE_FORMAT
  readonly origin: string
  /** For the reader's convenience: a key inside the file proves nothing. */
  readonly verifierKey: string
  readonly checkpoint: string
  readonly events: readonly { readonly leafIndex: number; readonly body: string; readonly proof: readonly string[] }[]
  readonly reveals: readonly {
    readonly leafIndex: number
    readonly path: string
    readonly salt: string
    readonly value: string
  }[]
  readonly consistency?: readonly { readonly size: number; readonly proof: readonly string[] }[]
  /** How the log came to its key, from its first one. */
  readonly handOvers?: readonly {
    readonly leafIndex: number
    readonly body: string
    readonly proof: readonly string[]
    readonly checkpoint: string
    readonly consistency: readonly string[]
  }[]
  /** Events of other streams, each by itself. */
  readonly singles?: EvidenceFile['events']
  /** Texts of policies that the events name. */
  readonly policies?: readonly PolicyText[]
}

export class NothingWitnessed extends Error {
  readonly code = 'NOTHING_WITNESSED'
  override name = 'NothingWitnessed'
}
