import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { closeDb, openDb } from '../../src/db/client.ts'
import type { Db } from '../../src/db/transaction.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { Witness } from '../../src/ports/witness.ts'
import type { Draft, RecordKeys } from '../../src/record/compose.ts'
import { newSigningKey } from '../../src/record/key-files.ts'
import type { MacRing } from '../../src/record/mac-ring.ts'
import { createHandOverReader } from '../../src/record/read-hand-overs.ts'
import { createRecord, type EventRecord } from '../../src/record/record.ts'
import { createSealer, type Sealer, type SealerOptions } from '../../src/record/sealer.ts'
import { parseSigningKey, type Signer } from '../../src/record/signer.ts'
import type { Alarm } from '../../src/record/take-over.ts'
import { parseVkey } from '../../src/record/verify.ts'
import { createWitnessed, type Witnessed } from '../../src/record/witnessed.ts'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'

const ORIGIN = 'test.example/log'
export const AT = Date.UTC(2026, 10, 23, 9)

/** A sealing that is good enough for tests. */
function createKeys(): RecordKeys {
  const key = randomBytes(32)
  return {
    macKey: randomBytes(32),
    seal(text) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, iv)
      return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()])
    },
    open(sealed) {
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 })
      decipher.setAuthTag(sealed.subarray(-16))
      return decipher.update(sealed.subarray(12, -16)) + decipher.final('utf8')
    },
  }
}

export function createTestSigner(origin = ORIGIN) {
  return parseSigningKey(newSigningKey(), origin)
}

/** A database of one's own, with a pool for each role. */
export async function createRecordDatabase(): Promise<RecordDatabase> {
  const database = await createTestDatabase()
  const keys = createKeys()
  const pools = poolsOf(database)
  return {
    ...pools,
    database,
    keys,
    record: createRecord(keys),
    async drop() {
      await Promise.all([closeDb(pools.app), closeDb(pools.sealer), closeDb(pools.admin)])
      await database.drop()
    },
  }
}

export function poolsOf({ appUrl, sealerUrl, url }: Pick<TestDatabase, 'appUrl' | 'sealerUrl' | 'url'>) {
  return {
    app: openDb(appUrl, { applicationName: 'app', role: 'countersign_app' }),
    sealer: openDb(sealerUrl, { applicationName: 'sealer', role: 'countersign_sealer', lifetime: 'process' }),
    admin: openDb(url, { applicationName: 'admin' }),
  }
}

const GUARDED = ['event', 'leaf', 'checkpoint']

/** Runs as a superuser who takes the triggers away, and puts them back so that it does not show. */
export async function asVandal(admin: Db, vandalise: (sql: Db) => Promise<unknown>): Promise<void> {
  for (const table of GUARDED) await admin`alter table ${admin(table)} disable trigger all`
  await vandalise(admin)
  for (const table of GUARDED) await admin`alter table ${admin(table)} enable trigger all`
}

export function append(
  { app, record }: Pick<RecordDatabase, 'app' | 'record'>,
  stream: string,
  expectedSeq: number | null,
  ...drafts: (Draft | string)[]
) {
  return app.begin((tx) =>
    record.append(
      tx,
      stream,
      expectedSeq,
      drafts.map((draft) => (typeof draft === 'string' ? { type: draft, data: {} } : draft)),
      AT,
    ),
  )
}

export interface RecordDatabase {
  readonly app: Db
  readonly sealer: Db
  /** Superuser. */
  readonly admin: Db
  readonly database: TestDatabase
  readonly keys: RecordKeys
  readonly record: EventRecord
  drop(): Promise<void>
}

/** A sealer of a database, with what it talks to; several of them are replicas. */
export function createReplica(
  { database, keys }: Pick<RecordDatabase, 'database' | 'keys'>,
  { signer, nextSigner, macs, witnesses, clock, debounceMs = 0, reached }: ReplicaOptions,
): Replica {
  const db = openDb(database.sealerUrl, {
    applicationName: 'replica',
    role: 'countersign_sealer',
    max: 1,
    lifetime: 'process',
  })
  const witnessed = createWitnessed(signer.vkey, witnesses, createHandOverReader(db, parseVkey(signer.vkey).name))
  const alarms: Alarm[] = []
  const sealer = createSealer({
    ...{ db, signer, witnessed, clock, debounceMs, macKey: keys.macKey },
    ...(nextSigner !== undefined && { nextSigner }),
    ...(macs !== undefined && { macs }),
    ...(reached !== undefined && { reached }),
    onAlarm: (alarm) => alarms.push(alarm),
  })
  return {
    ...{ sealer, witnessed, alarms, db },
    async stop() {
      await sealer.stop()
      await closeDb(db)
    },
  }
}

/** One replica runs until an event is sealed, and stops. */
export async function sealUpTo(
  database: Pick<RecordDatabase, 'database' | 'keys'>,
  options: ReplicaOptions,
  stream: string,
  seq: number,
): Promise<Replica> {
  const replica = createReplica(database, options)
  replica.sealer.start()
  replica.sealer.kick()
  await replica.sealer.sealed(stream, seq)
  await replica.stop()
  return replica
}

export interface ReplicaOptions {
  readonly signer: Signer
  readonly nextSigner?: Signer
  readonly macs?: MacRing
  readonly witnesses: readonly Witness[]
  readonly clock: Clock
  readonly debounceMs?: number
  readonly reached?: SealerOptions['reached']
}

export interface Replica {
  readonly sealer: Sealer
  readonly witnessed: Witnessed
  readonly alarms: Alarm[]
  readonly db: Db
  stop(): Promise<void>
}
