import { readMigrationPlace } from '../config.ts'
import { closeDb, openDb } from '../db/client.ts'
import { startEmbedded } from '../db/embedded/start.ts'
import { migrate } from '../db/migrate.ts'
import { type SchemaState, schemaState } from '../db/schema-state.ts'
import { migrateEffects } from '../effects/migrate-effects.ts'
import { DONE, type ExitCode, instant, say, warn } from './terminal.ts'
import { ConfigurationWrong, listed } from './with-record.ts'

/** Brings the schema to what this version needs. */
export async function migrateSchema(): Promise<ExitCode> {
  const reading = readMigrationPlace()
  if ('faults' in reading) throw new ConfigurationWrong(`The configuration is not right:\n${listed(reading.faults)}`)
  const { place } = reading
  if (place.kind === 'url') return migrateAt(place.url)
  const embedded = await startEmbedded({ dataDir: place.dataDir, onNotice: warn })
  try {
    return await migrateAt(embedded.ownerUrl)
  } finally {
    await embedded.stop()
  }
}

async function migrateAt(url: string): Promise<ExitCode> {
  const { missing } = await stateBefore(url)
  const state = await migrate(url, { also: [migrateEffects] })
  if (state.state === 'newer') {
    say('The schema is newer than this version, which can work with it. Nothing was changed.')
  } else {
    for (const name of missing) say(`Applied ${name}.`)
    say(`The schema is ${state.state}; its newest migration is of ${instant(state.at)}.`)
  }
  return DONE
}

async function stateBefore(url: string): Promise<SchemaState> {
  const db = openDb(url, { applicationName: 'countersign migrate', max: 1 })
  try {
    return await schemaState(db)
  } finally {
    await closeDb(db)
  }
}
