import type { Db } from '../db/transaction.ts'

/**
 * The record as it grows, for eyes: nothing is checked here.
 * @param after leaf index of the last sealed event that was seen; null for the newest `limit`
 * @returns sealed events by rising leaf index, then those that wait for the sealer
 */
export async function eventsSince(db: Db, { after, limit }: Since): Promise<SeenEvent[]> {
  const sealed =
    after === null
      ? db<SeenEvent[]>`
          select * from (
            select e.stream, e.seq, e.type, e.at, e.body, encode(e.leaf_hash, 'hex') as hash, l.leaf_index as "leafIndex"
            from leaf l join event e on e.leaf_hash = l.leaf_hash
            where l.log = (select max(id) from log) order by l.leaf_index desc limit ${limit}
          ) newest order by "leafIndex"`
      : db<SeenEvent[]>`
          select e.stream, e.seq, e.type, e.at, e.body, encode(e.leaf_hash, 'hex') as hash, l.leaf_index as "leafIndex"
          from leaf l join event e on e.leaf_hash = l.leaf_hash
          where l.log = (select max(id) from log) and l.leaf_index > ${after} order by l.leaf_index limit ${limit}`
  const pending = db<SeenEvent[]>`
    select e.stream, e.seq, e.type, e.at, e.body, encode(e.leaf_hash, 'hex') as hash, null as "leafIndex"
    from event_pending p join event e on e.leaf_hash = p.leaf_hash order by p.id limit ${limit}`
  const [under, waiting] = await Promise.all([sealed, pending])
  const seen = new Set(under.map(({ hash }) => hash))
  return [...under, ...waiting.filter(({ hash }) => !seen.has(hash))]
}

/** How the record is. For readiness, metrics and people; `verifyLog` is what proves. */
export async function recordStatus(db: Db): Promise<RecordStatus> {
  const [row] = await db<(Omit<RecordStatus, 'checkpoint' | 'size'> & Figures)[]>`
    select
      (select max(leaf_index) from leaf where log = (select max(id) from log)) as "lastLeaf",
      c.size as "checkpointSize", c.root as "checkpointRoot", c.at as "checkpointAt",
      (select count(*) from event_pending) as pending,
      (select at from event_pending order by id limit 1) as "oldestPendingAt",
      (select count(*) from quarantine) as quarantined
    from (select) one
    left join lateral (
      select size, root, at from checkpoint where log = (select max(id) from log) order by size desc limit 1) c on true`
  if (!row) throw new Error('the database gave no answer')
  const { lastLeaf, checkpointSize, checkpointRoot, checkpointAt, ...figures } = row
  return {
    ...figures,
    size: (lastLeaf ?? -1) + 1,
    checkpoint:
      checkpointSize === null || checkpointRoot === null || checkpointAt === null
        ? null
        : { size: checkpointSize, root: checkpointRoot.toString('base64'), at: checkpointAt },
  }
}

export interface Since {
  readonly after: number | null
  readonly limit: number
}

export interface SeenEvent {
  readonly stream: string
  readonly seq: number
  readonly type: string
  readonly at: number
  readonly body: string
  /** Leaf hash, hex. */
  readonly hash: string
  /** Null while it waits for the sealer. */
  readonly leafIndex: number | null
}

export interface RecordStatus {
  /** Events under the tree. */
  readonly size: number
  /** The newest that was signed. */
  readonly checkpoint: { readonly size: number; readonly root: string; readonly at: number } | null
  readonly pending: number
  /** Epoch ms of the event that has waited longest. */
  readonly oldestPendingAt: number | null
  readonly quarantined: number
}

interface Figures {
  readonly lastLeaf: number | null
  readonly checkpointSize: number | null
  readonly checkpointRoot: Buffer | null
  readonly checkpointAt: number | null
}
