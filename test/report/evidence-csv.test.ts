import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { evidenceReport } from '../../src/report/evidence-report.ts'
import { ID } from '../cards/grant-story.ts'
import { signer } from '../record/good-file.ts'
import { signFile, story } from '../record/signed-file.ts'
import { grantFile } from './grant-file.ts'

const about = {
  ...{ id: ID, name: 'evidence.csv', runBy: 'carla', runAt: Date.UTC(2026, 10, 23, 9) },
  build: { version: '0.1.0', commit: 'c'.repeat(40), lockFile: 'd'.repeat(64) },
}

/** A reader of RFC 4180 of its own: rows end with CRLF, quotes are doubled inside quotes. */
function read(text: string): string[][] {
  const rows: string[][] = []
  const row: string[] = []
  for (let rest = text; rest !== ''; ) {
    const [whole, quoted, plain, end] = /^(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/.exec(rest) ?? []
    if (whole === undefined) throw new Error(`no CSV: ${rest.slice(0, 40)}`)
    row.push(quoted?.replaceAll('""', '"') ?? plain ?? '')
    if (end === '\r\n') rows.push(row.splice(0))
    rest = rest.slice(whole.length)
  }
  return rows
}

test('has a row for each event, in their order, with what was typed', async () => {
  const { content } = evidenceReport(await grantFile(), 'csv', about)
  const [head = [], ...rows] = read(content)
  expect(head).toEqual(['leaf_index', 'utc', 'stream', 'seq', 'type', 'version', 'by', 'text', 'data', 'leaf_hash'])
  expect(rows).toHaveLength(9)
  expect(rows.every((row) => row.length === head.length)).toBe(true)
  expect(rows[0]?.slice(0, 8)).toEqual([
    ...['0', '2026-11-21T14:00:00.000Z', `grant:${ID}`, '1', 'request.asked', '1', 'ana', 'fix ledger INC-42'],
  ])
  expect(rows.map(([leaf]) => Number(leaf))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  expect(rows[0]?.[9]).toMatch(/^[0-9a-f]{64}$/)
})

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '  =1', '\r\n=1', '＝1', '=HYPERLINK("http://x","y")'])(
  '%j is no formula in a spreadsheet',
  async (typed) => {
    const { content } = evidenceReport(await grantFile({ typed }), 'csv', about)
    const text = read(content)[1]?.[7] ?? ''
    expect(text).not.toMatch(/^\s*[=+\-@＝]/)
  },
)

test.each(['fix;=1+1', 'fix\n=1+1', 'fix; "=1+1;', 'a;\n"-1', 'fix;\t＝1'])(
  '%j is no formula where a spreadsheet divides at semicolons, and takes every end of line for one',
  async (typed) => {
    const { content } = evidenceReport(await grantFile({ typed }), 'csv', about)
    expect(content.split(/[;\r\n]/).filter((cell) => /^[\s"]*[=+\-@＝]/.test(cell))).toEqual([])
  },
)

test('whatever was typed stands in its own cell, and no cell begins a formula', async () => {
  const unit = fc.constantFrom('"', ',', '\r', '\n', '=', '-', "'", ';', 'a', ' ', '\u0000', '\u202e', 'é')
  await fc.assert(
    fc.asyncProperty(fc.string({ unit, minLength: 1, maxLength: 12 }), async (typed) => {
      const rows = read(evidenceReport(await grantFile({ typed }), 'csv', about).content)
      expect(rows).toHaveLength(10)
      expect(rows.every((row) => row.length === 10 && row.every((cell) => !/^\s*[=+\-@]/.test(cell)))).toBe(true)
    }),
    { numRuns: 100 },
  )
})

test('an event of an odd form has its row too, by those who are named', async () => {
  const odd = story(`grant:${ID}`, { data: { by: ['ana', { toString: null }, 'marcus'] } })
  const { content } = evidenceReport(await signFile(signer, odd), 'csv', about)
  expect(read(content)[1]?.[6]).toBe('ana marcus')
})

test('the manifest says what, from where, by whom, when, and how to know the file again', async () => {
  const file = await grantFile()
  const { content, manifest } = evidenceReport(file, 'csv', about)
  expect(manifest).toMatchObject({
    ...{ format: 'countersign-manifest/1', report: `evidence on ${ID}`, parameters: { id: ID, format: 'csv' } },
    ...{ build: about.build, runBy: 'carla', runAt: '2026-11-23T09:00:00.000Z', rows: 9 },
    period: { from: '2026-11-21T14:00:00.000Z', until: '2026-11-21T16:00:00.018Z', zone: 'UTC' },
    checkpoint: { origin: file.origin, size: 9 },
  })
  const sha256 = createHash('sha256').update(content).digest('hex')
  expect(manifest.file).toEqual({ name: 'evidence.csv', sha256, bytes: Buffer.byteLength(content) })
})
