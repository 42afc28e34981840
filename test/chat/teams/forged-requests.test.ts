import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { Desk } from '../../../src/ports/chat.ts'
import { listen } from '../../support/listen.ts'
import { line } from '../example-cards.ts'
import type { FakeTeams } from './fake-teams.ts'
import { objectIdOf, type StartedTeamsChat, startTeamsChat } from './start-teams-chat.ts'
import { createTeamsUser, inPerson, pressOf, type TeamsUser } from './teams-user.ts'
import { APP_ID, ISSUER, type TokenChanges } from './tokens.ts'

/*
 * Everything that Microsoft's own SDK was seen to let through or to stumble over, and more. Each is answered with
 * 401 or 403, none reaches the desk, and nothing is learned from it.
 */
let heard = 0
const hear = async () => {
  heard += 1
  return { kind: 'line', line: line('info', 'heard') } as const
}
const desk: Desk = { command: hear, press: hear, submit: hear }
let it_: StartedTeamsChat
let user: TeamsUser
let fake: FakeTeams
const now = () => Math.floor(Date.now() / 1_000)
const ELSEWHERE = 'ffffffff-54d6-4a7e-9a8d-0f4f1f3c2b11'

beforeAll(async () => {
  it_ = await startTeamsChat({ desk, startMs: Date.now() })
  fake = it_.fake
  user = createTeamsUser(it_.url, fake)
})
afterAll(() => it_.stop())
beforeEach(() => {
  heard = 0
})

const headers: [string, string][] = [
  ['no header at all', ''],
  ['no scheme', 'abc'],
  ['another scheme', 'Basic dXNlcjpwYXNz'],
  ['garbage', 'Bearer garbage'],
  ['three empty parts', 'Bearer ..'],
  ['three parts of nothing', 'Bearer a.b.c'],
  ['a null in every part', `Bearer ${part(null)}.${part(null)}.AA`],
  ['a list for a head', `Bearer ${part([])}.${part({})}.AA`],
  ['a number for claims', `Bearer ${part({ alg: 'RS256', kid: 'key-of-channel' })}.${part(1)}.AA`],
  ['alg none', `Bearer ${part({ alg: 'none' })}.${part(goodClaims())}.`],
  ['alg none with the key named', `Bearer ${part({ alg: 'none', kid: 'key-of-channel' })}.${part(goodClaims())}.AA`],
  ['a symmetric algorithm', `Bearer ${part({ alg: 'HS256', kid: 'key-of-channel' })}.${part(goodClaims())}.AAAA`],
  ['no signature', `Bearer ${part({ alg: 'RS256', kid: 'key-of-channel' })}.${part(goodClaims())}.`],
  [
    'a signature of zeros',
    `Bearer ${part({ alg: 'RS256', kid: 'key-of-channel' })}.${part(goodClaims())}.${'A'.repeat(342)}`,
  ],
  ['a huge token', `Bearer ${'a'.repeat(12_000)}.${'b'.repeat(2_000)}.c`],
]

it.each(headers)('a request with %s is 401', async (_what, authorization) => {
  const response = await user.send(inPerson(fake, 'ana', 'prod-db 2h fix'), { authorization })
  expect([response.status, heard]).toEqual([401, 0])
})

const tokens: [string, TokenChanges][] = [
  ['signed by a stranger under a known name', { key: 'foreign' }],
  ['signed by a key that is endorsed for another channel', { key: 'webchat' }],
  ['signed by a key that is endorsed for nothing', { key: 'bare' }],
  ['of an unknown key', { header: { kid: 'key-of-nobody' } }],
  ['of no key', { header: { kid: undefined } }],
  ['for another bot', { claims: { aud: '11111111-1111-4111-8111-111111111111' } }],
  ['for a list of bots', { claims: { aud: [APP_ID] } }],
  ['for nobody', { claims: { aud: undefined } }],
  ['of the emulator', { claims: { iss: 'https://sts.windows.net/d6d49420-f39b-4df7-a1dc-d59a935871db/' } }],
  [
    'of Entra, such as our own',
    { claims: { iss: `https://login.microsoftonline.com/${ELSEWHERE}/v2.0`, appid: APP_ID } },
  ],
  ['of nobody', { claims: { iss: undefined } }],
  ['of two issuers', { claims: { iss: [ISSUER] } }],
  ['that has ended', { claims: { exp: now() - 3_600 } }],
  ['that never ends', { claims: { exp: undefined } }],
  ['that ends in words', { claims: { exp: 'tomorrow' } }],
  ['that has not begun', { claims: { nbf: now() + 3_600 } }],
  ['of another place', { claims: { serviceurl: 'https://evil.example/' } }],
  ['of no place', { claims: { serviceurl: undefined } }],
  ['with an extension that must be understood', { header: { crit: ['b64'], b64: true } }],
]

it.each(tokens)('a token %s is refused', async (_what, token) => {
  const response = await user.send(inPerson(fake, 'ana', 'prod-db 2h fix'), { token })
  expect([response.status, heard]).toEqual([expect.toBeOneOf([401, 403]), 0])
})

const bodies: [string, (good: Record<string, unknown>) => unknown][] = [
  ['without serviceUrl', ({ serviceUrl: _, ...rest }) => rest],
  ['with another serviceUrl', (good) => ({ ...good, serviceUrl: 'https://evil.example/' })],
  [
    'with a serviceUrl that differs by a slash',
    (good) => ({ ...good, serviceUrl: String(good.serviceUrl).slice(0, -1) }),
  ],
  ['without a type', ({ type: _, ...rest }) => rest],
  ['with a type that is no text', (good) => ({ ...good, type: 7 })],
  ['without an id', ({ id: _, ...rest }) => rest],
  ['with a list for an id', (good) => ({ ...good, id: ['1'] })],
  ['of another channel', (good) => ({ ...good, channelId: 'webchat' })],
  ['of the emulator', (good) => ({ ...good, channelId: 'emulator' })],
  ['of no channel', ({ channelId: _, ...rest }) => rest],
  ['of another tenant', (good) => ({ ...good, ...tenant(ELSEWHERE) })],
  ['of two tenants', (good) => ({ ...good, channelData: { tenant: { id: ELSEWHERE } } })],
  ['from somebody of another tenant', (good) => ({ ...good, from: { ...(good.from as object), tenantId: ELSEWHERE } })],
  ['of no tenant', (good) => ({ ...good, conversation: { id: 'a:1', conversationType: 'personal' }, channelData: {} })],
  ['with a tenant that is no text', (good) => ({ ...good, channelData: { tenant: { id: {} } } })],
  ['without a conversation', ({ conversation: _, ...rest }) => rest],
  ['from nobody', ({ from: _, ...rest }) => rest],
  ['with a list for a sender', (good) => ({ ...good, from: [] })],
  ['that is a list', (good) => [good]],
  ['that is null', () => null],
  ['that is a text', () => 'message'],
]

it.each(bodies)('a body %s, under a good token, is 403', async (_what, change) => {
  for (const good of [inPerson(fake, 'ana', 'prod-db 2h fix'), pressOf(fake, 'ana', { action: 'approve' })]) {
    const response = await user.send(change(good))
    expect([response.status, heard]).toEqual([403, 0])
  }
})

it.each(['', '{', 'type=message', '{"type":"message"}{}', '\u0000'])('the body %j is 403', async (body) => {
  const response = await user.send(null, { body: body === '' ? ' ' : body })
  expect([response.status, heard]).toEqual([403, 0])
})

it('is answered alike without a token, whatever the body', async () => {
  for (const [, change] of bodies) {
    const response = await user.send(change(inPerson(fake, 'ana', 'x')), { authorization: '' })
    expect([response.status, heard, await response.text()]).toEqual([401, 0, ''])
  }
})

it('what is too large, packed or of another method gets in no further', async () => {
  const good = inPerson(fake, 'ana', 'x'.repeat(300 * 1024))
  expect((await user.send(good)).status).toBe(413)
  const packed = await user.send(inPerson(fake, 'ana', 'x'), { headers: { 'content-encoding': 'gzip' } })
  expect(packed.status).toBe(415)
  expect((await fetch(`${it_.url}/api/messages`)).status).toBe(404)
  expect(heard).toBe(0)
})

it('a good request with the same pieces is heard, so that the above are refused for their fault alone', async () => {
  expect((await user.send(inPerson(fake, 'ana', 'prod-db 2h fix'))).status).toBe(200)
  expect(heard).toBe(1)
  expect((await user.press('ana', { action: 'approve', request: 'G-7K3QF0', revision: 1 })).status).toBe(200)
})

it('nothing was learned from any of them: answers go where Microsoft signed that they go', async () => {
  const rows = await it_.db<{ service_url: string; id: string }[]>`select service_url, id from teams_conversation`
  expect(new Set(rows.map((row) => row.service_url))).toEqual(new Set([fake.serviceUrl]))
  expect(rows.map((row) => row.id)).toContain(objectIdOf('ana'))
  expect(headers.length + tokens.length + bodies.length).toBeGreaterThan(40)
})

it('while the keys cannot be read nobody is let in, and it is said to those who run this', async () => {
  const server = await listen(it_.startReplica().router)
  const stranger = createTeamsUser(server.url, fake)
  fake.failNext('GET /openid', { kind: 'status', status: 503, word: 'Unavailable' })
  expect((await stranger.send(inPerson(fake, 'ana', 'help'))).status).toBe(401)
  expect(it_.faults.at(-1)?.what).toMatch(/keys that Microsoft signs with/)
  await it_.clock.advance(6_000)
  expect((await stranger.send(inPerson(fake, 'ana', 'help'))).status).toBe(200)
  await server.close()
})

function part(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function goodClaims() {
  return {
    iss: ISSUER,
    aud: APP_ID,
    exp: now() + 3_600,
    nbf: now() - 60,
    serviceurl: 'https://smba.trafficmanager.net/teams/',
  }
}

function tenant(id: string) {
  return {
    conversation: { id: 'a:1', conversationType: 'personal', tenantId: id },
    channelData: { tenant: { id } },
  }
}
