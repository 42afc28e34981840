import type { Db, Tx } from '../db/transaction.ts'
import { type ChainSum, createChainSum } from './chain-sum.ts'
import { createEventCheck } from './check-event.ts'
import { addTexts } from './check-texts.ts'
import type { Difference, DifferenceKind } from './log-difference.ts'
import type { MacKeys } from './mac-keys.ts'
import { isPruned, type Pruned } from './pruned.ts'
import { readCheckpoints, type SignedHead } from './read-checkpoints.ts'
import { type CopiedEvent, copyBareLeaves, copyRows, selectLeaves, selectPending, selectPlaces } from './read-leaves.ts'
import type { KeySpan } from './verify.ts'

export const HASH_BYTES = 32
export const TILE_WIDTH = 256
const MOST_DIFFERENCES = 1_000

/**
 * Checks the leaves [from, to) of a log by themselves: each with its event, body, MAC and columns; the links between
 * events of one stream; the tiles of level 0; the checkpoints that end here. What must be seen in the whole, the tree
 * and the ends of chains, goes out as hashes.
 * @param to null for all that there are
 */
export async function checkLeaves(db: Db | Tx, task: LeafTask, { from, to }: LeafRange): Promise<CheckedLeaves> {
  const { log, macKeys, keys } = task
  const differences = createDifferences()
  const chains = createChains(createChainSum(task.chainKey))
  const faultIn = createEventCheck(macKeys, 'different')
  let events = 0

  function checkEvent(event: CopiedEvent, leaf: string, leafIndex: number): void {
    events++
    const fault = faultIn(event, leaf, leafIndex)
    if (fault) differences.found(fault.what, `${event.stream} #${event.seq}, leaf ${leafIndex}`, fault.column)
    chains.follow(event, leaf)
  }

  function missing(leafIndex: number): void {
    if (!isPruned(task.pruned, leafIndex)) differences.found('event-missing', `leaf ${leafIndex}`)
  }

  const read = createLeafReading(from, differences)
  const places = to === null ? null : await findPlaces(db, log, from, to)
  if (to === null || places === null) {
    await copyRows(db, selectLeaves(log, from, to, null), ({ leafIndex, leaf, event }) => {
      // One that stands there twice is named where all are counted.
      if (!read.add(leafIndex, leaf)) return
      if (event === null) missing(leafIndex)
      else checkEvent(event, leaf, leafIndex)
    })
  } else {
    const left = new Map<string, number>()
    await copyBareLeaves(db, { log, from, to }, (leafIndex, leaf) => {
      if (read.add(leafIndex, leaf)) left.set(leaf, leafIndex)
    })
    await copyRows(db, selectPlaces(places.first, places.last), ({ leaf, event }) => {
      const leafIndex = left.get(leaf)
      if (leafIndex === undefined || event === null) return
      left.delete(leaf)
      checkEvent(event, leaf, leafIndex)
    })
    // What lies elsewhere in the table is looked up by index: nothing rests on where it lies.
    for (const some of inPieces([...left.values()], LOOKED_UP_AT_ONCE)) {
      await copyRows(db, selectLeaves(log, from, to, some), ({ leafIndex, leaf, event }) => {
        if (event === null) missing(leafIndex)
        else checkEvent(event, leaf, leafIndex)
      })
    }
  }
  const { leaves, isWhole, next } = read.end(to)
  if (isWhole) await compareTiles(db, log, from, leaves, differences)
  const span = { log, keys, after: from === 0 ? -1 : from, upTo: to }
  const checkpoints = await readCheckpoints(db, span, differences.found)
  return { from, next, leaves, isWhole, events, ...chains.close(), checkpoints, differences: differences.list }
}

/** Takes leaves in their order and names those that are not there. */
function createLeafReading(from: number, differences: Differences) {
  const hashes = createHashes()
  let next = from
  let isWhole = true
  const skipTo = (index: number) => {
    if (index <= next) return
    isWhole = false
    differences.found('leaf-missing', next === index - 1 ? `leaf ${next}` : `leaf ${next} to ${index - 1}`)
  }
  return {
    /** @returns false for one that came before */
    add(leafIndex: number, leaf: string): boolean {
      if (leafIndex < next) return false
      skipTo(leafIndex)
      next = leafIndex + 1
      hashes.add(leaf)
      return true
    },
    end(to: number | null) {
      if (to !== null) skipTo(to)
      return { leaves: hashes.taken(), isWhole, next: to ?? next }
    },
  }
}

/**
 * Where in the table the events of these leaves lie, by a sample: events are written and sealed in nearly the same order,
 * and reading a table as it lies costs a quarter of looking up each row. Null when they lie too far apart for that.
 */
async function findPlaces(db: Db | Tx, log: number, from: number, to: number) {
  const step = Math.max(1, Math.floor((to - from) / SAMPLE))
  const sample = Array.from({ length: SAMPLE + 1 }, (_, n) => Math.min(to - 1, from + n * step))
  const [row] = await db<{ first: string | null; last: string | null; rows: number }[]>`
    select min(e.ctid)::text as first, max(e.ctid)::text as last,
      (select coalesce(max(reltuples / nullif(relpages, 0)), 0)::float8 from pg_class where oid = 'event'::regclass) as rows
    from leaf l join event e on e.leaf_hash = l.leaf_hash
    where l.log = ${log} and l.leaf_index = any(${sample}::bigint[])`
  if (row?.first == null || row.last === null) return null
  const between = blockOf(row.last) - blockOf(row.first)
  if (between * Math.max(row.rows, FEWEST_IN_BLOCK) > MOST_READ_IN_VAIN * (to - from)) return null
  return { first: `(${Math.max(0, blockOf(row.first) - 1)},0)`, last: `(${blockOf(row.last) + 1},65535)` }
}

function blockOf(ctid: string): number {
  return Number(/^\((\d+),/.exec(ctid)?.[1])
}

function* inPieces<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size)
}

const SAMPLE = 32
const FEWEST_IN_BLOCK = 8
const MOST_READ_IN_VAIN = 3
const LOOKED_UP_AT_ONCE = 2_000

/** The events that wait for the sealer: none of their business but their own, and the ends of their chains. */
export async function checkPending(db: Db | Tx, { log, macKeys, chainKey }: LeafTask): Promise<CheckedEvents> {
  const differences = createDifferences()
  const chains = createChains(createChainSum(chainKey))
  const faultIn = createEventCheck(macKeys, 'each')
  let events = 0
  await copyRows(db, selectPending(log), ({ leaf, event }) => {
    if (event === null) return
    events++
    const fault = faultIn(event, leaf)
    if (fault) differences.found(fault.what, `${event.stream} #${event.seq}, under no leaf`, fault.column)
    chains.follow(event, leaf)
  })
  return { events, ...chains.close(), differences: differences.list }
}

/**
 * Follows the streams from event to event. What one range of leaves cannot see, the event before the first of a stream
 * and the one after its last, is left to the sum, as are the texts that events have kept apart. Memory: one entry for each stream in the range.
 */
function createChains(sum: ChainSum) {
  const last = new Map<string, { seq: number; leaf: string }>()
  let isBroken = false
  return {
    follow({ stream, seq, prev, leafInput }: CopiedEvent, leaf: string): void {
      addTexts(sum, leafInput, leaf)
      const before = last.get(stream)
      if (before) {
        if (before.seq + 1 === seq && before.leaf === prev) {
          before.seq = seq
          before.leaf = leaf
          return
        }
        sum.add(stream, before.seq, before.leaf)
      }
      if ((seq === 1) !== (prev === null)) isBroken = true
      if (prev !== null) sum.subtract(stream, seq - 1, prev)
      last.set(stream, { seq, leaf })
    },
    close(): { chains: string; isBroken: boolean } {
      for (const [stream, { seq, leaf }] of last) sum.add(stream, seq, leaf)
      return { chains: sum.value(), isBroken }
    },
  }
}

async function compareTiles(db: Db | Tx, log: number, from: number, leaves: Buffer, differences: Differences) {
  const width = TILE_WIDTH * HASH_BYTES
  const [first, count] = [from / TILE_WIDTH, Math.floor(leaves.length / width)]
  const held = new Map<number, Buffer>()
  // One after the other: a hundred tiles are not much, but nobody says how long a range is.
  for (let tile = first; tile < first + count; tile += TILES_AT_ONCE) {
    held.clear()
    const upTo = Math.min(first + count, tile + TILES_AT_ONCE)
    for (const { tileIndex, hashes } of await db<{ tileIndex: number; hashes: Buffer }[]>`
      select tile_index as "tileIndex", hashes from tile
      where log = ${log} and level = 0 and tile_index >= ${tile} and tile_index < ${upTo}`)
      held.set(tileIndex, hashes)
    for (let index = tile; index < upTo; index++) {
      const place = (index - first) * width
      if (!held.get(index)?.equals(leaves.subarray(place, place + width)))
        differences.found('tile-differs', `tile 0/${index}, leaf ${index * TILE_WIDTH}`)
    }
  }
}

const TILES_AT_ONCE = 64

/** Hashes one after the other, in a buffer that grows by doubling. */
function createHashes() {
  let bytes = Buffer.allocUnsafeSlow(TILE_WIDTH * HASH_BYTES)
  let length = 0
  return {
    add(leaf: string): void {
      if (length === bytes.length) bytes = Buffer.concat([bytes, Buffer.allocUnsafeSlow(bytes.length)])
      bytes.write(leaf, length, HASH_BYTES, 'latin1')
      length += HASH_BYTES
    },
    taken: () => bytes.subarray(0, length),
  }
}

function createDifferences(): Differences {
  const list: Found[] = []
  return {
    list,
    found(what, where, column) {
      if (list.length < MOST_DIFFERENCES) list.push({ what, where, ...(column !== undefined && { column }) })
    },
  }
}

interface Differences {
  readonly list: Found[]
  found(what: DifferenceKind, where: string, column?: string): void
}

type Found = Omit<Difference, 'since'>

/** The same for every range. */
export interface LeafTask {
  readonly log: number
  readonly macKeys: MacKeys
  readonly keys: readonly KeySpan[]
  readonly chainKey: string
  /** Of which no event is asked for. */
  readonly pruned: Pick<Pruned, 'runs'>
}

export interface LeafRange {
  /** A multiple of 256. */
  readonly from: number
  readonly to: number | null
}

interface CheckedEvents {
  readonly events: number
  /** What is left of the sum over chains. */
  readonly chains: string
  /** An event is the first of its stream by its number or by what it follows, and not by both. */
  readonly isBroken: boolean
  readonly differences: readonly Found[]
}

export interface CheckedLeaves extends CheckedEvents {
  readonly from: number
  /** The leaf index where what follows begins. */
  readonly next: number
  /** The hashes, one after the other. */
  readonly leaves: Buffer
  /** False when a leaf is missing: then no root can be right. */
  readonly isWhole: boolean
  /** Ours, by rising size, of the sizes (from, from + leaves]. */
  readonly checkpoints: readonly SignedHead[]
}
