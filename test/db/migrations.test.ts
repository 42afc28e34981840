import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const ROOT = path.join(import.meta.dirname, '..', '..')

it('the migrations make exactly the tables that the schema files say', async () => {
  // Below the project: drizzle-kit takes no folder elsewhere.
  const folder = await mkdtemp(path.join(ROOT, 'node_modules', '.drizzle-'))
  try {
    await cp(path.join(ROOT, 'drizzle'), folder, { recursive: true })
    const before = await readdir(folder)
    const { stdout } = await promisify(execFile)(
      path.join(ROOT, 'node_modules', '.bin', 'drizzle-kit'),
      [
        ...['generate', '--dialect', 'postgresql', '--schema', './src/**/*.schema.ts'],
        ...['--out', path.relative(ROOT, folder)],
      ],
      { cwd: ROOT },
    )
    expect(stdout).toContain('No schema changes')
    expect(await readdir(folder)).toEqual(before)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
