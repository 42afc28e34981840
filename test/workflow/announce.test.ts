import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { DAY, HOUR } from '../../src/domain/duration.ts'
import { ChatError, type ChatErrorCode, type Destination } from '../../src/ports/chat.ts'
import { DirectoryUnreachable } from '../../src/ports/directory.ts'
import { announce } from '../../src/workflow/announce.ts'
import { lookAgain } from '../../src/workflow/look-again.ts'
import { AT, active, approved, asked, askedFor, ending, removed, wordsOf } from '../cards/grant-story.ts'
import { createTestContext, type TestContext } from './test-context.ts'

let world: TestContext
let grants = 0
let id: string
let stream: string

beforeAll(async () => {
  world = await createTestContext(AT)
})
afterAll(() => world.database.drop())
beforeEach(() => {
  grants += 1
  id = `G-${String(grants).padStart(6, '0')}`
  stream = `grant:${id}`
  world.chat.failWith = () => null
  world.chat.calls.length = 0
})

const fail =
  (code: ChatErrorCode, of = '') =>
  (key: string) =>
    key.includes(of) ? new ChatError(code, `${code} it is`) : null
const attempt = () =>
  announce(world.context, stream).then(
    () => 'done',
    (error: { code: string }) => error.code,
  )
const attempts = async (count: number) => {
  const results: string[] = []
  for (let n = 0; n < count; n++) results.push(await attempt())
  return results
}
const noticeOf = async (key: string) => {
  const [row] = await world.context.db<{ state: string; content_hash: string }[]>`
    select state, content_hash from notice where key = ${`${stream}:${key}`}`
  return row
}
const undelivered = async () =>
  (await world.context.record.readStream(world.context.db, `undelivered:${stream}`)).map((event) => event.data.notice)

it('tells by the policy of now, also when another process has seen its activation first', async () => {
  await world.happen(id, asked)
  const { people } = world.context.policy.current()
  const renamed = people.map((one) => (one.id === 'ana' ? { ...one, name: 'Anastasia' } : one))
  const look = async () => {
    world.setPolicy({ people: renamed })
    return world.context.policy.current()
  }
  await announce({ ...world.context, policy: { ...world.context.policy, inForce: look } }, stream)
  const card = world.chat.messages.get(`${stream}:card`)
  expect(JSON.stringify(card)).toContain('Anastasia')
  world.setPolicy({})
})

describe('announcing while chat is down', () => {
  it('goes on trying for as long as the request is open, and delivers when chat is back', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('unreachable')
    expect(await attempts(30)).toEqual(Array(30).fill('unreachable'))
    expect(await undelivered()).toEqual([])
    world.chat.failWith = () => null
    expect(await attempt()).toBe('done')
    expect(world.chat.messages.has(`${stream}:approver:marcus`)).toBe(true)
    expect(world.chat.messages.has(`${stream}:line:1`)).toBe(true)
  })

  it('gives up a day after the end, and not before', async () => {
    await world.happen(id, asked, {
      type: 'request.denied',
      data: { by: 'marcus', reason: '', policy: 'p', assurance: 'click-only' },
    })
    world.chat.failWith = fail('throttled', ':card')
    await world.clock.advance(DAY - HOUR)
    expect(await attempts(3)).toEqual(['done', 'done', 'done'])
    expect(await undelivered()).toEqual([])
    await world.clock.advance(2 * HOUR)
    expect(await attempt()).toBe('done')
    expect(await undelivered()).toEqual([`${stream}:card`])
  })

  it('tries one message again when the directory is unreachable, and sends the others', async () => {
    await world.happen(id, asked)
    const { byId } = world.context.directory
    world.context.directory.byId = async () => {
      throw new DirectoryUnreachable('down')
    }
    expect(await attempts(10)).toEqual(Array(10).fill('DIRECTORY_UNREACHABLE'))
    world.context.directory.byId = byId
    expect(world.chat.messages.has(`${stream}:card`)).toBe(true)
    expect(await attempt()).toBe('done')
    expect(world.chat.messages.has(`${stream}:approver:marcus`)).toBe(true)
  })

  it('honours the longest wait that was asked for', async () => {
    await world.happen(id, asked)
    world.chat.failWith = (key) =>
      new ChatError('unreachable', 'away', { retryAfterMs: key.endsWith(':card') ? 7_000 : 9 })
    await expect(announce(world.context, stream)).rejects.toMatchObject({ code: 'unreachable', retryAfterMs: 7_000 })
  })
})

it('is in no hurry with steps on the way, and in one with what somebody waits for', async () => {
  await world.happen(id, asked)
  expect(world.enqueued.at(-1)).toEqual({ kind: 'announce', stream, urgent: true })
  await world.happen(id, ...approved, ...active)
  await world.happen(id, ...ending)
  const notBefore = world.clock.now() + 2_000
  expect(world.enqueued.at(-1)).toEqual({ kind: 'announce', stream, urgent: false, notBefore })
  await world.happen(id, removed)
  expect(world.enqueued.at(-1)).toEqual({ kind: 'announce', stream, urgent: false })
})

describe('a message that has to wait for its turn', () => {
  it('is no failure: it comes back shortly before the soonest turn, and is in step only then', async () => {
    await world.happen(id, asked)
    const waitsMs: Record<string, number> = { card: 40_000, 'approver:marcus': 9_000 }
    world.chat.failWith = (key) => {
      const retryAfterMs = waitsMs[key.replace(`${stream}:`, '')]
      return retryAfterMs === undefined ? null : new ChatError('throttled', 'not yet', { retryAfterMs })
    }
    expect(await attempt()).toBe('done')
    const notBefore = world.clock.now() + 7_500
    expect(world.enqueued.at(-1)).toEqual({ kind: 'announce', stream, notBefore })
    expect(await world.context.db`select from announced where stream = ${stream}`).toHaveLength(0)
    world.chat.failWith = () => null
    expect(await attempt()).toBe('done')
    expect(await world.context.db`select from announced where stream = ${stream}`).toHaveLength(1)
  })

  it('is said once and without an update, when all that happened was that it waited', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('throttled', ':line:')
    await attempts(3)
    world.chat.failWith = () => null
    await world.happen(id, ...approved)
    await attempt()
    expect(world.chat.calls.filter((call) => call.includes(':line:'))).toEqual(Array(4).fill(`post ${stream}:line:1`))
  })

  it('says all the steps that wait in one line, and leaves it at that when more happens', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('throttled', ':line:')
    await attempt()
    await world.clock.advance(60_000)
    await world.happen(id, ...approved)
    await attempt()
    world.chat.failWith = () => null
    await attempt()
    const line = world.chat.messages.get(`${stream}:line:1`)
    expect(line && wordsOf(line.message)).toMatch(/Ana asked.*Approved by Marcus/)
    expect([...world.chat.messages.keys()].filter((key) => key.startsWith(`${stream}:line:`))).toHaveLength(1)
    await world.clock.advance(60_000)
    await world.happen(id, { type: 'request.cancelled', data: { by: 'ana' } })
    world.chat.calls.length = 0
    await attempt()
    expect(world.chat.calls.filter((call) => call.includes(':line:'))).toEqual([`post ${stream}:line:4`])
  })
})

describe('a message that is refused', () => {
  it('is given up after two tries, said once, and does not hold back the others', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('refused', ':approver:')
    expect(await attempts(3)).toEqual(['RETRY_LATER', 'done', 'done'])
    expect(await undelivered()).toEqual([`${stream}:approver:marcus`])
    expect(world.enqueued.at(-1)).toEqual({ kind: 'announce', stream })
    expect(await noticeOf('approver:marcus')).toMatchObject({ state: 'undeliverable' })
  })

  it('does not count an outage as a refusal', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('unreachable', ':approver:')
    await attempts(5)
    world.chat.failWith = fail('not-found', ':approver:')
    expect(await attempt()).toBe('RETRY_LATER')
    expect(await undelivered()).toEqual([])
  })

  it('is tried again when it has something new to say, and that ends the trouble', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('refused', ':approver:')
    await attempts(2)
    world.chat.calls.length = 0
    await attempt()
    expect(world.chat.calls.filter((call) => call.includes(':approver:'))).toEqual([])
    await world.happen(id, ...approved)
    expect(await attempts(2)).toEqual(['RETRY_LATER', 'done'])
    expect(await undelivered()).toHaveLength(1)
    world.chat.failWith = () => null
    await world.happen(id, { type: 'request.cancelled', data: { by: 'ana' } })
    expect(await attempt()).toBe('done')
    expect(await noticeOf('approver:marcus')).toMatchObject({ state: 'sent' })
  })

  it('is named in the thread and to the holder, and escalated when nobody else can decide', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('not-found', ':approver:')
    await attempts(3)
    const said = (key: string) => {
      const found = world.chat.messages.get(`${stream}:${key}`)
      return found === undefined ? null : wordsOf(found.message)
    }
    expect(said('untold:1')).toContain('Marcus could not be told in person')
    expect(said('holder:untold:1')).toContain('Marcus could not be told in person')
    expect(said('escalation:untold:request:carla')).toContain('None of those who may decide could be told')
  })

  it('leaves the thread of a card that is not there to wait, and fills it once it is', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('not-found', ':card')
    await attempts(4)
    expect(await undelivered()).toEqual([`${stream}:card`])
    world.chat.failWith = () => null
    await world.happen(id, ...approved)
    expect(await attempt()).toBe('done')
    expect(world.chat.messages.has(`${stream}:line:1`)).toBe(true)
  })
})

describe('a message of which nobody knows whether it was sent', () => {
  it('is posted again under the same key, with the words of now', async () => {
    await world.happen(id, asked)
    world.chat.failWith = fail('maybe-sent', ':approver:')
    expect(await attempt()).toBe('maybe-sent')
    expect(await noticeOf('approver:marcus')).toMatchObject({ state: 'maybe-sent' })
    await world.happen(id, ...approved)
    world.chat.failWith = () => null
    expect(await attempt()).toBe('done')
    const posts = world.chat.calls.filter((call) => call === `post ${stream}:approver:marcus`)
    expect(posts).toHaveLength(2)
    const shown = world.chat.messages.get(`${stream}:approver:marcus`)
    expect(shown && wordsOf(shown.message)).toContain('Ana asked for prod-db:write')
  })
})

it('keeps a digest of the words that the database alone cannot be asked about', async () => {
  const { createHash } = await import('node:crypto')
  await world.happen(id, askedFor({ reason: 'fix INC-43' }))
  await attempt()
  const shown = world.chat.messages.get(`${stream}:card`)
  const guess = createHash('sha256').update(JSON.stringify(shown?.message)).digest('hex')
  const kept = await noticeOf('card')
  expect(kept?.content_hash).toMatch(/^[0-9a-f]{64}$/)
  expect(kept?.content_hash).not.toBe(guess)
})

describe('a channel that cannot be reached', () => {
  const noChannel = (key: string, to: Destination) =>
    to.kind === 'channel' && to.channel === 'access' ? new ChatError('not-found', `no ${key} there`) : null
  const facts = async () =>
    (await world.context.record.readStream(world.context.db, `undelivered:${stream}`)).map(({ type, data }) => ({
      type,
      data,
    }))

  it('is replaced by the fallback, on record, with the thread under the card there; owners are told', async () => {
    world.setPolicy({ fallbackChannel: 'reserve' })
    await world.happen(id, asked)
    world.chat.failWith = noChannel
    expect(await attempts(3)).toEqual(['RETRY_LATER', 'RETRY_LATER', 'done'])
    const notice = `${stream}:card`
    expect(await facts()).toEqual([
      { type: 'notice.undeliverable', data: { to: 'channel', notice, code: 'not-found', fallback: 'reserve' } },
    ])
    expect(world.chat.messages.get(`${notice}:elsewhere`)?.to).toEqual({ kind: 'channel', channel: 'reserve' })
    expect(world.chat.messages.get(`${stream}:line:1`)?.to).toMatchObject({
      kind: 'thread',
      root: { id: `${notice}:elsewhere` },
    })
    expect(world.alarms.at(-1)).toMatchObject({ what: 'notice-elsewhere', grant: id })
    for (const who of ['olga', 'carla']) {
      const told = world.chat.messages.get(`${stream}:escalation:card-elsewhere:${who}`)
      expect(told && wordsOf(told.message)).toMatch(
        /could not be posted in #access \(not-found\). It is in #reserve instead/,
      )
    }
    await world.happen(id, ...approved)
    await attempt()
    const card = world.chat.messages.get(`${notice}:elsewhere`)
    expect(card && wordsOf(card.message)).toContain('Approved by')
    world.setPolicy({})
  })

  it('is used again by the next request, once it is back', async () => {
    world.setPolicy({ fallbackChannel: 'reserve' })
    await world.happen(id, asked)
    await attempt()
    expect(world.chat.messages.get(`${stream}:card`)?.to).toEqual({ kind: 'channel', channel: 'access' })
    world.setPolicy({})
  })

  it('is given up when the fallback cannot be reached either, and those who answer for it are told in person', async () => {
    world.setPolicy({ fallbackChannel: 'reserve' })
    await world.happen(id, asked)
    world.chat.failWith = (_key, to) => (to.kind === 'channel' ? new ChatError('refused', 'no') : null)
    expect(await attempts(5)).toEqual(['RETRY_LATER', 'RETRY_LATER', 'RETRY_LATER', 'done', 'done'])
    expect((await facts()).map(({ data }) => data.fallback ?? null)).toEqual(['reserve', null])
    expect(world.chat.messages.has(`${stream}:escalation:no-card:olga`)).toBe(true)
    expect(world.chat.messages.has(`${stream}:approver:marcus`)).toBe(true)
    world.setPolicy({})
  })
})

describe('a card that somebody deleted', () => {
  const deletedIn = (gone: string) => (key: string) =>
    key === gone ? new ChatError('not-found', 'message_not_found') : null

  it('is posted again, once, on record, and its thread goes on under the new one', async () => {
    await world.happen(id, asked)
    await attempt()
    world.chat.failWith = deletedIn(`${stream}:card`)
    await lookAgain(world.context, { platform: 'local', channel: 'access', id: `${stream}:card` })
    expect(await attempts(2)).toEqual(['RETRY_LATER', 'done'])
    expect(await undelivered()).toEqual([`${stream}:card`])
    expect(world.alarms.at(-1)).toMatchObject({ what: 'card-deleted', grant: id })
    const again = `${stream}:card:again`
    expect(world.chat.messages.get(again)?.to).toEqual({ kind: 'channel', channel: 'access' })
    const said = world.chat.messages.get(`${stream}:deleted:1`)
    expect(said?.to).toMatchObject({ root: { id: again } })
    expect(said && wordsOf(said.message)).toContain('Somebody deleted the card')

    world.chat.failWith = deletedIn(again)
    await world.happen(id, ...approved)
    expect(await attempts(3)).toEqual(['RETRY_LATER', 'done', 'done'])
    expect(world.chat.calls.filter((call) => call === `post ${again}`)).toHaveLength(1)
  })

  it('is noticed without anybody saying so when its thread is not there any more', async () => {
    await world.happen(id, asked)
    await attempt()
    world.chat.failWith = (key, to) =>
      key === `${stream}:card` || (to.kind === 'thread' && to.root.id === `${stream}:card`)
        ? new ChatError('not-found', 'gone')
        : null
    await world.clock.advance(60_000)
    await world.happen(id, {
      type: 'act.refused',
      data: { by: 'bo', act: 'approve', code: 'not-eligible', facts: {}, said: '' },
    })
    await attempts(4)
    expect(world.chat.messages.has(`${stream}:card:again`)).toBe(true)
    expect(world.chat.messages.get(`${stream}:line:2`)?.to).toMatchObject({ root: { id: `${stream}:card:again` } })
  })

  it('is not believed to be gone by word alone', async () => {
    await world.happen(id, asked)
    await attempt()
    await lookAgain(world.context, { platform: 'local', channel: 'access', id: `${stream}:card` })
    await lookAgain(world.context, { platform: 'local', channel: 'access', id: 'somebody else’s' })
    expect(await attempt()).toBe('done')
    expect(await undelivered()).toEqual([])
    expect(world.chat.messages.has(`${stream}:card:again`)).toBe(false)
  })
})
