import { webApi } from '@slack/bolt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createProfiles } from '../../../src/chat/slack/profiles.ts'
import { BOT_TOKEN, type FakeSlack, startFakeSlack, TEAM } from './fake-slack.ts'

let fake: FakeSlack
let profileOf: ReturnType<typeof createProfiles>
beforeAll(async () => {
  fake = await startFakeSlack({ people: [], now: Date.now })
  profileOf = createProfiles(new webApi.WebClient(BOT_TOKEN, { slackApiUrl: fake.apiUrl, retryConfig: { retries: 0 } }))
})
afterAll(() => fake.stop())

const CONFIRMED = { is_email_confirmed: true, profile: { email: 'ana@acme.example' } }
const account = (id: string, tenant = TEAM) => ({ platform: 'slack', tenant, id })

it.each<[string, object, string, string | null]>([
  ['a member whose address is confirmed', CONFIRMED, 'member', 'ana@acme.example'],
  ['a member whose address is not confirmed', { profile: CONFIRMED.profile }, 'member', null],
  ['a member of whom Slack says "true" in words', { ...CONFIRMED, is_email_confirmed: 'true' }, 'null', null],
  ['a guest of several channels', { ...CONFIRMED, is_restricted: true }, 'guest', null],
  ['a guest of one channel', { ...CONFIRMED, is_restricted: true, is_ultra_restricted: true }, 'guest', null],
  ['somebody who was only invited', { ...CONFIRMED, is_invited_user: true }, 'guest', null],
  ['a bot', { ...CONFIRMED, is_bot: true }, 'bot', null],
  ['somebody who left the workspace', { ...CONFIRMED, deleted: true }, 'gone', null],
  ['somebody of another workspace', { ...CONFIRMED, team_id: 'T0OTHER' }, 'stranger', null],
  ['somebody whom Slack calls a stranger', { ...CONFIRMED, is_stranger: true }, 'stranger', null],
])('%s', async (_, said, kind, confirmedEmail) => {
  fake.profiles.set('U0NEW', said)
  const profile = await profileOf(account('U0NEW'))
  expect(profile).toEqual(kind === 'null' ? null : { kind, confirmedEmail })
})

it('whom Slack does not know, or who is of another platform, says nothing', async () => {
  expect(await profileOf(account('U0NOBODY'))).toBeNull()
  expect(await profileOf({ platform: 'teams', tenant: TEAM, id: 'U0NEW' })).toBeNull()
})

it('a member in another workspace than the act came from is a stranger there', async () => {
  fake.profiles.set('U0NEW', CONFIRMED)
  expect(await profileOf(account('U0NEW', 'T0OTHER'))).toEqual({ kind: 'stranger', confirmedEmail: null })
})
