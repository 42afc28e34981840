import { readFileSync } from 'node:fs'

/**
 * The set-up as one script for the target's own database: roles, functions, and the list of what may
 * be given. For a superuser to read and run. Safe to run again; a role taken off the list stays until
 * the DBA deletes it.
 * @param options.activity whether what is done under the accounts may be read from the server's log; yes when left out
 */
export function setupSql({
  allowedRoles,
  activity = true,
  ...names
}: SetupNames & { readonly allowedRoles: readonly string[]; readonly activity?: boolean }): string {
  const list = allowedRoles.map(
    (role) => `insert into jit.allowed_role values (${literal(role)}) on conflict do nothing;\n`,
  )
  const third = activity ? 'set-up-activity.sql' : 'take-back-activity.sql'
  return [setupDatabaseSql(names), fill(read('set-up-target.sql'), names), fill(read(third), names), ...list].join('\n')
}

/** The part that every other database of the same server needs, template1 included. */
export function setupDatabaseSql(names: SetupNames): string {
  return fill(read('set-up-database.sql'), names)
}

function read(file: string): string {
  return readFileSync(new URL(file, import.meta.url), 'utf8')
}

/** Puts the names where psql would put its variables: `:"bot"` as an identifier, `:'bot'` as a string. */
function fill(script: string, { bot, quarantine, owner = 'countersign_target_owner' }: SetupNames): string {
  const names: Record<string, string> = { bot, quarantine, owner }
  for (const name of Object.values(names)) requireOutside(name)
  return script
    .replace(/:"(bot|owner|quarantine)"/g, (_, key: string) => `"${names[key]?.replaceAll('"', '""')}"`)
    .replace(/:'(bot|owner|quarantine)'/g, (_, key: string) => literal(names[key] ?? ''))
}

function requireOutside(name: string): void {
  if (name === '' || name.startsWith('jit_')) {
    throw new RangeError(`"${name}" cannot be a role of the set-up: names that begin with jit_ are people's`)
  }
}

function literal(text: string): string {
  if (text.includes('\\')) throw new RangeError(`"${text}" holds a backslash`)
  return `'${text.replaceAll("'", "''")}'`
}

export interface SetupNames {
  /** Countersign's login. Made without a password when absent. */
  readonly bot: string
  /** Powerless, gets what people leave behind. */
  readonly quarantine: string
  /** Superuser without login that owns the functions. */
  readonly owner?: string
}
