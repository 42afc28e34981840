import type { Db } from './transaction.ts'

/** Reads from the server what an acknowledged commit is worth, for readiness and for the start's event. */
export async function readDurability(db: Db): Promise<Durability> {
  const [row] = await db<ServerSettings[]>`
    select current_setting('fsync') = 'on' as fsync,
      current_setting('synchronous_commit') as "synchronousCommit",
      current_setting('full_page_writes') = 'on' as "fullPageWrites",
      current_setting('synchronous_standby_names') as "syncStandbys",
      pg_is_in_recovery() as "inRecovery"`
  if (!row) throw new Error('the server did not tell its settings')
  return { ...row, ...judgeDurability(row) }
}

/** Pure: what these settings promise. The server's own word is all there is; storage below it may promise more. */
export function judgeDurability(settings: ServerSettings): { level: DurabilityLevel; words: string } {
  const { fsync, fullPageWrites, inRecovery, synchronousCommit, syncStandbys } = settings
  if (inRecovery) {
    return { level: 'read-only', words: 'This is a standby and takes no writes. Point DATABASE_URL at the primary.' }
  }
  if (!fsync) {
    return {
      level: 'unsafe',
      words: 'A crash of the machine can lose or damage everything: fsync is off. Set fsync=on.',
    }
  }
  if (!fullPageWrites) {
    const unless = 'unless the file system writes whole pages. Set full_page_writes=on.'
    return { level: 'unsafe', words: `A crash can damage tables: full_page_writes is off, ${unless}` }
  }
  if (synchronousCommit === 'off') {
    const next = 'Set synchronous_commit=on.'
    return {
      level: 'may-lose',
      words: `A crash can lose the last acknowledged acts: synchronous_commit is off. ${next}`,
    }
  }
  if (syncStandbys === '' || synchronousCommit === 'local') {
    return {
      level: 'crash-safe',
      words:
        'What is acknowledged survives a crash of this server. No standby confirms it first: a failover can lose the last acts.',
    }
  }
  return {
    level: 'replicated',
    words: `What is acknowledged survives the loss of this server: standbys confirm it first (${syncStandbys}; synchronous_commit=${synchronousCommit}).`,
  }
}

export type DurabilityLevel = 'replicated' | 'crash-safe' | 'may-lose' | 'unsafe' | 'read-only'

export interface ServerSettings {
  fsync: boolean
  synchronousCommit: string
  fullPageWrites: boolean
  /** `synchronous_standby_names`; empty when none is waited for. */
  syncStandbys: string
  inRecovery: boolean
}

export interface Durability extends ServerSettings {
  level: DurabilityLevel
  /** One sentence for people. */
  words: string
}
