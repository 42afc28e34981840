import { request } from 'node:http'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createLocalChat } from '../../src/chat/local/local-chat.ts'
import type { Desk } from '../../src/ports/chat.ts'
import { until } from '../support/house.ts'
import { line } from './example-cards.ts'
import { ana, ben } from './local-people.ts'
import { messageIds, readStream } from './read-stream.ts'
import { type Replica, type StartedLocalChat, startLocalChat } from './start-local-chat.ts'

const access = { kind: 'channel', channel: '#access' } as const
const asAna = { as: 'ana', key: '0c3c3a0e-58a1-4a55-9c31-0a53f1f2f0aa' }
const press = { ...asAna, action: 'approve', request: 'R-7K3QF', revision: 3 }

let started: StartedLocalChat
let replica: Replica
let arrived: unknown[][] = []
let fails: Error | null = null
let holds: (() => Promise<void>) | null = null

beforeAll(async () => {
  started = await startLocalChat(() => recordingDesk())
  replica = await started.startReplica()
})

beforeEach(() => {
  arrived = []
  fails = null
  holds = null
  started.faults.length = 0
})

afterAll(() => started?.stop())

test('it refuses to exist on anything but loopback, and says what to do', () => {
  const options = { people: [], channels: [] } as unknown as Parameters<typeof createLocalChat>[0]
  for (const host of ['0.0.0.0', '::', '192.168.1.4', 'example.com', '127.0.0.1.example.com', '']) {
    expect(() => createLocalChat({ ...options, host })).toThrow(/HOST=127\.0\.0\.1/)
  }
  expect(createLocalChat({ ...options, host: 'localhost' }).chat.platform).toBe('local')
})

test('a page under a foreign name gets nothing, so that rebinding a name to 127.0.0.1 helps nobody', async () => {
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io', 'localhost@evil.example']) {
    for (const path of ['/', '/page/main.js', '/local/stream', '/local/token', '/local/completion?as=ana']) {
      expect(await ask(path, { host }), `${host} ${path}`).toMatchObject({ status: 403 })
    }
  }
  expect(await ask('/', { host: `[::1]:${replica.port}` })).toMatchObject({ status: 200 })
})

test('a request that a proxy passed on gets nothing, whatever name it asks under', async () => {
  for (const name of ['x-forwarded-for', 'x-forwarded-host', 'forwarded']) {
    for (const path of ['/', '/page/main.js', '/local/stream', '/local/token']) {
      const answer = await ask(path, { [name]: 'for=203.0.113.9' })
      expect(answer, `${name} ${path}`).toMatchObject({ status: 403, body: { error: { code: 'proxied' } } })
      expect(JSON.stringify(answer.body)).toContain('through a proxy')
    }
  }
})

test('another site can neither read nor act', async () => {
  const token = await takeToken()
  const own = { 'content-type': 'application/json', 'x-countersign-token': token }
  for (const foreign of [
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: `https://localhost:${replica.port}` },
    { origin: 'http://localhost:1' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    expect(await ask('/local/press', { ...own, ...foreign }, press)).toMatchObject({ status: 403 })
    expect(await ask('/local/token', foreign)).toMatchObject({ status: 403 })
    expect(await ask('/local/stream', foreign)).toMatchObject({ status: 403 })
  }
  expect(await ask('/local/press', { ...own, 'sec-fetch-site': 'none' }, press)).toMatchObject({ status: 403 })
  expect(arrived).toEqual([])
})

test('an act without this process’s token does not arrive, and the page is told to try again', async () => {
  for (const token of ['', 'x', 'x'.repeat(43)]) {
    const answer = await ask(
      '/local/press',
      { 'content-type': 'application/json', 'x-countersign-token': token },
      press,
    )
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'stale-token', retry: true } } })
  }
  expect(arrived).toEqual([])
})

test('every act reaches the desk under its own key and the account of whom the tab acts as', async () => {
  const act = { key: `local:${asAna.key}`, account: ana.account }
  expect(await perform('press', press)).toMatchObject({ status: 200, body: { kind: 'line' } })
  await perform('command', { ...asAna, text: 'prod-db 2h fix', channel: '#access' })
  await perform('submit', { ...asAna, form: 'ask', context: { a: 'b' }, values: { reason: 'fix' } })
  expect(arrived).toEqual([
    ['press', act, { action: 'approve', request: 'R-7K3QF', revision: 3 }],
    ['command', act, 'prod-db 2h fix', '#access'],
    ['submit', act, { form: 'ask', context: { a: 'b' }, values: { reason: 'fix' } }],
  ])
})

test('what is malformed, too long or by nobody is refused with words and does not arrive', async () => {
  for (const [kind, body, words] of [
    ['press', { ...press, as: 'mallory' }, 'nobody called mallory'],
    ['press', { ...press, key: 'not-a-uuid' }, 'key'],
    ['press', { ...press, revision: -1 }, 'revision'],
    ['press', { ...press, extra: 1 }, 'extra'],
    ['press', [], 'body'],
    ['command', { ...asAna, text: 'x'.repeat(4001), channel: null }, 'text'],
    ['command', { ...asAna, text: 'x'.repeat(40_000), channel: null }, 'too long'],
    ['command', { ...asAna, text: 'help', channel: '#nowhere' }, 'no channel #nowhere'],
    ['submit', { ...asAna, form: 'ask', context: {}, values: { reason: 7 } }, 'values.reason'],
  ] as const) {
    const { status, body: said } = await perform(kind, body)
    expect([400, 413]).toContain(status)
    expect(JSON.stringify(said)).toContain(words)
  }
  const asText = await ask('/local/press', { 'content-type': 'text/plain', ...(await tokenHeader()) }, press)
  expect(asText).toMatchObject({ status: 400, body: { error: { message: 'Acts are sent as JSON.' } } })
  const broken = await ask('/local/press', { 'content-type': 'application/json', ...(await tokenHeader()) }, '{"as":')
  expect(broken.status).toBe(400)
  expect(arrived).toEqual([])
  expect(started.faults).toEqual([])
})

test('when the desk fails the person is told to try again, the operator is told why, and nothing leaks', async () => {
  fails = new Error('password=hunter2')
  const { status, body } = await perform('press', press)
  expect(status).toBe(500)
  expect(body).toMatchObject({ error: { retry: true } })
  expect(JSON.stringify(body)).not.toContain('hunter2')
  expect(started.faults).toMatchObject([{ error: fails }])
})

test('nothing from outside can be loaded into the page, framed around it or sniffed out of it', async () => {
  const { headers } = await ask('/', {})
  expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
  expect(headers['content-security-policy']).not.toContain('unsafe')
  expect(headers['x-content-type-options']).toBe('nosniff')
  expect(await ask('/page/../local-chat.ts', {})).toMatchObject({ status: 404 })
  expect(await ask('/page/%2e%2e/local-chat.ts', {})).not.toMatchObject({ status: 200 })
})

test('what one replica posts reaches those who read at another, also when the notification is lost', async () => {
  const other = await started.startReplica()
  const reader = await readStream(other.url)
  await reader.until((events) => events.some(({ event }) => event === 'messages'))
  const heard = await replica.local.chat.post(access, 'replica 1', line('info', 'heard'))
  await reader.until((events) => messageIds(events).includes(heard.id))

  await started.db`
    insert into local_chat_messages (id, channel, root, key, content, version, posted_at, updated_at)
    select 'unannounced', '#access', null, 'unannounced', '{"tone":"info","text":[]}', max(version) + 1, 0, 0
    from local_chat_messages`
  await started.clock.advance(1000)
  await reader.until((events) => messageIds(events).includes('unannounced'))
  await reader.close()
})

test('however many post at once on two replicas, a reader gets every message and each key stands once', async () => {
  const other = await started.startReplica()
  const reader = await readStream(other.url)
  await reader.until((events) => events.some(({ event }) => event === 'messages'))
  const keys = Array.from({ length: 60 }, (_, index) => `crowd ${index % 30}`)
  const refs = await Promise.all(
    keys.map((key, index) => (index % 2 ? replica : other).local.chat.post(access, key, line('info', key))),
  )
  const ids = new Set(refs.map((ref) => ref.id))
  expect(ids.size).toBe(30)
  await reader.until((events) => [...ids].every((id) => messageIds(events).includes(id)))
  await reader.close()
})

test('messages that cannot be kept now take one connection of the pool, whatever their number', async () => {
  const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holding = started.db.begin(async (tx) => {
    await tx`lock table local_chat_messages in exclusive mode`
    held.resolve()
    await release.promise
  })
  await held.promise
  const posts = Array.from({ length: 8 }, (_, n) =>
    replica.local.chat.post(access, `held up ${n}`, line('info', 'late')),
  )
  await until('one waits', async () => {
    const rows = await started.db`
      select from pg_locks l join pg_class c on c.oid = l.relation
      where c.relname = 'local_chat_messages' and not l.granted`
    return rows.length > 0
  })
  const others = Array.from({ length: 3 }, () => started.db`select pg_sleep(0.1)`)
  expect(await Promise.all(others)).toHaveLength(3)
  release.resolve()
  await holding
  expect(new Set((await Promise.all(posts)).map(({ id }) => id)).size).toBe(8)
})

test('a restart loses nothing: the next process shows what the last one posted', async () => {
  const first = await started.startReplica()
  const ref = await first.local.chat.post(
    { kind: 'person', account: ben.account },
    'before',
    line('info', 'still here'),
  )
  await first.stop()
  const second = await started.startReplica()
  const reader = await readStream(second.url)
  await reader.until((events) => messageIds(events).includes(ref.id))
  await reader.close()
})

test('the panes are read while somebody looks, sent when they change, and shown as unknown when they fail', async () => {
  const reader = await readStream(replica.url)
  const targets = () => reader.events.filter(({ event }) => event === 'target').map(({ data }) => data)
  await reader.until(() => targets().length > 0)
  expect(targets().at(-1)).toEqual({ target: 'prod-db', accounts: [] })
  await started.clock.advance(3000)
  started.panes.target = { target: 'prod-db-2', accounts: [] }
  await started.clock.advance(1000)
  await reader.until(() => targets().at(-1)?.target === 'prod-db-2')
  expect(targets()).toHaveLength(2)

  started.panes.target = new Error('connection refused')
  await started.clock.advance(3000)
  await reader.until(() => targets().length === 3)
  expect(targets().at(-1)).toEqual({})
  expect(started.faults).toHaveLength(1)
  started.panes.target = { target: 'prod-db', accounts: [] }
  await started.clock.advance(1000)
  await reader.until(() => targets().at(-1)?.target === 'prod-db')
  await reader.close()
})

test('stopping ends the open pages’ streams, and may be done twice', async () => {
  const leaving = await started.startReplica()
  const reader = await readStream(leaving.url)
  await reader.until((events) => events.length > 0)
  await leaving.local.stop()
  await expect(reader.until(() => false)).rejects.toThrow('ended')
  await leaving.local.stop()
})

test('stopping waits for the act that the desk is at, so that its answer is not lost', async () => {
  const leaving = await started.startReplica()
  const { token } = (await (await fetch(`${leaving.url}/local/token`)).json()) as { token: string }
  let finish = () => {}
  const deskIsAtIt = new Promise<void>((reached) => {
    holds = () => {
      reached()
      return new Promise<void>((resolve) => {
        finish = resolve
      })
    }
  })
  const headers = { 'content-type': 'application/json', 'x-countersign-token': token }
  const answer = fetch(`${leaving.url}/local/press`, { method: 'POST', headers, body: JSON.stringify(press) })
  await deskIsAtIt
  let stopped = false
  const stopping = leaving.local.stop().then(() => {
    stopped = true
  })
  await started.clock.settle()
  expect(stopped).toBe(false)
  finish()
  expect((await answer).status).toBe(200)
  await stopping
})

function recordingDesk(): Desk {
  const answer = async (...what: unknown[]) => {
    arrived.push(what)
    await holds?.()
    if (fails) throw fails
    return { kind: 'line', line: line('done', 'Done.') } as const
  }
  return {
    command: async (act, text, channel) => answer('command', act, text, channel),
    press: async (act, pressed) => answer('press', act, pressed),
    submit: async (act, submission) => answer('submit', act, submission),
  }
}

async function perform(kind: string, body: unknown): Promise<Reply> {
  return ask(`/local/${kind}`, { 'content-type': 'application/json', ...(await tokenHeader()) }, body)
}

async function tokenHeader(): Promise<Record<string, string>> {
  return { 'x-countersign-token': await takeToken() }
}

async function takeToken(): Promise<string> {
  return String((await ask('/local/token', {})).body.token)
}

interface Reply {
  status: number
  headers: Record<string, unknown>
  body: Record<string, unknown>
}

/** Not fetch: that neither sends a foreign Host nor Sec-Fetch-Site. */
function ask(path: string, headers: Record<string, string>, body?: unknown): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(replica.url)
    const sent = request({ hostname, port, path, method: body === undefined ? 'GET' : 'POST', headers }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => {
        const isJson = String(response.headers['content-type']).includes('json')
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: isJson ? JSON.parse(text) : {} })
      })
    })
    sent.on('error', reject)
    sent.end(typeof body === 'string' ? body : body && JSON.stringify(body))
  })
}
