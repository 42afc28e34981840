import type { Db, Tx } from '../db/transaction.ts'
import { type Checkpoint, type KeySpan, openInForce, Refused, type TreeHead } from './verify.ts'

const PAGE = 500

/**
 * Our checkpoints in the database of the sizes (after, upTo], by rising size. A row that no key in force signed is named and
 * left out.
 * @param span.upTo null for all that there are
 */
export async function readCheckpoints(
  db: Db | Tx,
  { log, keys, after, upTo }: Span,
  found: (what: 'checkpoint-forged', where: string) => void,
): Promise<SignedHead[]> {
  const ours: SignedHead[] = []
  for (let last = after; ; ) {
    const rows = await db<{ size: number; root: Buffer; note: string; at: number }[]>`
      select size, root, note, at from checkpoint
      where log = ${log} and size > ${last} ${upTo === null ? db`` : db`and size <= ${upTo}`}
      order by size limit ${PAGE}`
    for (const { size, root, note, at } of rows) {
      last = size
      const signed = openSigned(note, keys)
      if (signed?.size === size && signed.root.equals(root)) ours.push({ size, root, at })
      else found('checkpoint-forged', `checkpoint of size ${size}`)
    }
    if (rows.length < PAGE) return ours
  }
}

/** The newest checkpoint in the database, of this size at most, that a key in force signed; null where the last many are none. */
export async function newestSigned(
  db: Db | Tx,
  { log, keys, upTo }: Pick<Span, 'log' | 'keys'> & { readonly upTo: number },
): Promise<SignedNote | null> {
  const rows = await db<{ size: number; note: string }[]>`
    select size, note from checkpoint where log = ${log} and size <= ${upTo} order by size desc limit ${PAGE}`
  for (const { size, note } of rows) {
    const checkpoint = openSigned(note, keys)
    if (checkpoint?.size === size) return { note, checkpoint }
  }
  return null
}

function openSigned(note: string, keys: readonly KeySpan[]): Checkpoint | null {
  try {
    const checkpoint = openInForce(note, keys)
    return checkpoint.origin === keys[0]?.key.name ? checkpoint : null
  } catch (error) {
    if (error instanceof Refused) return null
    throw error
  }
}

interface Span {
  readonly log: number
  readonly keys: readonly KeySpan[]
  readonly after: number
  readonly upTo: number | null
}

export interface SignedNote {
  readonly note: string
  readonly checkpoint: Checkpoint
}

export interface SignedHead extends TreeHead {
  /** Epoch ms. */
  readonly at: number
}
