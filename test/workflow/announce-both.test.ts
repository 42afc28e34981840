import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ChannelOn } from '../../src/domain/channels.ts'
import { MINUTE } from '../../src/domain/duration.ts'
import { ChatError, type ChatErrorCode } from '../../src/ports/chat.ts'
import { announce } from '../../src/workflow/announce.ts'
import { forEachPlatform } from '../../src/workflow/to-effect.ts'
import { noteHeard } from '../../src/workflow/where-to-tell.ts'
import { AT, approved, asked, askedFor, wordsOf } from '../cards/grant-story.ts'
import { testPolicy } from '../support/policy.ts'
import { createTestContext, type TestChat, type TestContext } from './test-context.ts'

const TEAMS_CHANNEL = '19:access@thread.tacv2'
const BOTH: ChannelOn[] = [
  { platform: 'slack', channel: 'access' },
  { platform: 'teams', channel: TEAMS_CHANNEL },
]
const askedInBoth = askedFor({ announcedIn: BOTH })

let world: TestContext
let [slack, teams]: TestChat[] = []
let grants = 0
let id: string
let stream: string

beforeAll(async () => {
  world = await createTestContext(AT, ['slack', 'teams'])
  ;[slack, teams] = world.chats
})
afterAll(() => world.database.drop())
beforeEach(async () => {
  grants += 1
  id = `G-${String(grants).padStart(6, '0')}`
  stream = `grant:${id}`
  for (const chat of world.chats) {
    chat.failWith = () => null
    chat.calls.length = 0
  }
  await world.context.db`update where_to_tell set last_used = null, chosen = null`
  const accounts = (name: string) => ['slack', 'teams'].map((platform) => ({ platform, tenant: 't', id: name }))
  world.setPolicy({
    channel: { slack: 'access', teams: TEAMS_CHANNEL },
    people: testPolicy().people.map((one) => ({ ...one, accounts: accounts(one.id) })),
  })
})

const tell = (platform: string) =>
  announce(world.context, stream, platform).then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
const fail =
  (code: ChatErrorCode, of = '') =>
  (key: string) =>
    key.includes(of) ? new ChatError(code, `${code} it is`) : null
const keysOf = (chat: TestChat | undefined) =>
  [...(chat?.messages.keys() ?? [])].flatMap((key) =>
    key.startsWith(`${stream}:`) ? [key.slice(stream.length + 1)] : [],
  )
const heard = (identity: string, platform: string) =>
  world.context.db.begin((tx) => noteHeard(world.context, tx, [{ identity, platform }]))
const undelivered = async () =>
  (await world.context.record.readStream(world.context.db, `undelivered:${stream}`)).map((event) => event.data)
const inStep = async () => (await world.context.db`select seq from announced where stream = ${stream}`)[0]?.seq ?? null

it('each platform has its own card and thread under keys of their own, drawn from the same events', async () => {
  await world.happen(id, askedInBoth)
  expect([await tell('slack'), await tell('teams')]).toEqual(['done', 'done'])
  expect(keysOf(slack)).toEqual(expect.arrayContaining(['card@slack', 'line:1@slack']))
  expect(keysOf(teams)).toEqual(expect.arrayContaining(['card@teams', 'line:1@teams']))
  expect(teams?.messages.get(`${stream}:card@teams`)?.to).toMatchObject({ kind: 'channel', channel: TEAMS_CHANNEL })
  expect(teams?.messages.get(`${stream}:line:1@teams`)?.to).toMatchObject({ root: { id: `${stream}:card@teams` } })
  await world.happen(id, ...approved)
  for (const one of ['teams', 'slack']) await tell(one)
  const cards = [slack, teams].map((chat) => chat?.messages.get(`${stream}:card@${chat.platform}`))
  expect(new Set(cards.map((one) => JSON.stringify(one?.message))).size).toBe(1)
  expect(cards[0] && wordsOf(cards[0].message)).toContain('Approved by')
})

it('one that is away holds back nobody, and chat is in step when both are', async () => {
  await world.happen(id, askedInBoth)
  if (teams) teams.failWith = fail('unreachable')
  expect([await tell('teams'), await tell('slack')]).toEqual(['unreachable', 'done'])
  expect(keysOf(slack)).toContain('card@slack')
  expect(await inStep()).toBeNull()
  if (teams) teams.failWith = () => null
  await tell('teams')
  expect(await inStep()).toBe(1)
})

it('what is kept for all is handed to each, and what is kept for one stays its own', async () => {
  await world.happen(id, askedInBoth)
  await announce(world.context, stream)
  expect(world.chats.flatMap(keysOf)).toEqual([])
  const effect = world.enqueued.at(-1)
  expect(effect).toEqual({ kind: 'announce', stream })
  const both = forEachPlatform({ kind: 'announce', stream }, ['slack', 'teams'])
  expect(both.map((one) => 'platform' in one && one.platform)).toEqual(['slack', 'teams'])
  expect(forEachPlatform({ kind: 'announce', stream, platform: 'slack' }, ['slack', 'teams'])).toHaveLength(1)
  expect(forEachPlatform({ kind: 'announce', stream }, ['slack'])).toEqual([{ kind: 'announce', stream }])
})

describe('a person', () => {
  it('is told once, where they acted last, whichever platform looks first', async () => {
    await heard('marcus', 'teams')
    await world.happen(id, askedInBoth)
    for (const one of ['slack', 'teams', 'slack']) await tell(one)
    expect(keysOf(slack)).not.toContain('approver:marcus')
    expect(keysOf(teams)).toContain('approver:marcus')
  })

  it('is told once also when they went over in between, and the message changes where it is', async () => {
    await world.happen(id, askedInBoth)
    await heard('marcus', 'slack')
    await tell('slack')
    await heard('marcus', 'teams')
    await tell('teams')
    expect(keysOf(teams)).not.toContain('approver:marcus')
    await world.happen(id, ...approved)
    for (const one of ['teams', 'slack']) await tell(one)
    expect(slack?.calls).toContain(`update ${stream}:approver:marcus`)
  })

  it('is told once also when both platforms look at the same time, and each finds them elsewhere', async () => {
    await world.happen(id, askedInBoth)
    await heard('marcus', 'slack')
    const { byId } = world.context.directory
    const teamsIsDone = Promise.withResolvers<void>()
    const slackLooks = Promise.withResolvers<void>()
    world.context.directory.byId = async (who) => {
      world.context.directory.byId = byId
      slackLooks.resolve()
      await teamsIsDone.promise
      return byId(who)
    }
    const slower = tell('slack')
    await slackLooks.promise
    await heard('marcus', 'teams')
    await tell('teams')
    teamsIsDone.resolve()
    expect(await slower).toBe('done')
    expect(keysOf(slack)).not.toContain('approver:marcus')
    await world.happen(id, ...approved)
    for (const one of ['slack', 'teams']) await tell(one)
    expect(teams?.calls).toContain(`update ${stream}:approver:marcus`)
  })

  it('who was never heard is told where their first account is, and where they chose it counts before all', async () => {
    await world.happen(id, askedInBoth)
    await tell('teams')
    await tell('slack')
    expect(keysOf(slack)).toContain('approver:marcus')
    await world.context.db`insert into where_to_tell (identity, last_used, chosen) values ('olga', 'slack', 'teams')`
    await world.happen(id, {
      type: 'request.approvers-changed',
      data: { approvers: [{ id: 'olga', as: ['owner'] }], missing: 0, rules: ['1 of owners'], policy: 'p' },
    })
    for (const one of ['slack', 'teams']) await tell(one)
    expect(keysOf(teams)).toContain('approver:olga')
    expect(keysOf(slack)).not.toContain('approver:olga')
  })

  it('whom one platform refuses is told on the other, on record; only when both refuse is it said that nobody told them', async () => {
    await world.happen(id, askedInBoth)
    await heard('marcus', 'teams')
    if (teams) teams.failWith = fail('refused', ':approver:')
    for (const one of ['teams', 'teams', 'slack']) await tell(one)
    expect(keysOf(slack)).toContain('approver:marcus')
    const notice = `${stream}:approver:marcus`
    expect(await undelivered()).toEqual([{ to: 'marcus', notice, code: 'refused', instead: 'slack' }])
    expect(keysOf(slack).filter((key) => key.includes('untold'))).toEqual([])
    expect(world.alarms.at(-1)).toMatchObject({ what: 'notice-elsewhere', grant: id })
  })

  it('whom neither can tell is named in both threads, and escalated', async () => {
    await world.happen(id, askedInBoth)
    for (const chat of world.chats) chat.failWith = fail('not-found', ':approver:')
    for (let n = 0; n < 4; n++) for (const one of ['slack', 'teams']) await tell(one)
    expect((await undelivered()).map(({ instead }) => instead ?? null)).toEqual(['teams', null])
    expect(keysOf(slack)).toContain('untold:2@slack')
    expect(keysOf(teams)).toContain('untold:2@teams')
    expect(world.chats.flatMap(keysOf).filter((key) => key === 'escalation:untold:request:carla')).toHaveLength(1)
  })

  it('is not sent to and fro: a platform that is away for a minute is left once', async () => {
    await world.happen(id, askedInBoth)
    if (slack) slack.failWith = fail('unreachable')
    expect([await tell('slack'), await tell('slack')]).toEqual(['unreachable', 'unreachable'])
    expect(await undelivered()).toEqual([])
    await world.clock.advance(2 * MINUTE)
    await tell('slack')
    expect((await undelivered()).map(({ instead }) => instead)).toEqual(['teams'])
    if (teams) teams.failWith = fail('unreachable')
    await tell('teams')
    await world.clock.advance(2 * MINUTE)
    await tell('teams')
    expect(await undelivered()).toHaveLength(1)
    if (teams) teams.failWith = () => null
    await tell('teams')
    expect(keysOf(teams)).toContain('approver:marcus')
    if (slack) slack.failWith = () => null
    await tell('slack')
    expect(keysOf(slack)).not.toContain('approver:marcus')
  })
})

it('a request from the time of one platform goes on there, under the keys that it has', async () => {
  await world.happen(id, asked)
  await world.context.db`
    insert into notice (key, stream, platform, state, channel, message, content_hash, attempts, at)
    values (${`${stream}:card`}, ${stream}, 'slack', 'sent', 'access', ${`${stream}:card`}, 'old', 0, 0)`
  for (const one of ['teams', 'slack']) await tell(one)
  expect(keysOf(teams).filter((key) => /card|line/.test(key))).toEqual([])
  expect(slack?.calls).toContain(`update ${stream}:card`)
  expect(slack?.calls).toContain(`post ${stream}:line:1`)
})

it('each platform has a fallback of its own', async () => {
  const { channel, people } = world.context.policy.current()
  world.setPolicy({ channel, people, fallbackChannel: { slack: 'reserve' } })
  await world.happen(id, askedInBoth)
  for (const chat of world.chats) chat.failWith = fail('not-found', ':card')
  if (slack)
    slack.failWith = (key, to) =>
      to.kind === 'channel' && to.channel === 'access' ? new ChatError('not-found', key) : null
  for (let n = 0; n < 3; n++) for (const one of ['slack', 'teams']) await tell(one)
  expect(slack?.messages.get(`${stream}:card@slack:elsewhere`)?.to).toEqual({ kind: 'channel', channel: 'reserve' })
  expect((await undelivered()).map(({ notice, fallback }) => [notice, fallback ?? null])).toEqual([
    [`${stream}:card@slack`, 'reserve'],
    [`${stream}:card@teams`, null],
  ])
})
