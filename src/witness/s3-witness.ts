import type { Clock } from '../ports/clock.ts'
import { type Witness, type WitnessLook, WitnessRefused, WitnessUnreachable } from '../ports/witness.ts'
import type { LogSource } from '../record/log-source.ts'
import type { StaticFile, TileGrowth } from '../record/tlog-tiles.ts'
import { type Checkpoint, parseCheckpoint, parseNote, Refused } from '../record/verify.ts'
import { type Bucket, BucketFailed, type Protection, type StoredObject } from './bucket.ts'
import { checkpointName, folderOf, handOverName } from './bucket-names.ts'
import { checkpointsAbove, findNewest, type KeptCheckpoint } from './find-newest.ts'
import { judgeBucket } from './judge-bucket.ts'

const AT_ONCE = 8
const PROTECTION_MS = 5 * 60_000
/** Past a quarter of an hour S3 refuses requests; a minute is already more than clocks that are looked after have. */
const MOST_SKEW_MS = 60_000
const NOTE = 'text/plain; charset=utf-8'
const BYTES = 'application/octet-stream'

/**
 * Keeps the log and its checkpoints in a bucket, as C2SP tlog-tiles lays them out. A checkpoint is confirmed when
 * everything that it covers, and then the checkpoint itself, lies there: with object lock in compliance mode nobody can
 * take it away before its time, whoever runs Countersign or the bucket. What is confirmed continues the largest
 * checkpoint that was there, leaf by leaf.
 */
export function createS3Witness(options: S3WitnessOptions): Witness {
  const { name, bucket, prefix, administeredBy, retentionMs, log, clock, onNotice } = options
  const places = new Map<string, Place>()
  let strength: Witness['strength'] = 'weak'
  let protection: { readonly is: Protection; readonly at: number } | null = null
  let last: Promise<unknown> = Promise.resolve()
  let skewTold = false

  /** One checkpoint at a time within the process; a failure before does not matter. */
  function next<T>(task: () => Promise<T>): Promise<T> {
    const turn = last.then(task, task)
    last = turn.catch(() => {})
    return turn
  }

  async function add(note: string): Promise<void> {
    const kept = parseKept(note)
    const place = placeOf(kept.origin)
    const { folder } = place
    // Taken out while it grows: what a failure leaves half done is read anew.
    const { head, growth } = place
    place.head = null
    place.growth = null
    const before = head ?? (await readHead(place))
    if (before && refuseContradiction(kept, before.checkpoint) === 'same') {
      if (head === null) await repairPointer(folder, kept)
      await putHandOver(folder, kept)
      place.head = before
      place.growth = growth
      return
    }
    const proved = growth ?? (await provedGrowth(kept.origin, before?.checkpoint ?? null))
    const grown = await grow(folder, proved, kept)
    await putCheckpoint(folder, kept)
    await putHandOver(folder, kept)
    await meetOthers(place, before?.checkpoint.size ?? -1, kept)
    await point(folder, kept)
    place.head = kept
    place.growth = grown
    place.newest = kept.checkpoint.size
  }

  /** What readers of C2SP tlog-tiles start from. It is written over, so nothing here rests on it. */
  async function point(folder: string, { note }: Kept): Promise<void> {
    await bucket.put(`${folder}checkpoint`, Buffer.from(note, 'utf8'), await writing(NOTE))
  }

  /** Whoever put the newest checkpoint may have died before the last step. */
  async function repairPointer(folder: string, kept: Kept): Promise<void> {
    const there = await bucket.read(`${folder}checkpoint`)
    if (there === null || textOf(there) !== kept.note) await point(folder, kept)
  }

  async function readHead(place: Place): Promise<Kept | null> {
    const newest = await newestOf(place)
    if (newest === null) return null
    try {
      return parseKept(await readNote(newest))
    } catch (cause) {
      if (!(cause instanceof Refused)) throw cause
      throw new WitnessRefused(`${newest.key} in bucket ${bucket.name} is no checkpoint: ${cause.message}`, { cause })
    }
  }

  /** The log in the database as it was at the checkpoint that the bucket holds: the same, or it is another log. */
  async function provedGrowth(origin: string, before: Checkpoint | null): Promise<TileGrowth> {
    const growth = await log.growthAt(origin, before?.size ?? 0)
    if (before && !growth.root().equals(before.root)) {
      throw new WitnessRefused(`the first ${before.size} events of ${origin} are not those that it holds`)
    }
    return growth
  }

  /** Brings what is between. Nothing is written before the database's own tree has led to the checkpoint. */
  async function grow(folder: string, growth: TileGrowth, { origin, checkpoint }: Kept): Promise<TileGrowth> {
    if (!(await log.rootAt(origin, checkpoint.size)).equals(checkpoint.root)) {
      throw new WitnessRefused(`the first ${checkpoint.size} events of ${origin} are not those of the checkpoint`)
    }
    for await (const entries of log.entries(origin, growth.size(), checkpoint.size)) {
      await layAll(
        folder,
        entries.flatMap(({ bytes, leaf }) => growth.add(bytes, leaf)),
      )
    }
    if (!growth.root().equals(checkpoint.root)) {
      throw new WitnessRefused(`the events of ${origin} do not lead to the checkpoint of ${checkpoint.size}`)
    }
    await layAll(folder, growth.takeEdge())
    return growth
  }

  async function layAll(folder: string, files: readonly StaticFile[]): Promise<void> {
    for (let at = 0; at < files.length; at += AT_ONCE) {
      const results = await Promise.allSettled(files.slice(at, at + AT_ONCE).map((file) => lay(folder, file)))
      for (const result of results) if (result.status === 'rejected') throw result.reason
    }
  }

  async function lay(folder: string, { path, bytes }: StaticFile): Promise<void> {
    const key = `${folder}${path}`
    if (await bucket.add(key, bytes, await writing(BYTES))) return
    const there = await bucket.read(key)
    if (there?.bytes.equals(bytes)) return
    // No checkpoint covers what lay there: this file reaches beyond all of them.
    await bucket.put(key, bytes, await writing(BYTES))
    onNotice({ what: 'witness-object-replaced', detail: `${name}: ${key} held something else, under no checkpoint` })
  }

  async function putCheckpoint(folder: string, { note, checkpoint }: Kept): Promise<void> {
    const key = `${folder}${checkpointName(checkpoint.size)}`
    if (await bucket.add(key, Buffer.from(note, 'utf8'), await writing(NOTE))) return
    const there = await bucket.read(key)
    if (there === null)
      throw new BucketFailed(`cannot write ${key} to bucket ${bucket.name}: it is neither there nor free`)
    if (!sayTheSame(textOf(there), checkpoint)) throw new WitnessRefused(`it holds another ${key}`)
  }

  /** Who reads the log from the beginning, or from its end, must know first which key signed what. */
  async function putHandOver(folder: string, { note, origin, checkpoint }: Kept): Promise<void> {
    const signed = parseNote(note).signatures.filter(({ name }) => name === origin)
    if (signed.length < 2) return
    await bucket.add(`${folder}${handOverName(checkpoint.size)}`, Buffer.from(note, 'utf8'), await writing(NOTE))
  }

  /**
   * Whoever put a checkpoint at the same time must have put one of the same log: of two that both look after they have
   * written, one at least sees the other.
   */
  async function meetOthers({ folder }: Place, above: number, { origin, checkpoint }: Kept): Promise<void> {
    for await (const other of checkpointsAbove(bucket, folder, above)) {
      if (other.size === checkpoint.size) {
        // Not every server heeds a condition where versions are kept: the one that was there first counts.
        const isOurs = other.versions.length === 1 || sayTheSame(await readNote(other), checkpoint)
        if (!isOurs) throw new WitnessRefused(`it holds another ${other.key}`)
        continue
      }
      if (other.size > checkpoint.size) {
        throw new WitnessRefused(`it holds a checkpoint of ${origin} of size ${other.size}, which came meanwhile`)
      }
      const root = await log.rootAt(origin, other.size)
      if (!sayTheSame(await readNote(other), { origin, size: other.size, root })) {
        throw new WitnessRefused(`it holds a checkpoint of ${origin} of size ${other.size} that is of another log`)
      }
    }
  }

  async function newestOf(place: Place): Promise<KeptCheckpoint | null> {
    const known = place.newest
    const found = await findNewest(bucket, place.folder, known)
    // Without versions something can really be taken away.
    const newest = found === null && known >= 0 ? await findNewest(bucket, place.folder) : found
    place.newest = newest?.size ?? -1
    return newest
  }

  async function readFirst({ key, first }: KeptCheckpoint): Promise<StoredObject> {
    const object = await bucket.read(key, first.version)
    if (object === null) throw new BucketFailed(`${key} is listed in bucket ${bucket.name}, and cannot be read`)
    return object
  }

  async function readNote(kept: KeptCheckpoint): Promise<string> {
    return textOf(await readFirst(kept))
  }

  async function writing(contentType: string) {
    const { lock } = await currentProtection()
    tellSkew()
    return { contentType, lockedUntil: lock ? clock.now() + retentionMs : null }
  }

  async function currentProtection(): Promise<Protection> {
    const now = clock.now()
    if (protection === null || now - protection.at > PROTECTION_MS)
      protection = { is: await bucket.protection(), at: now }
    return protection.is
  }

  function tellSkew(): void {
    const fault = skewFault()
    if (fault !== null && !skewTold) onNotice({ what: 'witness-clock', detail: `${name}: ${fault}` })
    skewTold = fault !== null
  }

  function skewFault(): string | null {
    const seen = bucket.clock()
    const skew = seen === null ? 0 : seen.theirs - seen.ours
    if (Math.abs(skew) <= MOST_SKEW_MS) return null
    return `its clock is ${Math.round(Math.abs(skew) / 1000)} s ${skew > 0 ? 'ahead of' : 'behind'} ours`
  }

  async function look(origin: string): Promise<WitnessLook> {
    const [seen, kept] = await Promise.all([bucket.protection(), newestOf(placeOf(origin))])
    protection = { is: seen, at: clock.now() }
    const newest = kept && { kept, object: await readFirst(kept) }
    const worth = judgeBucket({ protection: seen, newest, clockFault: skewFault(), retentionMs })
    strength = worth.strength
    return worth
  }

  function placeOf(origin: string): Place {
    const place = places.get(origin) ?? { folder: folderOf(prefix, origin), head: null, growth: null, newest: -1 }
    places.set(origin, place)
    return place
  }

  return {
    name,
    get strength() {
      return strength
    },
    administeredBy,
    lockMs: retentionMs,
    keep: (note) => next(() => reachable(() => add(note))),
    newest: (origin) =>
      reachable(async () => {
        const newest = await newestOf(placeOf(origin))
        return newest && (await readNote(newest))
      }),
    look: (origin) => reachable(() => look(origin)),
    clock: () => bucket.clock(),
  }
}

function parseKept(note: string): Kept {
  const checkpoint = parseCheckpoint(parseNote(note).text)
  return { note, origin: checkpoint.origin, checkpoint }
}

function refuseContradiction({ origin, checkpoint }: Kept, before: Checkpoint): 'same' | 'larger' {
  if (checkpoint.size > before.size) return 'larger'
  if (checkpoint.size === before.size && checkpoint.root.equals(before.root)) return 'same'
  const what = checkpoint.size < before.size ? 'a smaller one' : 'another one of that size'
  throw new WitnessRefused(`it holds a checkpoint of ${origin} of size ${before.size}; ${what} cannot follow`)
}

function sayTheSame(note: string, expected: Checkpoint): boolean {
  try {
    const { origin, size, root } = parseCheckpoint(parseNote(note).text)
    return origin === expected.origin && size === expected.size && root.equals(expected.root)
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

function textOf({ bytes }: StoredObject): string {
  return bytes.toString('utf8')
}

async function reachable<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (!(cause instanceof BucketFailed)) throw cause
    throw new WitnessUnreachable(cause.message, { cause })
  }
}

/** A checkpoint that lies in the bucket, and what grew up to it. */
interface Place {
  readonly folder: string
  head: Kept | null
  growth: TileGrowth | null
  /** Size of the newest that was seen; -1 for none. Where a search starts, and nothing else. */
  newest: number
}

interface Kept {
  readonly note: string
  readonly origin: string
  readonly checkpoint: Checkpoint
}

/** What a person should see to. */
export interface WitnessNotice {
  readonly what: 'witness-clock' | 'witness-object-replaced'
  readonly detail: string
}

export interface S3WitnessOptions {
  readonly name: string
  readonly bucket: Bucket
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string
  readonly administeredBy: string
  /** How long what is written stays locked. */
  readonly retentionMs: number
  readonly log: LogSource
  readonly clock: Pick<Clock, 'now'>
  onNotice(notice: WitnessNotice): void
}
