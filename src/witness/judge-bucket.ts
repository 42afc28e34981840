import type { WitnessLook } from '../ports/witness.ts'
import type { Protection, StoredObject } from './bucket.ts'
import type { KeptCheckpoint } from './find-newest.ts'

const DAY_MS = 24 * 60 * 60_000

/**
 * What a bucket is worth as a witness: as its protection, and the lock of the newest checkpoint, were seen.
 * @param clockFault in words; null while the clocks agree
 */
export function judgeBucket({ protection, newest, clockFault, retentionMs }: SeenBucket): WitnessLook {
  const { lock, versioning } = protection
  const object = newest?.object ?? null
  const weak = [
    ...(lock ? [] : ['the bucket has no object lock: whoever may write there can rewrite it']),
    ...(versioning ? [] : ['the bucket keeps no versions']),
    ...(lock && object ? faultsOfLock(object, retentionMs) : []),
    ...(lock && !object ? ['it holds no checkpoint yet, so no lock could be seen'] : []),
  ]
  const wasDeleted = newest?.kept.versions.some(({ isDeleteMarker }) => isDeleteMarker) ?? false
  return {
    strength: weak.length === 0 ? 'independent' : 'weak',
    faults: [
      ...weak,
      ...(wasDeleted ? ['somebody has deleted the newest checkpoint: its locked version is still there'] : []),
      ...(clockFault === null ? [] : [clockFault]),
    ],
    seen: [
      ...(object?.lockMode && object.lockedUntil
        ? [`locked in ${object.lockMode.toLowerCase()} mode until ${new Date(object.lockedUntil).toISOString()}`]
        : []),
      ...(versioning ? ['versions are kept'] : []),
    ],
    newest: newest && { size: newest.kept.size, at: newest.kept.first.at },
  }
}

function faultsOfLock({ lockMode, lockedUntil, at }: StoredObject, retentionMs: number): string[] {
  if (lockMode === null) return ['the newest checkpoint is not locked, or its lock may not be seen']
  if (lockMode !== 'COMPLIANCE') return [`the newest checkpoint is locked in ${lockMode} mode, which can be lifted`]
  const isShort = (lockedUntil ?? 0) < at + retentionMs - DAY_MS
  return isShort ? ['the newest checkpoint is locked for less than the retention'] : []
}

interface SeenBucket {
  readonly protection: Protection
  /** Null where it holds none. */
  readonly newest: { readonly kept: KeptCheckpoint; readonly object: StoredObject } | null
  readonly clockFault: string | null
  readonly retentionMs: number
}
