import { afterEach, expect, test } from 'vitest'
import { createEvidenceDoor, type EvidenceFormat, type TakenFile } from '../../src/web/file-door.ts'
import { listen } from '../support/listen.ts'
import { createTestLog } from '../support/log.ts'

const TOKEN = 'T0ken-_'.padEnd(43, 'x')

let close: () => Promise<void> = async () => undefined
afterEach(() => close())

/** A door that lets one POST through. */
async function setUp(given: { take?: () => Promise<TakenFile>; state?: 'expired' | 'unknown' } = {}) {
  const { log, lines } = createTestLog()
  const taken: EvidenceFormat[] = []
  const takeOnce = async (_token: string, format: EvidenceFormat): Promise<TakenFile> => {
    taken.push(format)
    if (taken.length > 1) return { kind: 'refused', code: 'used' }
    return { kind: 'taken', name: `evidence-G-7K3QF0.${format}`, content: `<p>${format}</p>` }
  }
  const peek = async () => given.state ?? (taken.length > 0 ? 'used' : 'valid')
  const server = await listen(createEvidenceDoor({ peek, take: given.take ?? takeOnce, log }))
  close = server.close
  const ask = (method: string, path = `/evidence/${TOKEN}`, format?: string) =>
    fetch(server.url + path, { method, ...(format !== undefined && { body: new URLSearchParams({ format }) }) })
  return { ask, lines, taken }
}

test('GET shows what will happen and hands out nothing, nor does HEAD', async () => {
  const { ask, taken } = await setUp()
  for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS']) expect((await ask(method)).status).toBe(200)
  expect(taken).toEqual([])
  const html = await (await ask('GET')).text()
  expect(html).toContain('That you took it is put on record')
  expect(html).not.toContain(TOKEN)
})

test.each([
  ['html', 'html', 'text/html; charset=utf-8'],
  ['json', 'json', 'application/json; charset=utf-8'],
  ['../../etc/passwd', 'html', 'text/html; charset=utf-8'],
])('POST for %j hands out a file to be saved, once', async (said, format, type) => {
  const { ask, taken } = await setUp()
  const response = await ask('POST', undefined, said)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-disposition')).toBe(`attachment; filename=evidence-G-7K3QF0.${format}`)
  expect(response.headers.get('content-type')).toBe(type)
  expect(await response.text()).toBe(`<p>${format}</p>`)
  const again = await ask('POST', undefined, said)
  expect(again.status).toBe(410)
  expect(await again.text()).toContain('This link has been used')
  expect(taken).toEqual([format, format])
})

test.each([
  ['expired', 410, 'This link has expired'],
  ['used', 410, 'This link has been used'],
  ['unknown', 404, 'There is no such link'],
  ['not-yours', 403, 'You may not see this any more'],
] as const)('a link that is refused as %s says so, and what to do next', async (code, status, title) => {
  const { ask } = await setUp({ take: async () => ({ kind: 'refused', code }) })
  const response = await ask('POST', undefined, 'html')
  expect(response.status).toBe(status)
  expect(response.headers.get('content-disposition')).toBeNull()
  expect(await response.text()).toContain(`<h1>${title}</h1>`)
})

test('GET of a link that is over says so without a button', async () => {
  const { ask } = await setUp({ state: 'expired' })
  const response = await ask('GET')
  expect(response.status).toBe(410)
  expect(await response.text()).not.toContain('<form')
})

test('what cannot be a token is asked of nobody, and what cannot be a form is no fault', async () => {
  const { ask, taken } = await setUp()
  for (const path of ['/evidence/short', `/evidence/${'x'.repeat(401)}`, '/evidence/%2e%2e%2fetc']) {
    expect((await ask('POST', path, 'html')).status).toBe(404)
    expect((await ask('GET', path)).status).toBe(404)
  }
  expect((await ask('POST', undefined, 'x'.repeat(20_000))).status).toBe(413)
  expect(taken).toEqual([])
})

test.each([
  ['NOTHING_WITNESSED', 'Nothing of it is witnessed yet'],
  ['RECORD_TAMPERED', 'That did not work'],
])('a failure, %s, says what to do next, and neither page nor log repeats it', async (code, title) => {
  const { ask, lines } = await setUp({
    take: () => Promise.reject(Object.assign(new Error('fix the ledger'), { code })),
  })
  const response = await ask('POST', undefined, 'html')
  expect(response.status).toBe(503)
  expect(await response.text()).toContain(`<h1>${title}</h1>`)
  expect(lines).toMatchObject([{ level: 'error', code }])
  expect(JSON.stringify(lines)).not.toContain('ledger')
})

test('every answer is kept nowhere, loads nothing from elsewhere, and is not indexed', async () => {
  const { ask } = await setUp()
  for (const response of [await ask('GET'), await ask('GET', '/evidence/none'), await ask('POST', undefined, 'html')]) {
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...{ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' },
      'x-robots-tag': 'noindex, nofollow, noarchive',
    })
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(await response.text()).not.toMatch(/https?:\/\/|<style|<script|\son\w+=|\sstyle=/)
  }
})
