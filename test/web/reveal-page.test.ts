import { afterEach, expect, test } from 'vitest'
import type { ConnectionDetails } from '../../src/ports/connector.ts'
import { createRevealPage, type Revealed } from '../../src/web/reveal-page.ts'
import { listen } from '../support/listen.ts'
import { createTestLog } from '../support/log.ts'

const TOKEN = 'T0ken-_'.padEnd(43, 'x')
const PASSWORD = 'kV3x-9Zq2<&>"'

const details: ConnectionDetails = {
  fields: [
    { label: 'Host', value: 'prod-db.internal', secret: false },
    { label: 'Password', value: PASSWORD, secret: true },
  ],
  command: 'psql "host=prod-db.internal"',
}

let close: () => Promise<void> = async () => undefined
afterEach(() => close())

/** A page over a store in memory that lets one POST through. */
async function setUp(given: { reveal?: () => Promise<Revealed>; state?: 'expired' | 'unknown' } = {}) {
  const { log, lines } = createTestLog()
  let made = 0
  const takeOnce = async (): Promise<Revealed> =>
    made++ === 0 ? { kind: 'shown', details } : { kind: 'refused', code: 'used' }
  const server = await listen(
    createRevealPage({
      peek: async () => given.state ?? (made > 0 ? 'used' : 'valid'),
      reveal: given.reveal ?? takeOnce,
      log,
    }),
  )
  close = server.close
  const ask = (method: string, path = `/reveal/${TOKEN}`) => fetch(server.url + path, { method })
  return { ask, lines, made: () => made }
}

test('GET shows a button and no secret, and burns nothing, nor does HEAD', async () => {
  const { ask, made } = await setUp()
  for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS']) expect((await ask(method)).status).toBe(200)
  expect(made()).toBe(0)
  const html = await (await ask('GET')).text()
  expect(html).toContain('<form method="post"><button class="primary" type="submit" autofocus>Show</button></form>')
  expect(html).not.toContain(TOKEN)
})

test('POST shows everything, escaped, with the secret behind a press that needs no script', async () => {
  const { ask } = await setUp()
  const response = await ask('POST')
  expect(response.status).toBe(200)
  const html = await response.text()
  expect(html).toContain('<code id="f0">prod-db.internal</code>')
  expect(html).toMatch(/<details><summary>.*<\/summary><code id="f1">kV3x-9Zq2&lt;&amp;&gt;&quot;<\/code><\/details>/)
  expect(html).toContain('<pre id="command">psql &quot;host=prod-db.internal&quot;</pre>')
})

test('of many POSTs at the same time one shows the secret, the others say that it was shown', async () => {
  const { ask } = await setUp()
  const pages = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const response = await ask('POST')
      return [response.status, (await response.text()).includes('kV3x')]
    }),
  )
  expect(pages.filter(([status, shown]) => status === 200 && shown)).toHaveLength(1)
  expect(pages.filter(([status, shown]) => status === 410 && !shown)).toHaveLength(49)
})

test.each([
  ['expired', 410, 'This link has expired'],
  ['used', 410, 'This link has been used'],
  ['unknown', 404, 'There is no such link'],
  ['ended', 410, 'This access has ended'],
] as const)('a link that is refused as %s says so, and what to do next', async (code, status, title) => {
  const { ask } = await setUp({ reveal: async () => ({ kind: 'refused', code }) })
  const response = await ask('POST')
  expect(response.status).toBe(status)
  const html = await response.text()
  expect(html).toContain(`<h1>${title}</h1>`)
  expect(html).toMatch(code === 'ended' ? /<code>\/access<\/code>/ : /press <b>Show how to connect<\/b> again/)
})

test('GET of a link that is over says so without a button', async () => {
  const { ask } = await setUp({ state: 'expired' })
  const response = await ask('GET')
  expect(response.status).toBe(410)
  expect(await response.text()).not.toContain('<form')
})

test('what cannot be a token is asked of nobody', async () => {
  const { ask, made } = await setUp()
  for (const path of ['/reveal/short', `/reveal/${'x'.repeat(401)}`, '/reveal/%2e%2e%2fetc%2fpasswd']) {
    expect((await ask('POST', path)).status).toBe(404)
    expect((await ask('GET', path)).status).toBe(404)
  }
  expect(made()).toBe(0)
})

test('a failure says what to do next, and neither page nor log repeats it', async () => {
  const { ask, lines } = await setUp({
    reveal: () => Promise.reject(Object.assign(new Error(`could not set ${PASSWORD}`), { code: 'Unreachable' })),
  })
  const response = await ask('POST')
  expect(response.status).toBe(503)
  expect(await response.text()).toContain('That did not work')
  expect(lines).toMatchObject([{ level: 'error', code: 'Unreachable' }])
  expect(JSON.stringify(lines)).not.toContain('kV3x')
})

test('every answer is kept nowhere, loads nothing from elsewhere, and is not indexed', async () => {
  const { ask } = await setUp()
  const paths = [`/reveal/${TOKEN}`, '/reveal/none', '/reveal/page.css', '/reveal/page.js']
  for (const response of await Promise.all([...paths.map((path) => ask('GET', path)), ask('POST'), ask('POST')])) {
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-robots-tag': 'noindex, nofollow, noarchive',
      'x-content-type-options': 'nosniff',
      'content-security-policy':
        "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    })
    const text = await response.text()
    expect(text).not.toMatch(/https?:\/\/|<style|<script>|\son\w+=|\sstyle=/)
  }
})
