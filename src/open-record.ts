import type { Config } from './config.ts'
import { type DatabaseClock, openDatabaseClock } from './db/clock.ts'
import { type OpenDatabase, type OpenOptions, openDatabase } from './db/open-database.ts'
import { type Keys, openKeys } from './open-keys.ts'
import type { Witness } from './ports/witness.ts'
import { createRecord, type EventRecord } from './record/record.ts'
import { createWitnessed, type Witnessed } from './record/witnessed.ts'
import { createSealing, type Sealing } from './secrets/sealing.ts'
import { createFileWitness } from './witness/file-witness.ts'

/** Everything that the record needs: what a whole process and a single command both start with. */
export interface OpenRecord {
  readonly database: OpenDatabase
  readonly clock: DatabaseClock
  readonly keys: Keys
  readonly sealing: Sealing
  readonly witnesses: readonly Witness[]
  readonly witnessed: Witnessed
  readonly record: EventRecord
  /** Twice is harmless. */
  close(): Promise<void>
}

/** Fails whole: what was opened is closed again. */
export async function openRecord(config: Config, options: OpenOptions): Promise<OpenRecord> {
  const keys = await openKeys(config.keys, config.logOrigin)
  const sealing = createSealing(keys.secrets)
  const witnesses = config.witnesses.map(({ path }) =>
    createFileWitness({ path, administeredBy: 'whoever runs this process' }),
  )
  const witnessed = createWitnessed(keys.signer.vkey, witnesses)
  const record = createRecord({
    macKey: keys.mac,
    seal: (text) => sealing.seal(text, 'private_text'),
    open: (sealed) => sealing.open(sealed, 'private_text'),
  })
  const database = await openDatabase(config.database, options)
  try {
    const clock = await openDatabaseClock(database.pools.app)
    const close = async () => {
      clock.close()
      await database.close()
    }
    return { database, clock, keys, sealing, witnesses, witnessed, record, close }
  } catch (error) {
    await database.close()
    throw error
  }
}
