import { SYSTEM_STREAM } from '../domain/house-event.ts'
import { findEarlyPruning } from '../record/check-pruned.ts'
import { addUpPruned, type ClaimingEvent, isPruned, PRUNED } from '../record/pruned.ts'
import { TILE_WIDTH, tilePath } from '../record/tlog-tiles.ts'
import { parseBody } from '../record/verify.ts'
import type { FoundInBucket } from './bucket-difference.ts'

const SAYS_PRUNED = Buffer.from(`"type":"${PRUNED}"`)
const IS_OWN = Buffer.from(`"stream":"${SYSTEM_STREAM}"`)
const HOUR_MS = 60 * 60_000

/**
 * Tells what was pruned from what is missing. The events that say what was pruned come after it in the log, so what a
 * bucket lacks is judged at the end. They are ours, for they lie under our checkpoints: of an entry that another one
 * contradicts nothing is taken.
 */
export function followPruning(folder: string, origin: string): PruningFollowed {
  const claims: ClaimingEvent[] = []
  const marks: { at: number; leafIndex: number }[] = []
  const missing: (readonly [number, number])[] = []
  const deleted: { readonly key: string; readonly at: number | null }[] = []

  return {
    see(leafIndex, entry) {
      if (!entry.includes(SAYS_PRUNED) && !entry.includes(IS_OWN)) return
      const body = parseBody(entry.toString('utf8'))
      if (body.type === PRUNED) claims.push(body)
      // Of those of one hour the first says all.
      else if (body.stream === SYSTEM_STREAM && body.at > (marks.at(-1)?.at ?? 0) + HOUR_MS) {
        marks.push({ at: body.at, leafIndex })
      }
    },
    missing: (first, last) => void missing.push([first, last]),
    deleted: (key, at) => void deleted.push({ key, at }),
    end(found) {
      const pruned = addUpPruned(claims, origin)
      for (const { where, at } of findEarlyPruning(pruned.claims, marks)) found('pruned-early', where, at)
      const unexplained: [number, number][] = []
      let gone = 0
      for (const [first, last] of missing) {
        for (let leaf = first; leaf <= last; leaf++) {
          const before = unexplained.at(-1)
          if (isPruned(pruned, leaf)) gone++
          else if (before && before[1] === leaf - 1) before[1] = leaf
          else unexplained.push([leaf, leaf])
        }
      }
      for (const [first, last] of unexplained) found('entry-missing', leavesInWords(first, last))
      const wholly = new Set<string>()
      for (const [first, last] of pruned.runs) {
        for (let index = Math.ceil(first / TILE_WIDTH); (index + 1) * TILE_WIDTH - 1 <= last; index++) {
          wholly.add(`${folder}${tilePath('entries', index)}`)
        }
      }
      for (const { key, at } of deleted) if (!wholly.has(key.replace(/\.p\/\d+$/, ''))) found('file-deleted', key, at)
      const said = pruned.claims.map(({ stream, seq, at, runs }) => ({
        ...{ by: `${stream} #${seq}`, at, leaves: runs.map(([first, last]) => leavesInWords(first, last)).join(', ') },
      }))
      return { leaves: pruned.leaves, gone, said }
    },
  }
}

export function leavesInWords(first: number, last: number): string {
  return first === last ? `leaf ${first}` : `leaf ${first} to ${last}`
}

export interface PruningFollowed {
  /** Each entry in its order, once it is seen to be an event, and the one that its tile names. */
  see(leafIndex: number, entry: Buffer): void
  /** The bucket has no text for these leaves, both included. */
  missing(first: number, last: number): void
  /** Somebody deleted a bundle of which a locked version is still there. */
  deleted(key: string, at: number | null): void
  /** Names what no pruning explains. */
  end(found: FoundInBucket): PrunedInBucket
}

export interface PrunedInBucket {
  readonly leaves: number
  /** Of those, the ones whose text is not in the bucket any more. */
  readonly gone: number
  /** Which events say so. Epoch ms. */
  readonly said: readonly { readonly by: string; readonly at: number; readonly leaves: string }[]
}
