import type { Db } from '../db/transaction.ts'
import { counted } from '../domain/counted.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import { passkeyStream } from '../domain/passkey-event.ts'
import { PRUNED_STREAM } from '../domain/pruning-event.ts'
import { streamsOfStory } from '../domain/streams-about.ts'
import { readStarts } from './check-before.ts'
import { keysForEvidence, NothingWitnessed, proveContinued } from './evidence.ts'
import { findMembers, type Member, type Selection } from './find-members.ts'
import { findRange, type LeafRange } from './find-range.ts'
import { readPrunedStream } from './pruned.ts'
import { readRange } from './read-range.ts'
import { findLog } from './read-witnessed.ts'
import type { EventRecord } from './record.ts'
import { parseOrNull } from './recorded-event.ts'
import { claimsPasskey, limitOfStart } from './verify.ts'
import { confirmedByAll, type Witnessed, type WitnessedNote } from './witnessed.ts'

/** So many prunings are named. */
const MOST_NAMED = 3
const NO_LIMITS: PopulationLimits = { grants: Infinity, leaves: Infinity }
/** So many streams are asked about at once. */
const STREAMS_AT_ONCE = 1_000

/**
 * Finds all grants and requests of a period under the newest checkpoint that every witness confirmed, and where the events
 * about them stand.
 * @param options.limits for whoever must not take long; left out, there are none
 * @param options.since sizes of earlier checkpoints, to prove that this one continues them
 * @throws NothingWitnessed, PopulationTooLarge, TreeDamaged, WitnessUnreachable, WitnessNoteWrong
 */
export async function planPopulation(
  { record, witnessed }: { readonly record: EventRecord; readonly witnessed: Witnessed },
  db: Db,
  of: Selection,
  { limits = NO_LIMITS, since = [] }: PopulationOptions = {},
): Promise<PopulationPlan> {
  const [notes, log] = await Promise.all([witnessed.newest(), findLog(db, witnessed.origin)])
  const checkpoint = confirmedByAll(notes)
  const size = checkpoint?.checkpoint.size ?? 0
  if (checkpoint === null || size === 0) throw new NothingWitnessed('nothing is inside a witnessed checkpoint yet')
  const range = await findRange(db, log, size, of)
  if (range.end - range.first > limits.leaves) throw new PopulationTooLarge(range.end - range.first, 'events')
  const members: Member[] = []
  let gone = 0
  async function* pages() {
    for await (const page of readRange(record, db, { log, origin: witnessed.origin }, range)) {
      gone += page.filter(({ body }) => body === null).length
      yield page
    }
  }
  for await (const member of findMembers(pages(), of)) {
    members.push(member)
    if (members.length > limits.grants) throw new PopulationTooLarge(members.length, 'grants')
  }
  const streams = members.flatMap(({ stream }) => streamsOfStory(stream, grantOfStream(stream) ?? stream))
  const hands = await passkeysUsed(
    db,
    members.map(({ stream }) => stream),
  )
  const starts = await readStarts(db, log, of.from)
  const leaves = await leavesOf(db, { log, size }, [...streams, ...hands, ...starts.map(({ stream }) => stream)])
  const [keys, consistency] = [
    await keysForEvidence(witnessed, db, log, size),
    await proveContinued(db, log, size, since),
  ]
  return {
    of,
    checkpoint,
    log,
    range,
    members,
    leaves,
    keys,
    consistency,
    limits: [
      ...starts.map(limitOfStart),
      ...(gone === 0 ? [] : [await limitOfPruning(record, db, { origin: witnessed.origin, range, gone })]),
    ],
  }
}

/** Whoever makes the file knows why leaves are withheld: a verifier sees only that they are. */
async function limitOfPruning(
  record: EventRecord,
  db: Db,
  { origin, range, gone }: { origin: string; range: LeafRange; gone: number },
): Promise<string> {
  const { claims } = await readPrunedStream({ record }, db, { stream: PRUNED_STREAM, origin })
  const said = claims.filter(({ runs }) => runs.some(([first, last]) => first < range.end && last >= range.first))
  const which = said.map(({ stream, seq, at }) => `${stream} #${seq} of ${new Date(at).toISOString()}`)
  const more = which.length > MOST_NAMED ? ` and ${which.length - MOST_NAMED} more` : ''
  return `${counted(gone, 'event')} of its range were pruned after their retention, as said by ${which.slice(0, MOST_NAMED).join(', ')}${more}: what was asked for in them is not in this file`
}

/** Whose passkeys signed: a verifier must see that they were enrolled before. */
async function passkeysUsed(db: Db, streams: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  for (const some of inPieces(streams)) {
    const rows = await db<{ body: string }[]>`
      select body from event
      where stream = any(${some}::text[]) and type in ('request.signed', 'extension.signed') and strpos(body, 'passkey') > 0`
    for (const { body } of rows) {
      const event = parseOrNull(body)
      if (event !== null && claimsPasskey(event)) found.add(passkeyStream(String(event.data.by)))
    }
  }
  return [...found]
}

async function leavesOf(db: Db, { log, size }: { log: number; size: number }, streams: readonly string[]) {
  const leaves: number[] = []
  for (const some of inPieces(streams)) {
    const rows = await db<{ leaf: number }[]>`
      select l.leaf_index as leaf
      from unnest(${some}::text[]) as s (stream)
      join event e on e.stream = s.stream
      join leaf l on l.log = ${log} and l.leaf_hash = e.leaf_hash and l.leaf_index >= 0 and l.leaf_index < ${size}`
    for (const { leaf } of rows) leaves.push(leaf)
  }
  return leaves.sort((a, b) => a - b)
}

function* inPieces<T>(all: readonly T[]): Generator<T[]> {
  for (let at = 0; at < all.length; at += STREAMS_AT_ONCE) yield all.slice(at, at + STREAMS_AT_ONCE)
}

/** A population that was looked through, and what goes into its file. Nothing of it is proved before it is written. */
export interface PopulationPlan {
  readonly of: Selection
  readonly checkpoint: WitnessedNote
  /** The number of the tree. */
  readonly log: number
  readonly range: LeafRange
  /** In the order of the log. */
  readonly members: readonly Member[]
  /** Where everything about them stands, rising. */
  readonly leaves: readonly number[]
  /** The key that signed the checkpoint, and how the log came to it. */
  readonly keys: Awaited<ReturnType<typeof keysForEvidence>>
  /** That the checkpoint continues others that somebody kept. */
  readonly consistency: Awaited<ReturnType<typeof proveContinued>>
  /** What the file does not prove, as a verifier will say. */
  readonly limits: readonly string[]
}

interface PopulationOptions {
  readonly limits?: PopulationLimits
  readonly since?: readonly number[]
}

export interface PopulationLimits {
  readonly grants: number
  /** Of the range that is looked through. */
  readonly leaves: number
}

/** There is a way that takes longer. */
export class PopulationTooLarge extends Error {
  readonly code = 'POPULATION_TOO_LARGE'
  override name = 'PopulationTooLarge'
  readonly count: number
  readonly what: 'events' | 'grants'
  constructor(count: number, what: 'events' | 'grants') {
    super(`${count} ${what} or more are too many here`)
    this.count = count
    this.what = what
  }
}
