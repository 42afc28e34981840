import { mkdir, mkdtemp, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { repairLinks } from '../../../src/db/embedded/binaries.ts'

test('library links that an installation without scripts left out are made, once', async () => {
  const packageDir = await mkdtemp(path.join(tmpdir(), 'countersign-links-'))
  const root = path.join(packageDir, 'native')
  await mkdir(path.join(root, 'lib'), { recursive: true })
  await writeFile(path.join(root, 'lib', 'libx.so.60.2'), '')
  const links = [{ source: 'native/lib/libx.so.60.2', target: 'native/lib/libx.so.60' }]
  await writeFile(path.join(root, 'pg-symlinks.json'), JSON.stringify(links))
  await Promise.all([repairLinks(root), repairLinks(root)])
  await repairLinks(root)
  expect(await readlink(path.join(root, 'lib', 'libx.so.60'))).toBe('libx.so.60.2')
  await rm(packageDir, { recursive: true })
})
