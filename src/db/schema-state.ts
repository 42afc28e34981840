import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import type { Db } from './transaction.ts'

export const MIGRATIONS_FOLDER = path.join(import.meta.dirname, '..', '..', 'drizzle')
export const MIGRATIONS_TABLE = 'drizzle.__drizzle_migrations'

/**
 * Compares the database's schema with what this code needs.
 * `current` and `newer` can be worked with: a schema is expanded first and contracted a release later,
 * so this code also fits the next one. `older` must be migrated. `diverged` was made by other code.
 */
export async function schemaState(db: Db, folder = MIGRATIONS_FOLDER): Promise<SchemaState> {
  const wanted = await readJournal(folder)
  const applied = await readApplied(db)
  const known = new Set(wanted.map(({ when }) => when))
  const missing = wanted.filter(({ when }) => !applied.includes(when))
  const foreign = applied.filter((when) => !known.has(when))
  const newest = Math.max(0, ...applied)
  const facts = { at: newest, missing: missing.map(({ tag }) => tag) }
  // drizzle applies only what is younger than the youngest applied one, so an older gap would stay for ever.
  if (missing.some(({ when }) => when < newest)) return { state: 'diverged', ...facts }
  if (missing.length > 0) return { state: 'older', ...facts }
  return { state: foreign.length > 0 ? 'newer' : 'current', ...facts }
}

/** The migrations of this code, oldest first. No folder or no journal means none. */
async function readJournal(folder: string): Promise<JournalEntry[]> {
  const file = path.join(folder, 'meta', '_journal.json')
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return text === undefined ? [] : journalSchema.parse(JSON.parse(text)).entries
}

async function readApplied(db: Db): Promise<number[]> {
  const [table] = await db`select to_regclass(${MIGRATIONS_TABLE}) is not null as present`
  if (table?.present !== true) return []
  const rows = await db<{ created_at: number }[]>`select created_at from ${db(MIGRATIONS_TABLE)} order by created_at`
  return rows.map(({ created_at }) => created_at)
}

const journalSchema = z.object({ entries: z.array(z.object({ tag: z.string(), when: z.int() })) })

type JournalEntry = z.infer<typeof journalSchema>['entries'][number]

export interface SchemaState {
  state: 'current' | 'newer' | 'older' | 'diverged'
  /** Epoch milliseconds of the newest migration that was applied; 0 for none. */
  at: number
  /** The migrations that this code needs and the database lacks. */
  missing: string[]
}
