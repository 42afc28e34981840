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

it('every attack has a test, and every test of one that is named stands in its file', () => {
  const page = readFileSync('docs/attacks.md', 'utf8')
  const rows = [...page.matchAll(/^\| (\d+) \|.*\|$/gm)]
  expect(rows.length).toBeGreaterThanOrEqual(25)
  expect(rows.map(([, number]) => Number(number))).toEqual(rows.map((_, place) => place + 1))
  expect(rows.filter(([row]) => !/`test\/[\w./-]+\.test\.ts`/.test(row)).map(([row]) => row)).toEqual([])
  const named = [...page.matchAll(/`(test\/[\w./-]+\.test\.ts)`: "([^"]+)"/g)]
  expect(named.length).toBeGreaterThan(rows.length - 3)
  const missing = named.filter(([, file = '', name = '']) => !hasTest(readFileSync(file, 'utf8'), name))
  expect(missing.map(([all]) => all)).toEqual([])
})

/** As a test, or as a row of a table of tests. */
function hasTest(text: string, name: string): boolean {
  return ["'", '"', '`'].some((quote) => text.includes(`${quote}${name}${quote}`))
}
