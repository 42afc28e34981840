import { readFile } from 'node:fs/promises'
import type { Db } from '../../src/db/transaction.ts'

/** A place that was looked at, and what it held. */
export interface Place {
  readonly name: string
  readonly bytes: Buffer
}

/** Every value of every table of a database, as it is and as text: whoever dumps it reads both. */
export async function tablesOf(db: Db, except: readonly string[] = []): Promise<Place[]> {
  const tables = await db<{ name: string }[]>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema') order by 1`
  const places: Place[] = []
  for (const { name } of tables.filter((table) => !except.includes(table.name))) {
    const rows = await db.unsafe(`select t::text as "whole row", t.* from ${name} t`)
    for (const row of rows) {
      for (const [column, value] of Object.entries(row)) {
        const bytes = Buffer.isBuffer(value)
          ? value
          : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
        places.push({ name: `${name} ${column}`, bytes })
      }
    }
  }
  if (tables.length === 0) throw new Error('no tables were looked at')
  return places
}

export async function fileOf(path: string): Promise<Place> {
  return { name: path, bytes: await readFile(path) }
}

export function textOf(name: string, text: string): Place {
  return { name, bytes: Buffer.from(text) }
}

/** The ways in which a text may lie somewhere: as it is, and encoded. */
const FORMS: Record<string, (secret: Buffer) => string> = {
  'in hex': (secret) => secret.toString('hex'),
  'in capital hex': (secret) => secret.toString('hex').toUpperCase(),
  'in base64': (secret) => secret.toString('base64').replace(/=+$/, ''),
  'in base64url': (secret) => secret.toString('base64url'),
  'in a URL': (secret) => encodeURIComponent(secret.toString('utf8')),
  'in JSON': (secret) => JSON.stringify(secret.toString('utf8')).slice(1, -1),
  'as it is': (secret) => secret.toString('latin1'),
}

/** @returns where which secret was found, and in which form; empty is what a test wants */
export function find(secrets: ReadonlyMap<string, string>, places: readonly Place[]): string[] {
  const wanted = [...secrets].flatMap(([name, secret]) => {
    if (secret.length < 8) throw new Error(`${name} is too short to be looked for`)
    const bytes = Buffer.from(secret, 'utf8')
    const forms = new Map(Object.entries(FORMS).map(([form, make]) => [make(bytes), form]))
    return [...forms].map(([text, form]) => ({ name, form, bytes: Buffer.from(text, 'latin1') }))
  })
  const found = places.flatMap((place) =>
    wanted
      .filter(({ bytes }) => place.bytes.includes(bytes))
      .map(({ name, form }) => `${name} in ${place.name}, ${form}`),
  )
  return [...new Set(found)]
}
