import { type KeySpan, openInForce, Refused, type TreeHead } from '../record/verify.ts'
import type { FoundInBucket } from './bucket-difference.ts'

/** The checkpoints that somebody kept, by rising size. One that no key of the log signed is named and left out. */
export function openEarlier(
  kept: readonly KeptNote[],
  keys: readonly KeySpan[],
  found: FoundInBucket,
): (TreeHead & { readonly where: string })[] {
  const heads = kept.flatMap(({ file, note, size }) => {
    const where = `${file}, size ${size}`
    try {
      return [{ ...openInForce(note, keys), where }]
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      found('earlier-forged', where)
      return []
    }
  })
  return heads.sort((a, b) => a.size - b.size)
}

/** What an auditor brings along. */
export interface KeptNote {
  readonly file: string
  /** C2SP signed note, whole. */
  readonly note: string
  readonly size: number
}
