import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createDigestCount } from '../../src/domain/count-digest.ts'
import type { DigestItem, DigestList } from '../../src/domain/digest-lists.ts'
import { HOUR } from '../../src/domain/duration.ts'
import { readPeriod } from '../../src/domain/period.ts'
import { digestReport } from '../../src/report/digest-report.ts'
import type { Digest, DigestRow } from '../../src/report/read-digest.ts'
import { picture } from '../chat/picture.ts'
import { launchBrowser } from '../support/browser.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

it.each([
  ['light', 1_000],
  ['dark', 1_000],
  ['light', 320],
] as const)('can be read in %s at %i pixels, asks nobody for anything and runs nothing', async (colorScheme, width) => {
  const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
  const asked: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  const faults: string[] = []
  page.on('console', (message) => faults.push(message.text()))
  await page.setContent(report().content)
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
  expect(await page.locator('h1').innerText()).toBe('Digest of 2026-W47')
  expect(await page.locator('.line').innerText()).toContain('1 ended late')
  expect(await page.getByRole('img').getAttribute('aria-label')).toContain('Asked and given by day')
  expect(await page.locator('#list-late tbody tr').count()).toBe(1)
  // What a person is called is text, whatever it looks like.
  expect(await page.locator('b').count()).toBe(0)
  await page.getByRole('link', { name: '1', exact: true }).first().click()
  expect([asked, faults]).toEqual([[], []])
  const height = await page.evaluate<number>('document.documentElement.scrollHeight')
  await page.setViewportSize({ width, height: Math.min(height, 4_000) })
  await picture(page, `digest-page-${colorScheme}-${width}`)
  if (width === 1_000 && colorScheme === 'dark') {
    await page.emulateMedia({ media: 'print' })
    expect(await page.evaluate("getComputedStyle(document.querySelector('main')).color")).toBe('rgb(35, 38, 43)')
    await page.setViewportSize({ width: 700, height: 990 })
    await picture(page, 'digest-page-print')
  }
  await page.close()
})

it('carries the numbers for a machine inside, and says of them how they came about', () => {
  const { content, manifest } = report()
  const [, inside = ''] = /<script type="application\/json" id="digest">(.*?)<\/script>/s.exec(content) ?? []
  const { content: json, manifest: ofJson } = report('json')
  expect(JSON.parse(inside)).toEqual(JSON.parse(json))
  expect(content).toContain(ofJson.file.sha256)
  expect(manifest).toMatchObject({
    ...{ report: 'digest of 2026-W47', runBy: 'carla', parameters: { period: '2026-W47', format: 'html' } },
    period: { from: '2026-11-15T23:00:00.000Z', until: '2026-11-22T23:00:00.000Z', zone: 'Europe/Berlin' },
    checkpoint: { origin: 'example.org/access', size: 48_211 },
  })
})

function report(format: 'html' | 'json' = 'html') {
  const names = (id: string) => (id === 'ana' ? '<b>Ana</b> Ruiz' : id)
  const build = { version: '0.1.0', commit: 'a'.repeat(40), lockFile: 'b'.repeat(64) }
  return digestReport(exampleDigest(), format, { name: `digest.${format}`, build, runBy: 'carla', names })
}

/** A week of a few requests, one of which ended late, with a policy that changed. */
function exampleDigest(): Digest {
  const now = Date.parse('2026-11-23T08:00:00Z')
  const period = readPeriod('2026-W47', now, 'Europe/Berlin')
  if ('refused' in period) throw new Error('no period')
  const count = createDigestCount(period, null)
  const rows = new Map<DigestList, DigestRow[]>()
  const keep = (items: readonly DigestItem[]) => {
    for (const item of items) {
      const row = { ...item, leafIndex: 40_000 + item.seq, whose: 'ana', what: 'prod-db:write' }
      rows.set(item.list, [...(rows.get(item.list) ?? []), row])
    }
  }
  const happen = (n: number, at: number, type: string, data: object) =>
    keep(count.add({ stream: `grant:G-7K3QF${n}`, seq: n, at, type, data: data as never, hash: 'c'.repeat(64) }))
  for (let n = 0; n < 9; n++) {
    const at = period.from + ((n * 5) % 7) * 24 * HOUR + 10 * HOUR
    happen(n, at, 'request.asked', { by: 'ana', for: 'ana', target: 'prod-db', entitlement: 'write' })
    if (n % 4 === 3) happen(n, at + HOUR, 'request.denied', { by: 'marcus' })
    else {
      happen(n, at + 250_000, 'request.approved', { by: ['marcus'] })
      happen(n, at + 260_000, 'grant.active', {})
      happen(n, at + HOUR, 'grant.ending', { cause: 'expired', by: null, due: at + HOUR - (n === 5 ? 72_000 : 0) })
      happen(n, at + HOUR + 400, 'grant.removed', {})
    }
  }
  happen(9, period.from + HOUR, 'act.refused', { by: 'bo', act: 'approve', code: 'own-request' })
  const changed = {
    stream: 'policy',
    seq: 4,
    at: period.from + 30 * HOUR,
    type: 'policy.activated',
    hash: 'd'.repeat(64),
  }
  const event = { ...changed, data: { policy: 'f20273d1800621ae', by: 'carla' } }
  keep(count.add(event))
  keep([count.changed(event, 'compliance: +E1007')])
  const { counts } = count.finish()
  return {
    ...{ period, runAt: now, events: 61, counts, rows },
    policies: [
      {
        ...{ event: event as never, policy: 'f20273d1800621aecc7018bde75b1db6', by: 'carla' },
        ...{
          diff: '@@ -5,3 +5,3 @@\n channel: access\n-warnBefore: 1m\n+warnBefore: 2m',
          stewards: ['compliance: +E1007'],
        },
      },
    ],
    checkpoint: { origin: 'example.org/access', size: 48_211, root: 'GG4Eq31/EV2R36p0557Jt2sptqI1TxwjtOJuwJxihJg=' },
    check: { ok: true, at: now - 5 * HOUR, size: 48_190, from: 0, checkpoint: 48_190, differences: 0, tookMs: 900 },
    conclusion: { line: 'To look at: 1 ended late. 9 asked, 7 given, 7 ended', standing: 'broken' },
  }
}
