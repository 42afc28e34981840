import { afterEach, expect, test } from 'vitest'
import type { PasskeyTicket } from '../../src/secrets/passkey-link.ts'
import { createPasskeyPage } from '../../src/web/passkey-page.ts'
import { createPasskeys } from '../../src/web/webauthn.ts'
import type { PasskeyPage } from '../../src/workflow/show-decision.ts'
import { listen } from '../support/listen.ts'
import { createTestLog } from '../support/log.ts'
import { createSoftPasskey, newPasskeyOf, responseOf } from '../support/soft-passkey.ts'

const DECISION = 'T0ken-_'.padEnd(60, 'd')
const ENROLMENT = 'T0ken-_'.padEnd(60, 'e')
const CHALLENGE = Buffer.alloc(32, 7)
const key = createSoftPasskey()
const good = responseOf(key, CHALLENGE.toString('base64url'))
const made = newPasskeyOf(key, CHALLENGE.toString('base64url'))

let close: () => Promise<void> = async () => undefined
afterEach(() => close())

const shown: PasskeyPage = {
  ...{ kind: 'decision', challenge: CHALLENGE.toString('base64'), rpId: 'localhost' },
  passkeys: [{ credential: key.credential, transports: ['internal'] }],
  decision: {
    ...{ id: 'G-7K3QF2', isExtension: false, by: 'Ana <b>', for: 'Ana <b>', entitlement: 'prod-db:write' },
    ...{
      description: 'Correct "entries"',
      durationMs: 1_800_000,
      reason: '<script>alert(1)</script>',
      approver: 'Marcus',
    },
  },
}

async function setUp(given: { show?: () => Promise<PasskeyPage>; use?: () => Promise<never> } = {}) {
  const { log, lines } = createTestLog()
  const used: unknown[] = []
  const ticket = (kind: PasskeyTicket['kind']): PasskeyTicket => ({
    ...{ kind, challenge: CHALLENGE.toString('base64'), expiresAt: 1 },
    account: { platform: 'local', tenant: 'local', id: 'marcus' },
  })
  const server = await listen(
    createPasskeyPage({
      passkeys: createPasskeys(() => 'http://localhost:3000'),
      open: (token) => (token === DECISION ? ticket('decision') : token === ENROLMENT ? ticket('enrolment') : null),
      show: given.show ?? (async () => shown),
      use:
        given.use ??
        (async (_token, _ticket, response) => {
          used.push(response)
          return { kind: 'line', line: { tone: 'active', text: [{ kind: 'typed', text: 'Approved <i>' }] } }
        }),
      log,
    }),
  )
  close = server.close
  const url = (token = DECISION) => `${server.url}/passkey/${token}`
  const post = (passkey: unknown, token = DECISION) => {
    const text = typeof passkey === 'string' ? passkey : JSON.stringify(passkey)
    return fetch(url(token), { method: 'POST', body: new URLSearchParams({ passkey: text }) })
  }
  return { url, post, used, lines }
}

test('GET and HEAD show what is decided, escaped, and use nothing', async () => {
  const { url, used } = await setUp()
  for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS']) expect((await fetch(url(), { method })).status).toBe(200)
  const html = await (await fetch(url())).text()
  for (const words of [
    'Ana &lt;b&gt;',
    'prod-db:write',
    '30m',
    '&lt;script&gt;alert(1)',
    'Approve as Marcus',
    'G-7K3QF2',
  ]) {
    expect(html).toContain(words)
  }
  expect(html).not.toContain('<script>alert')
  expect(html).not.toContain(DECISION)
  expect(used).toEqual([])
})

test('POST of what a browser makes is used once asked, and its answer shown as text', async () => {
  const { post, used } = await setUp()
  const response = await post(good)
  expect(response.status).toBe(200)
  expect(await response.text()).toContain('Approved &lt;i&gt;')
  expect((await post(made, ENROLMENT)).status).toBe(200)
  expect(used).toEqual([good, made])
})

const without = (member: string) => {
  const { [member]: _, ...rest } = good as Record<string, unknown>
  return rest
}
const inside = (change: object) => ({ ...good, response: { ...good.response, ...change } })

test.each<[string, unknown]>([
  ['nothing', ''],
  ['no JSON', '{'],
  ['a number', '5'],
  ['null', 'null'],
  ['a list', [good]],
  ['a text', '"good"'],
  ['an empty object', {}],
  ['no id', without('id')],
  ['no rawId', without('rawId')],
  ['no type', without('type')],
  ['no response', without('response')],
  ['another type', { ...good, type: 'password' }],
  ['an id that is no base64url', { ...good, id: 'a b' }],
  ['an empty id', { ...good, id: '' }],
  ['an id of 2,000 signs', { ...good, id: 'a'.repeat(2_000) }],
  ['a further member', { ...good, admin: true }],
  ['a prototype', '{"__proto__":{"id":"a"}}'],
  ['no signature', inside({ signature: undefined })],
  ['a signature of base64 with padding', inside({ signature: 'AAA=' })],
  ['a signature that is a number', inside({ signature: 5 })],
  ['authenticator data of 9,000 signs', inside({ authenticatorData: 'A'.repeat(9_000) })],
  ['client data that is an object', inside({ clientDataJSON: {} })],
  ['a further member in the response', inside({ note: 'x' })],
  ['a new passkey in place of an assertion', made],
  ['200,000 signs', 'x'.repeat(200_000)],
])('%s runs nothing and leaves the link good', async (_, given) => {
  const { post, used, lines } = await setUp()
  const response = await post(given)
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('the link still works')
  expect(used).toEqual([])
  expect(lines).toEqual([])
})

test('a body of another kind, another path or another method runs nothing', async () => {
  const { url, post, used } = await setUp()
  const json = { 'content-type': 'application/json' }
  const asks = [
    fetch(url(), { method: 'POST', headers: json, body: JSON.stringify({ passkey: JSON.stringify(good) }) }),
    fetch(url(), { method: 'POST' }),
    fetch(url(), { method: 'POST', body: new URLSearchParams('passkey[id]=1&passkey[type]=public-key') }),
    fetch(url(), { method: 'POST', body: new URLSearchParams('a=1&b=2&c=3&d=4&e=5&f=6') }),
    post(made),
    post(good, ENROLMENT),
    post(good, 'short'),
    post(good, 'x'.repeat(501)),
    post(good, `${DECISION}x`),
    post(good, '%2e%2e%2fetc%2fpasswd'),
    ...['PUT', 'PATCH', 'DELETE'].map((method) => fetch(url(), { method })),
  ]
  const statuses = (await Promise.all(asks)).map(({ status }) => status)
  expect(statuses).toEqual([400, 400, 400, 400, 400, 400, 404, 404, 404, 404, 404, 404, 404])
  expect(used).toEqual([])
})

test.each([
  ['expired', 410],
  ['used', 410],
  ['unknown', 404],
  ['unavailable', 503],
] as const)('a link that is %s says so without a button', async (code, status) => {
  const { url } = await setUp({ show: async () => ({ kind: 'refused', code }) })
  const response = await fetch(url())
  expect(response.status).toBe(status)
  expect(await response.text()).not.toContain('<form')
})

test('a failure says nothing of why, and the log holds no token', async () => {
  const { post, lines } = await setUp({ use: () => Promise.reject(Object.assign(new Error(DECISION), { code: 'X' })) })
  const response = await post(good)
  expect(response.status).toBe(503)
  expect(await response.text()).toContain('That did not work')
  expect(lines).toMatchObject([{ level: 'error', code: 'X' }])
  expect(JSON.stringify(lines)).not.toContain(DECISION)
})

test('every answer is kept nowhere, framed by nobody, and loads nothing from elsewhere', async () => {
  const { url, post } = await setUp()
  for (const response of [await fetch(url()), await fetch(url('page.js')), await fetch(url('x')), await post(good)]) {
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    })
  }
  const html = await (await fetch(url())).text()
  expect(html.match(/(src|href|action)="[^"]*"/g)).toEqual(['href="/reveal/page.css"', 'src="/passkey/page.js"'])
})
