import { createLogSource } from '../../src/record/log-source.ts'
import { loadTree } from '../../src/record/tiles.ts'
import { openS3Bucket } from '../../src/witness/s3-bucket.ts'
import { createS3Witness, type S3WitnessOptions, type WitnessNotice } from '../../src/witness/s3-witness.ts'
import { append, type RecordDatabase } from '../record/record-fixture.ts'
import { CREDENTIALS, type FakeS3 } from './fake-s3.ts'

export const DAY = 24 * 60 * 60_000

/** The SDK takes credentials from where it always does. */
export function useCredentials(): void {
  process.env.AWS_ACCESS_KEY_ID = CREDENTIALS.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = CREDENTIALS.secretAccessKey
  process.env.AWS_MAX_ATTEMPTS = '4'
}

export function openBucket({ bucket, region, url }: FakeS3) {
  return openS3Bucket({ bucket, region, endpoint: url, now: Date.now })
}

/** A witness as a process opens it: a new one knows nothing of what another did. */
export function openWitness(
  fake: FakeS3,
  { app, record }: Pick<RecordDatabase, 'app' | 'record'>,
  more: Partial<S3WitnessOptions> = {},
) {
  const notices: WitnessNotice[] = []
  const bucket = openBucket(fake)
  const witness = createS3Witness({
    ...{ name: 's3:audit-bucket/log', bucket, prefix: 'log', administeredBy: 'Internal Audit' },
    ...{ retentionMs: 7 * 365 * DAY, log: createLogSource(app, record), clock: { now: Date.now } },
    onNotice: (notice) => notices.push(notice),
    ...more,
  })
  return { ...witness, notices, strengthNow: () => witness.strength, close: () => bucket.close() }
}

/** Appends so many events, each to a stream of its own. */
async function appendMany(db: RecordDatabase, from: number, count: number): Promise<void> {
  for (let n = from; n < from + count; n++) {
    await append(db, `request/${n}`, 0, { type: 'asked', data: { n }, private: { reason: `secret reason ${n}` } })
  }
}

/** Puts events under the tree as a sealer does, without any witness. */
export async function seal(db: RecordDatabase, from: number, count: number): Promise<void> {
  await appendMany(db, from, count)
  await db.admin`insert into log (id, origin, started_at) values (1, 'test.example/log', 0) on conflict do nothing`
  const [at] = await db.admin<{ size: number }[]>`select count(*)::int as size from leaf`
  const tree = await loadTree(db.admin, 1, at?.size ?? 0)
  const rows = await db.admin<{ leafHash: Buffer }[]>`
    delete from event_pending p using event e where e.leaf_hash = p.leaf_hash returning e.leaf_hash as "leafHash"`
  for (const { leafHash } of rows) {
    await db.admin`insert into leaf (log, leaf_index, leaf_hash) values (1, ${tree.size()}, ${leafHash})`
    tree.append(leafHash)
  }
  for (const { level, tileIndex, hashes } of tree.takeChanged()) {
    await db.admin`
      insert into tile (log, level, tile_index, hashes) values (1, ${level}, ${tileIndex}, ${hashes})
      on conflict (log, level, tile_index) do update set hashes = excluded.hashes`
  }
}
