import type { Db } from '../db/transaction.ts'
import type { TreeHead } from './verify.ts'

/**
 * Puts a signed checkpoint on record, where there is none of its size.
 * @param at epoch ms
 * @returns the note that stands there; null where another session wrote one at this moment
 */
export async function writeCheckpoint(db: Db, { log, note, head, at }: WrittenCheckpoint): Promise<string | null> {
  const [row] = await db<{ note: string }[]>`
    with added as (
      insert into checkpoint (log, size, root, note, at)
      values (${log}, ${head.size}, ${head.root}, ${note}, ${at}) on conflict do nothing returning note)
    select note from added union all
    select note from checkpoint where log = ${log} and size = ${head.size}`
  return row?.note ?? null
}

interface WrittenCheckpoint {
  readonly log: number
  readonly note: string
  readonly head: TreeHead
  readonly at: number
}
