import type { Bucket } from './bucket.ts'

export type BucketDifferenceKind =
  | 'checkpoint-missing'
  | 'checkpoint-forged'
  | 'checkpoint-differs'
  | 'hand-over-forged'
  | 'earlier-differs'
  | 'earlier-forged'
  | 'pointer-differs'
  | 'entry-missing'
  | 'entry-differs'
  | 'pruned-early'
  | 'tile-differs'
  | 'file-missing'
  | 'file-differs'
  | 'file-rewritten'
  | 'file-deleted'
  | 'not-locked'

export interface BucketDifference {
  readonly what: BucketDifferenceKind
  /** The key, the leaf or the size. */
  readonly where: string
  /** Epoch ms by the bucket's clock, where it says when; null otherwise. */
  readonly at: number | null
}

/** Where a log lies, and who hears of what is not right there. */
export interface LogInBucket {
  readonly bucket: Bucket
  readonly folder: string
  readonly found: FoundInBucket
}

export type FoundInBucket = (what: BucketDifferenceKind, where: string, at?: number | null) => void
