import { type Config, readConfig } from '../config.ts'
import type { Db } from '../db/transaction.ts'
import { migrateEffects } from '../effects/migrate-effects.ts'
import { type OpenRecord, openRecord } from '../open-record.ts'
import { createSealer } from '../record/sealer.ts'
import { alarmOfSealer } from '../workflow/name-tampering.ts'
import { createAlarms } from '../workflow/raise-alarm.ts'
import { warn } from './terminal.ts'

/**
 * What a command works on is there already: the demo's keys, which `npm start` makes, are not made here. Who mistyped
 * `DATA_DIR` would otherwise be shown an empty record, and a key of nothing to give to auditors.
 * @throws ConfigurationWrong with every fault
 */
export function configuration(): Config {
  const reading = readConfig()
  if ('config' in reading) return { ...reading.config, keys: { ...reading.config.keys, createMissing: false } }
  throw new ConfigurationWrong(`The configuration is not right:\n${listed(reading.faults)}`)
}

export function listed(faults: readonly string[]): string {
  return faults.map((fault) => `  ${fault}`).join('\n')
}

/**
 * Opens what the configuration names, beside the processes that run or without any, and closes it again.
 * The schema is left as it is; only the demo's own server is brought up and migrated.
 */
export async function withRecord<T>(config: Config, use: (open: OpenRecord) => Promise<T>): Promise<T> {
  const open = await openRecord(config, { asItIs: true, also: [migrateEffects], onNotice: warn })
  try {
    return await use(open)
  } finally {
    await open.close()
  }
}

/** As `withRecord`, for an act that writes: its events are sealed here when no process runs that would. */
export async function withSealedRecord<T>(use: (acting: Acting) => Promise<T>): Promise<T> {
  return withRecord(configuration(), async (open) => {
    const { database, clock, keys, witnessed, record } = open
    const { app: db, sealer: sealerDb } = database.pools
    let started = false
    // Not before something was recorded: by then the keys have read this record, and so are its own.
    const committed = () => {
      if (!started) sealer.start()
      started = true
      sealer.kick()
    }
    const alarms = createAlarms({
      ...{ db, record, clock, committed },
      log: ({ what, detail }) => warn(`Warning: ${what}: ${detail}`),
    })
    const sealer = createSealer({
      ...{ db: sealerDb, macKey: keys.mac, macs: open.macs, signer: keys.signer, witnessed, clock },
      ...(keys.nextSigner && { nextSigner: keys.nextSigner }),
      onAlarm: (alarm) => alarms.raise(alarmOfSealer(alarm)),
    })
    try {
      const sealed: Acting['sealed'] = (stream, seq, signal) => sealer.sealed(stream, seq, signal)
      return await use({ ...open, db, committed, sealed })
    } finally {
      await alarms.idle()
      if (started) await sealer.stop()
    }
  })
}

export interface Acting extends OpenRecord {
  readonly db: Db
  readonly committed: () => void
  /** Resolves when the event is inside a witnessed checkpoint. */
  readonly sealed: (stream: string, seq: number, signal: AbortSignal) => Promise<void>
}

export class ConfigurationWrong extends Error {
  readonly code = 'CONFIGURATION_WRONG'
  override name = 'ConfigurationWrong'
}
