import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** A folder of migrations as drizzle-kit leaves it. The n-th is dated n seconds after 1970. */
export async function writeMigrations(statements: string[], grants?: string): Promise<MigrationsFolder> {
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-migrations-'))
  await mkdir(path.join(folder, 'meta'))
  const entries = statements.map((_, index) => ({
    idx: index,
    version: '7',
    when: (index + 1) * 1_000,
    tag: `000${index}_step`,
    breakpoints: true,
  }))
  await writeFile(path.join(folder, 'meta', '_journal.json'), JSON.stringify({ version: '7', entries }))
  for (const [index, sql] of statements.entries()) await writeFile(path.join(folder, `000${index}_step.sql`), sql)
  if (grants !== undefined) await writeFile(path.join(folder, 'grants.sql'), grants)
  return { folder, remove: () => rm(folder, { recursive: true }) }
}

export interface MigrationsFolder {
  folder: string
  remove(): Promise<void>
}
