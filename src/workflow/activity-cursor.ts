import type { Db, Tx } from '../db/transaction.ts'

/** How far the log of a target was read; null where nobody has looked yet. */
export async function readCursor(db: Db, target: string): Promise<ActivityCursor | null> {
  const [row] = await db<(Omit<ActivityCursor, 'kept'> & { kept: string })[]>`
    select target, version, cursor, at, off, kept from activity_cursor where target = ${target}`
  return row === undefined ? null : { ...row, kept: JSON.parse(row.kept) as Kept }
}

/** Of all targets: for those who look after them. */
export async function readCursors(db: Db): Promise<Pick<ActivityCursor, 'target' | 'at' | 'off'>[]> {
  return db<
    Pick<ActivityCursor, 'target' | 'at' | 'off'>[]
  >`select target, at, off from activity_cursor order by target`
}

/**
 * Moves it on, unless somebody else has moved it since it was read: then what was read is theirs to record.
 * @returns whether it is ours
 */
export async function moveCursor(
  tx: Tx,
  target: string,
  before: ActivityCursor | null,
  next: Pick<ActivityCursor, 'cursor' | 'at' | 'off' | 'kept'>,
): Promise<boolean> {
  const { cursor, at, off } = next
  const kept = JSON.stringify(next.kept)
  const rows =
    before === null
      ? await tx`
          insert into activity_cursor (target, version, cursor, at, off, kept)
          values (${target}, 1, ${cursor}, ${at}, ${off}, ${kept}) on conflict do nothing returning 1`
      : await tx`
          update activity_cursor set version = version + 1, cursor = ${cursor}, at = ${at}, off = ${off}, kept = ${kept}
          where target = ${target} and version = ${before.version} returning 1`
  return rows.length === 1
}

export interface ActivityCursor {
  readonly target: string
  readonly version: number
  /** The connector's own; null while there is nothing to read. */
  readonly cursor: string | null
  /** When it was read to its end, or found off, last. Epoch ms. */
  readonly at: number
  readonly off: string | null
  readonly kept: Kept
}

export interface Kept {
  /** Characters of text that are on record, by grant that is not over. */
  readonly text: Readonly<Record<string, number>>
  /** Accounts that are on record as not logged. */
  readonly unlogged: readonly string[]
}
