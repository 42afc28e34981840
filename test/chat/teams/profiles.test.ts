import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { CHANNEL, TENANT } from './fake-teams.ts'
import { objectIdOf, type StartedTeamsChat, startTeamsChat } from './start-teams-chat.ts'
import { createTeamsUser, inChannel, type TeamsUser } from './teams-user.ts'

/* Who somebody is, asked at a strict server of ours where they were heard: in a channel, which guests see too. */
let it_: StartedTeamsChat
let user: TeamsUser
beforeAll(async () => {
  it_ = await startTeamsChat({ startMs: Date.now() })
  user = createTeamsUser(it_.url, it_.fake)
  await user.send(inChannel(it_.fake, 'ana', 'help'))
})
afterAll(() => it_.stop())
beforeEach(() => it_.fake.members.clear())

const account = (name: string, tenant = TENANT) => ({ platform: 'teams', tenant, id: objectIdOf(name) })

it.each<[string, object, string | null]>([
  ['a user of the tenant', {}, 'member'],
  ['a user under the older name of the id', { aadObjectId: undefined, objectId: objectIdOf('ana') }, 'member'],
  ['a guest', { userRole: 'guest' }, 'guest'],
  ['a guest whom Teams calls a user', { userPrincipalName: 'ana_evil.example#EXT#@acme.example' }, 'guest'],
  ['somebody who joined without an account', { userRole: 'anonymous' }, 'stranger'],
  ['somebody of another tenant', { tenantId: '99999999-2222-4333-8444-555555555555' }, 'stranger'],
  ['somebody without a role', { userRole: undefined }, null],
  ['somebody of a role that we do not know', { userRole: 'federated' }, null],
  ['somebody else than was asked for', { aadObjectId: objectIdOf('ben') }, null],
])('%s', async (_, said, kind) => {
  it_.fake.members.set('ana', said)
  const expected = kind === null ? null : { kind, confirmedEmail: null }
  expect(await it_.teams.profileOf(account('ana'))).toEqual(expected)
})

it('is asked in the team of the channel, where everybody in the channel is', async () => {
  const before = it_.fake.calls.length
  await it_.teams.profileOf(account('ana'))
  expect(it_.fake.calls.slice(before)).toEqual([`GET conversations/:id/members/:id`])
  expect(it_.fake.rosters.at(-1)).toBe(CHANNEL)
})

it.each([
  ['Teams fails', { kind: 'status', status: 503, word: 'ServiceUnavailable' }],
  ['Teams lets us not ask', { kind: 'status', status: 403, word: 'BotNotInConversationRoster' }],
  ['the connection breaks', { kind: 'reset-before' }],
] as const)('nothing is said where %s', async (_, fault) => {
  it_.fake.failNext('GET conversations/:id/members/:id', fault)
  expect(await it_.teams.profileOf(account('ana'))).toBeNull()
})

it('whom this process never heard, or who is of another tenant or platform, says nothing, and nobody is asked', async () => {
  const before = it_.fake.calls.length
  expect(await it_.teams.profileOf(account('olga'))).toBeNull()
  expect(await it_.teams.profileOf(account('ana', '99999999-2222-4333-8444-555555555555'))).toBeNull()
  expect(await it_.teams.profileOf({ ...account('ana'), platform: 'slack' })).toBeNull()
  expect(it_.fake.calls.length).toBe(before)
})
