import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EvidenceFile } from '../../src/record/evidence.ts'
import { verifyEvidence } from '../../src/record/verify.ts'
import { evidenceReport } from '../../src/report/evidence-report.ts'
import { ID } from '../cards/grant-story.ts'
import { signer } from '../record/good-file.ts'
import { soundHandOvers } from '../record/handed-over-file.ts'
import { launchBrowser } from '../support/browser.ts'
import { grantFile } from './grant-file.ts'

const about = {
  ...{ id: ID, name: 'evidence.html', runBy: 'carla', runAt: Date.UTC(2026, 10, 23, 9) },
  build: { version: '0.1.0', commit: 'c'.repeat(40), lockFile: 'd'.repeat(64) },
}
const HOSTILE = [
  '</script><script>window.broken = 1</script>',
  '<img src=x onerror="window.broken = 1">',
  '--><!--<script>',
  '<!-- <script </script a',
  '</script a',
  '" onmouseover="window.broken = 1',
  "'; window.broken = 1; '",
  '`;window.broken = 1;`',
  '\u202Egnp.ylno-daer\u2066',
  'a\u0000b\u0007c\uFEFFd\u200Be',
  '&lt;script&gt; &amp;',
  '\u2028\u2029',
]

let browser: Browser
let folder: string
beforeAll(async () => {
  browser = await launchBrowser()
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-page-'))
})
afterAll(async () => {
  await browser.close()
  await rm(folder, { recursive: true, force: true })
})

const html = (file: EvidenceFile) => evidenceReport(file, 'html', about).content

/** Opened as somebody does who got it by mail: from a folder, with no network. */
async function open(content: string, options: { javaScriptEnabled?: boolean } = {}): Promise<Opened> {
  const at = path.join(folder, `${Math.random()}.html`)
  await writeFile(at, content)
  const context = await browser.newContext({ ...options, offline: true })
  const page = await context.newPage()
  const faults: string[] = []
  const asked: string[] = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(pathToFileURL(at).href)
  return { page, faults, asked: () => asked.slice(1), close: () => context.close() }
}

interface Opened {
  readonly page: Page
  readonly faults: readonly string[]
  asked(): readonly string[]
  close(): Promise<void>
}

async function stateOf(page: Page): Promise<string | null> {
  await page.locator('#check:not([data-state=unchecked])').waitFor()
  return page.locator('#check').getAttribute('data-state')
}

/** The page with its evidence changed, as somebody would who changes the file. */
async function forged(change: (file: ForgedFile) => void): Promise<string> {
  const file = await grantFile()
  const changed = structuredClone(file) as unknown as ForgedFile
  change(changed)
  const inside = /(<script type="application\/json" id="evidence">)[\s\S]*?(<\/script>)/
  return html(file).replace(inside, (_, begin, end) => begin + JSON.stringify(changed) + end)
}

interface ForgedFile {
  checkpoint: string
  events: { leafIndex: number; body: string; proof: string[] }[]
  reveals: { value: string }[]
  policies: { text: string }[]
  singles: { leafIndex: number; body: string; proof: string[] }[]
}

describe('the page', () => {
  test('says first what it comes to, checks itself, and asks nobody for anything', async () => {
    const { page, faults, asked, close } = await open(html(await grantFile()))
    expect(await stateOf(page)).toBe('good')
    expect(await page.locator('.line').textContent()).toBe('authorised, ended on time, seen gone')
    const glance = await page.locator('#glance').innerText()
    for (const word of [
      'For',
      'fix ledger INC-42',
      'Marcus (marcus)',
      'prod-db (Production ledger)',
      'Usable',
      'Logins stopped',
      'Seen gone',
    ]) {
      expect(glance, 'who, what, when and ended, above all that follows').toContain(word)
    }
    const says = await page.locator('#check').innerText()
    expect(says).toContain('Verified here, under the key in this file: 9 events')
    expect(says).toContain('The proof is the verifier, with a key that you got by another way')
    const words = await page.locator('main').innerText()
    for (const word of ['activity: not collected', 'click only', 'fix ledger INC-42', 'Marcus, Manager', signer.vkey]) {
      expect(words).toContain(word)
    }
    expect(faults).toEqual([])
    expect(asked()).toEqual([])
    await close()
  })

  test('names people by the policy in the file alone, and leaves what somebody typed as it was', async () => {
    const file = await grantFile({ typed: 'as marcus said' })
    const named = html(file)
    for (const words of ['by Marcus (marcus) as manager', 'Olga (olga) as owner', 'made for Ana (ana)']) {
      expect(named).toContain(words)
    }
    expect(named).toContain('>as marcus said<')
    const { policies: _, ...unnamed } = file
    expect(html(unnamed)).toContain('by marcus as manager')
    expect(html(unnamed)).not.toContain('Marcus')
  })

  test('is read without scripts too, and then does not pretend to have checked anything', async () => {
    const { page, close } = await open(html(await grantFile()), { javaScriptEnabled: false })
    expect(await page.locator('#check-says').innerText()).toContain('Not checked')
    expect(await page.locator('tbody tr').count()).toBe(9)
    await close()
  })

  test('folds the list of every event and the policy on screen, and prints both', async () => {
    const { page, close } = await open(html(await grantFile()))
    const folded = page.locator('.fold details > :not(summary)')
    expect(await folded.count()).toBeGreaterThan(1)
    for (const one of await folded.all()) expect(await one.isVisible()).toBe(false)
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for (const one of await folded.all()) expect(await one.isVisible()).toBe(true)
    await close()
  })

  test('holds the evidence, which verifies when it is saved', async () => {
    const { page, close } = await open(html(await grantFile()))
    await stateOf(page)
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('#save').click()])
    const chunks: Buffer[] = []
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer)
    const saved = Buffer.concat(chunks)
    expect(verifyEvidence(saved, { vkey: signer.vkey }).verdict).toBe('verified')
    expect(saved.toString()).toBe(evidenceReport(await grantFile(), 'json', about).content)
    await close()
  })

  test('says whether a key that somebody was given is the one in it', async () => {
    const { page, close } = await open(html(await grantFile()))
    await stateOf(page)
    const fingerprint = /[0-9a-f]{64} \(SHA-256 of the key/
      .exec(await page.locator('main').innerText())?.[0]
      .slice(0, 64)
    await page.locator('#given').fill(fingerprint ?? '')
    await page.getByText('It is the key of this file.').waitFor()
    await page.locator('#given').fill(signer.vkey.replace('test.example', 'other.example'))
    await page.getByText('It is NOT the key of this file.').waitFor()
    await close()
  })

  test.each(HOSTILE)('%j as a reason is shown, and does nothing', async (typed) => {
    const { page, faults, asked, close } = await open(html(await grantFile({ typed })))
    expect(await stateOf(page)).toBe('good')
    const words = await page.locator('body').innerText()
    const visible = typed.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => {
      return `U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`
    })
    expect(words).toContain(visible)
    expect(await page.evaluate("'broken' in window")).toBe(false)
    expect(faults).toEqual([])
    expect(asked()).toEqual([])
    expect(await page.locator('script').count()).toBe(2)
    expect(await page.locator('img').count()).toBe(0)
    await close()
  })
})

describe('of a log that came to its key over two others, the page', () => {
  const made = async () => {
    const [last, second, first] = await Promise.all(soundHandOvers.slice(0, 3).map(([, make]) => make()))
    return { file: last?.file as unknown as EvidenceFile, keys: [first, second, last].map((one) => one?.vkey ?? '') }
  }

  test('follows them, and knows each of the keys', async () => {
    const { file, keys } = await made()
    const { page, faults, close } = await open(html(file))
    expect(await stateOf(page)).toBe('good')
    expect(await page.locator('#check-says').innerText()).toContain('how the log came to it over 2 others')
    const words = await page.locator('main').innerText()
    for (const key of keys) expect(words).toContain(key)
    for (const [key, says] of [
      [keys[0], 'It is a key that the log had before, and it leads to the key of this file.'],
      [keys[1], 'It is a key that the log had before, and it leads to the key of this file.'],
      [keys[2], 'It is the key of this file.'],
      [signer.vkey.replace('test.example', 'other.example'), 'It is NOT the key of this file.'],
    ] as const) {
      await page.locator('#given').fill(key ?? '')
      await page.getByText(says).waitFor()
    }
    expect(faults).toEqual([])
    await close()
  })

  type HandOvers = NonNullable<EvidenceFile['handOvers']>
  test.each<[string, string, (all: HandOvers) => HandOvers]>([
    ['the last taken out', 'The hand-overs lead to another key.', ([one]) => (one ? [one] : [])],
    ['the old key alone', 'leaf 3 is not signed by both keys.', (all) => changed(all, { checkpoint: cut(all) })],
    ['no proof', 'leaf 3 does not lead to the key of this file.', (all) => changed(all, { proof: [] })],
    ['not continued', 'leaf 3 does not lead to the key of this file.', (all) => changed(all, { consistency: [] })],
    ['the first key twice', 'leaf 3 does not lead to the key', ([one, two]) => (one && two ? [two, one] : [])],
  ])('says what is wrong with them: %s', async (_, what, change) => {
    const { file, keys } = await made()
    const inside = /(<script type="application\/json" id="evidence">)[\s\S]*?(<\/script>)/
    const forged = JSON.stringify({ ...file, handOvers: change(file.handOvers ?? []) })
    const { page, close } = await open(html(file).replace(inside, (_, begin, end) => begin + forged + end))
    expect(await stateOf(page)).toBe('bad')
    expect(await page.locator('#check').innerText()).toContain(what)
    await page.locator('#given').fill(keys[0] ?? '')
    await page.getByText('It is NOT the key of this file.').waitFor()
    await close()
  })

  const changed = ([first, ...rest]: HandOvers, change: object): HandOvers =>
    first ? [{ ...first, ...change }, ...rest] : []
  /** Without its last signature. */
  const cut = ([first]: HandOvers) => first?.checkpoint.replace(/[^\n]+\n$/, '')
})

describe('a changed file', () => {
  test.each<[string, string, (file: ForgedFile) => void]>([
    [
      'one byte of one event',
      'leaf 1, request.signed (grant:G-7K3QF0 #2): what it says is not what the checkpoint holds there.',
      ({ events: [, signed] }) => signed && Object.assign(signed, { body: signed.body.replace('marcus', 'marcos') }),
    ],
    [
      'one byte, so that it is no JSON',
      'leaf 1: what it says is not what the checkpoint holds there, and no event at all.',
      ({ events: [, signed] }) => signed && Object.assign(signed, { body: signed.body.replace('{', '(') }),
    ],
    [
      'the reason',
      'leaf 0, reason: the text is not the one that was recorded.',
      ({ reveals: [reveal] }) => Object.assign(reveal ?? {}, { value: 'fix ledger INC-43' }),
    ],
    ['the policy', 'has another text.', ({ policies: [policy] }) => Object.assign(policy ?? {}, { text: 'x' })],
    [
      'one byte of an event that stands alone',
      'leaf 0, request.asked (grant:G-7K3QF0 #1): what it says is not what the checkpoint holds there.',
      (file) => {
        file.singles = file.events.splice(0).slice(0, 1)
        for (const single of file.singles) single.body = single.body.replace('prod-db', 'prod-dc')
      },
    ],
    ['an event left out', 'it does not follow the event before it', ({ events }) => void events.splice(3, 1)],
    [
      'the size of the tree',
      'The signature does not fit the checkpoint.',
      (file) => {
        file.checkpoint = file.checkpoint.replace('\n9\n', '\n10\n')
      },
    ],
  ])('%s: the page says what differs', async (_, what, change) => {
    const { page, close } = await open(await forged(change))
    expect(await stateOf(page)).toBe('bad')
    const says = await page.locator('#check').innerText()
    expect(says).toContain('Not as it was recorded')
    expect(says).toContain(what)
    expect(says).not.toContain('Verified here')
    expect(await page.locator('.line').getAttribute('class')).toContain('void')
    await close()
  })
})
