import { expect, it } from 'vitest'
import { requireAnnounceable } from '../../src/app/require-announceable.ts'
import type { Policy } from '../../src/domain/policy.ts'
import { testPolicy, testTarget } from '../support/policy.ts'

const BOTH = { slack: 'access', teams: '19:access@thread.tacv2' }

it.each<[string, Partial<Policy>, string[]]>([
  ['one channel and one platform', {}, ['slack']],
  ['one channel and the local page', {}, ['local']],
  ['a channel on each', { channel: BOTH }, ['slack', 'teams']],
  ['a channel on one of two', { channel: { teams: BOTH.teams } }, ['slack', 'teams']],
])('takes %s', (_what, changes, platforms) => {
  const read = { policy: testPolicy(changes), text: '' }
  expect(requireAnnounceable(read, platforms)).toBe(read)
})

it.each<[string, Partial<Policy>, string[], RegExp]>([
  ['a platform that is not there', { channel: BOTH }, ['slack'], /channel names teams.*Set TEAMS_APP_ID/],
  ['any platform on the local page', { channel: BOTH }, ['local'], /names slack[\s\S]*names teams/],
  [
    'a fallback elsewhere',
    { channel: { slack: 'a' }, fallbackChannel: BOTH },
    ['slack'],
    /fallbackChannel names teams/,
  ],
  [
    'a target that is announced elsewhere',
    { channel: { slack: 'a' }, targets: { 'prod-db': testTarget({ channel: BOTH }) } },
    ['slack'],
    /targets\.prod-db\.channel names teams/,
  ],
  ['a channel that may be on either', {}, ['slack', 'teams'], /access does not say where it is.*slack: …, teams: …/],
])('refuses %s, and says what to do', (_what, changes, platforms, words) => {
  expect(() => requireAnnounceable({ policy: testPolicy(changes), text: '' }, platforms)).toThrow(words)
})
