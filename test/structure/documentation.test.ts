import { existsSync, globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/** What SECURITY.md and the pages say is shown by a test must not outlive that test. */
it('every test that the documentation names is there', () => {
  const pages = ['SECURITY.md', 'README.md', ...globSync('docs/*.md')]
  const named = pages.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/`(test\/[\w./-]+\.test\.ts)`/g)].map(([, file]) => file ?? ''),
  )
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((file) => !existsSync(file))).toEqual([])
})
