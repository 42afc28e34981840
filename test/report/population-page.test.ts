import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DAY } from '../../src/domain/duration.ts'
import type { PopulationPlan } from '../../src/record/plan-population.ts'
import { verifyEvidence } from '../../src/record/verify.ts'
import { populationReport } from '../../src/report/population-report.ts'
import { rowsOf } from '../../src/report/population-rows.ts'
import { FROM, populationFile, UNTIL } from '../record/population-file.ts'
import { launchBrowser } from '../support/browser.ts'

type File = Awaited<ReturnType<typeof populationFile>>

let browser: Browser
let folder: string
beforeAll(async () => {
  browser = await launchBrowser()
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-population-'))
})
afterAll(async () => {
  await browser.close()
  await rm(folder, { recursive: true, force: true })
})

/** As the product writes it: an entry a line. */
function textOf(file: object): string {
  const listed = (entries: readonly unknown[]) =>
    entries.length === 0 ? '[]' : `[\n${entries.map((one) => JSON.stringify(one)).join(',\n')}\n]`
  const members = Object.entries(file).map(
    ([name, value]) => `"${name}": ${Array.isArray(value) ? listed(value) : JSON.stringify(value)}`,
  )
  return `{\n${members.join(',\n')}\n}\n`
}

async function report(format: 'html' | 'csv', file: File, copies = 1, withheld = false): Promise<string> {
  const verdict = verifyEvidence(JSON.stringify(file))
  const rows = rowsOf(verdict)
  const { population } = file
  const root = Buffer.from(verdict.checkpoint?.root ?? '', 'base64')
  const checkpoint = { origin: file.origin, size: verdict.checkpoint?.size ?? 0, root }
  const plan: PopulationPlan = {
    ...{ of: population, log: 1, range: population, members: [], leaves: [], limits: [], consistency: [] },
    keys: { verifierKey: file.verifierKey, handOvers: [] },
    checkpoint: { witness: 'w', note: file.checkpoint, checkpoint },
  }
  const pieces: string[] = []
  const about = {
    ...{
      plan,
      withheld,
      name: `october.${format}`,
      runBy: 'carla',
      runAt: UNTIL + DAY,
    },
    period: { name: '2026-10', from: FROM, until: UNTIL, timeZone: 'UTC' },
    policies: [],
    rows: Array.from({ length: copies }, () => rows).flat(),
    build: { version: '0.1.0', commit: 'c'.repeat(40), lockFile: 'd'.repeat(64) },
  }
  async function* json() {
    const text = textOf(file)
    for (let at = 0; at < text.length; at += 999) yield text.slice(at, at + 999)
  }
  await populationReport(format, json(), about, async (piece) => void pieces.push(piece))
  return pieces.join('')
}

async function open(content: string): Promise<{ page: Page; faults: string[]; close(): Promise<void> }> {
  const at = path.join(folder, `${Math.random()}.html`)
  await writeFile(at, content)
  const context = await browser.newContext({ offline: true })
  const page = await context.newPage()
  const faults: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  page.on('request', (request) => request.url().startsWith('file:') || faults.push(request.url()))
  await page.goto(pathToFileURL(at).href)
  await page.locator('#check:not([data-state=unchecked])').waitFor()
  return { page, faults, close: () => context.close() }
}

test('says first what the period comes to, checks itself that none is missing, and gives the evidence back byte for byte', async () => {
  const file = await populationFile()
  const { page, faults, close } = await open(await report('html', file))
  expect(await page.locator('#check').getAttribute('data-state')).toBe('good')
  expect(await page.locator('#check-says').innerText()).toContain('that none of the period is missing')
  expect(await page.locator('.line').innerText()).toMatch(/^3 asked for: /)
  expect(await page.locator('#rows > tr').count()).toBe(3)
  const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()])
  const chunks: Buffer[] = []
  for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer)
  expect(Buffer.concat(chunks).toString()).toBe(textOf(file))
  expect(faults).toEqual([])
  await close()
})

test.each<[string, string, string, (file: File) => void]>([
  ['a request shown aside', 'bad', 'is left out', (file) => leaveOut(file, 'grant:G-C')],
  [
    'a period that begins later',
    'bad',
    'grant:G-B does not belong to the period',
    ({ population }) => Object.assign(population, { from: FROM + 1 }),
  ],
  [
    'a range beyond the tree',
    'bad',
    'ends beyond the tree',
    ({ population }) => Object.assign(population, { end: 16 }),
  ],
  [
    'a range that begins behind what is shown',
    'bad',
    'leaf 1 (system #2) is outside of what was looked through',
    ({ population }) => Object.assign(population, { first: 2 }),
  ],
  ['a leaf exchanged', 'bad', 'not those that the checkpoint holds', ({ tree }) => void tree.reverse()],
])('%s: %s', async (_, state, what, change) => {
  const good = await populationFile()
  const changed = structuredClone(good)
  change(changed)
  const inside = /(<script type="application\/json" id="evidence">)[\s\S]*?(<\/script>)/
  const html = (await report('html', good)).replace(inside, (_, begin, end) => begin + JSON.stringify(changed) + end)
  const { page, close } = await open(html)
  expect(await page.locator('#check').getAttribute('data-state')).toBe(state)
  expect(await page.locator('#check').innerText()).toContain(what)
  await close()
})

test('what is withheld is not called complete', async () => {
  const file = await populationFile({ claim: { person: 'E9' }, withhold: () => true })
  // Whoever makes the file says so; where nobody does, the page finds it.
  expect(await report('html', file, 1, true)).toContain('<p class="line unclear">nothing was asked for; not shown that')
  const { page, close } = await open(await report('html', file))
  expect(await page.locator('#check').getAttribute('data-state')).toBe('half')
  expect(await page.locator('#check').innerText()).toContain('NOT shown that none of the period is missing')
  expect(await page.locator('.line').getAttribute('class')).toBe('line unclear')
  await close()
})

test('thousands stand there some at a time, and all of them on paper', async () => {
  const { page, close } = await open(await report('html', await populationFile(), 1_000))
  const visible = () => page.locator('#rows > tr:visible').count()
  expect(await visible()).toBe(50)
  expect(await page.locator('#page').innerText()).toBe('3000 of 3000; page 1 of 60')
  await page.locator('#after').click()
  expect(await page.locator('#page').innerText()).toContain('page 2 of 60')
  await page.emulateMedia({ media: 'print' })
  expect(await visible()).toBe(3_000)
  await close()
})

test('as a table, a row each, in which nothing is a formula', async () => {
  const csv = await report('csv', await populationFile())
  const [head, ...rows] = csv.trimEnd().split('\r\n')
  expect(head).toMatch(/^grant,conclusion,standing,asked_utc,by,for,target,/)
  expect(rows.map((row) => row.split(',')[0])).toEqual(['G-B', 'G-C', 'G-D'])
  expect(csv).not.toMatch(/(^|,)[=+@-]/m)
})

/** Moves the events of a stream to where other leaves are shown. Those of G-C follow the third of the system. */
function leaveOut(file: File, stream: string): void {
  const isOf = (stream: string, body: string) => JSON.parse(body).stream === stream
  const own = file.events.filter(({ body }) => isOf(stream, body)).map(({ body }) => ({ body }))
  file.events = file.events.filter(({ body }) => !isOf(stream, body))
  const before = file.tree.filter((entry) => 'body' in entry && isOf('system', String(entry.body)))[1] ?? {}
  file.tree.splice(file.tree.indexOf(before) + 1, 0, ...own)
}
