import type { Config } from './config.ts'
import { nameOfWitness, type WitnessPlace } from './config-variables.ts'
import { type DatabaseClock, openDatabaseClock } from './db/clock.ts'
import { type OpenDatabase, type OpenOptions, openDatabase } from './db/open-database.ts'
import { type Keys, openKeys } from './open-keys.ts'
import type { Witness } from './ports/witness.ts'
import { createLogSource } from './record/log-source.ts'
import { createMacRing, type MacRing } from './record/mac-ring.ts'
import { createHandOverReader } from './record/read-hand-overs.ts'
import { createRecord, type EventRecord } from './record/record.ts'
import { createWitnessed, type Witnessed } from './record/witnessed.ts'
import { createSealing, type Sealing } from './secrets/sealing.ts'
import { createFileWitness } from './witness/file-witness.ts'
import type { WitnessNotice } from './witness/s3-witness.ts'

/** Everything that the record needs: what a whole process and a single command both start with. */
export interface OpenRecord {
  readonly database: OpenDatabase
  readonly clock: DatabaseClock
  readonly keys: Keys
  readonly macs: MacRing
  readonly sealing: Sealing
  readonly witnesses: readonly Witness[]
  readonly witnessed: Witnessed
  readonly record: EventRecord
  /** Twice is harmless. */
  close(): Promise<void>
}

/** Fails whole: what was opened is closed again. */
export async function openRecord(config: Config, options: OpenRecordOptions): Promise<OpenRecord> {
  const keys = await openKeys(config.keys, config.logOrigin)
  const sealing = createSealing(keys.secrets)
  const macs = createMacRing(keys.mac, keys.otherMacs)
  const record = createRecord({
    get macKey() {
      return macs.current()
    },
    macKeys: macs.spans,
    seal: (text) => sealing.seal(text, 'private_text'),
    open: (sealed) => sealing.open(sealed, 'private_text'),
  })
  const database = await openDatabase(config.database, options)
  try {
    await macs.refresh(database.pools.app)
    const clock = await openDatabaseClock(database.pools.app)
    const closers: (() => void)[] = []
    const opening: OpenWitness = {
      ...{ database, record, clock, onNotice: options.onWitnessNotice ?? (() => {}) },
      onClose: (close) => closers.push(close),
    }
    const witnesses = await Promise.all(config.witnesses.map((place, n) => openWitness(place, n, opening)))
    const witnessed = createWitnessed(
      keys.signer.vkey,
      witnesses,
      createHandOverReader(database.pools.app, config.logOrigin),
    )
    const close = async () => {
      for (const closeWitness of closers.splice(0)) closeWitness()
      clock.close()
      await database.close()
    }
    return { database, clock, keys, macs, sealing, witnesses, witnessed, record, close }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** What a bucket needs is loaded where a bucket is configured, and nowhere else. */
async function openWitness(place: WitnessPlace, n: number, opening: OpenWitness): Promise<Witness> {
  if (place.kind === 'file') {
    const { path, administeredBy } = place
    // The first one is called as it was when there could be no other.
    return createFileWitness({ path, administeredBy, ...(n > 0 && { name: nameOfWitness(place) }) })
  }
  const { database, record, clock, onNotice, onClose } = opening
  const [{ openS3Bucket }, { createS3Witness }] = await Promise.all([
    import('./witness/s3-bucket.ts'),
    import('./witness/s3-witness.ts'),
  ])
  const { prefix, administeredBy, retentionMs } = place
  const bucket = openS3Bucket({ ...place, now: clock.now })
  onClose(() => bucket.close())
  return createS3Witness({
    ...{ name: nameOfWitness(place), bucket, prefix, administeredBy, retentionMs, clock, onNotice },
    log: createLogSource(database.pools.app, record),
  })
}

interface OpenWitness {
  readonly database: OpenDatabase
  readonly record: EventRecord
  readonly clock: DatabaseClock
  readonly onNotice: (notice: WitnessNotice) => void
  readonly onClose: (close: () => void) => void
}

export interface OpenRecordOptions extends OpenOptions {
  /** A witness shows what a person should see to. */
  readonly onWitnessNotice?: (notice: WitnessNotice) => void
}
