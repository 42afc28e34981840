import { afterAll, beforeAll, expect, it } from 'vitest'
import { createSlackChat } from '../../../src/chat/slack/slack-chat.ts'
import { MINUTE } from '../../../src/domain/duration.ts'
import type { Chat } from '../../../src/ports/chat.ts'
import { announce } from '../../../src/workflow/announce.ts'
import type { Context, Effect } from '../../../src/workflow/context.ts'
import { wantedAnnouncements } from '../../../src/workflow/wanted-announcements.ts'
import { AT, active, approved, asked, ending, removed } from '../../cards/grant-story.ts'
import { createTestContext, type TestContext } from '../../workflow/test-context.ts'
import { createScriptedDesk } from '../scripted-desk.ts'
import {
  BOT_TOKEN,
  directOf,
  type FakeSlack,
  type Message,
  SIGNING_SECRET,
  startFakeSlack,
  TEAM,
} from './fake-slack.ts'
import { readBlocks } from './read-blocks.ts'

/*
 * Five hundred accesses in one channel end at the same instant, and two processes tell of it, to a Slack that
 * takes no more than it is documented to take. Time is the test's: minutes of it pass in seconds.
 */
const GRANTS = 500
const PEOPLE = ['ana', 'bo', 'marcus', 'olga', 'dirk', 'carla']
const userOf = (name: string) => `U0${name.toUpperCase()}`

let world: TestContext
let context: Context
let fake: FakeSlack
/** Streams to be looked at, and from when. */
const due = new Map<string, number>()
const latenesses: number[] = []
let told = 0

beforeAll(async () => {
  world = await createTestContext(AT)
  fake = await startFakeSlack({ people: PEOPLE.map(userOf), now: world.clock.now })
  const { db, clock } = world.context
  const replicas = [0, 1].map(() => {
    const settings = { botToken: BOT_TOKEN, signingSecret: SIGNING_SECRET, appToken: null, apiUrl: fake.apiUrl }
    const rendering = { timeZone: 'UTC', userOf: () => null }
    return createSlackChat({ ...{ db, clock, desk: createScriptedDesk(clock), settings, rendering }, onFault }).chat
  })
  let calls = 0
  const any = () => replicas[calls++ % 2] as Chat
  world.setPolicy({
    people: world.context.policy.current().people.map((one) => ({ ...one, accounts: [slackOf(one.id)] })),
  })
  context = {
    ...world.context,
    chats: [
      {
        platform: 'slack',
        post: (...args) => any().post(...args),
        update: (...args) => any().update(...args),
      },
    ],
    enqueue: async (_tx, effects) => [effects].flat().forEach(enqueue),
    observe: { ...world.context.observe, chatInStep: (lateMs) => void latenesses.push(lateMs) },
  }
})
afterAll(async () => {
  await fake.stop()
  await world.database.drop()
})

// Half a minute of a processor that it has for itself.
it('every thread ends with its last line, a new request waits for seconds, and Slack refuses nothing', async () => {
  const ids = Array.from({ length: GRANTS }, (_, index) => `G-${String(index).padStart(6, '0')}`)
  await inTens(ids, async (id) => wasTold(await world.happen(id, asked, ...approved, ...active)))
  due.set(await world.happen('G-YYYYYY', asked), world.clock.now())
  await until(
    () => due.size === 0,
    async () => undefined,
  )
  await world.clock.advance(MINUTE)
  await inTens(ids, async (id) => due.set(await world.happen(id, ...ending, removed), world.clock.now()))
  const began = world.clock.now()

  const newcomers: { id: string; askedAt: number }[] = []
  await until(
    () => due.size === 0,
    async () => {
      const passed = world.clock.now() - began
      if (newcomers.length < 5 && passed > newcomers.length * 90_000) {
        const id = `G-Z0000${newcomers.length}`
        newcomers.push({ id, askedAt: world.clock.now() })
        due.set(await world.happen(id, asked), world.clock.now())
      }
    },
  )

  expect(fake.refused).toBe(0)
  for (const id of ids) {
    const [card, ...lines] = threadOf(id)
    expect(card && wordsOf(card)).toMatch(/Ana had prod-db:write/)
    expect(lines).toHaveLength(2)
    expect(sentAt(lines.at(-1)) - began).toBeLessThan(11 * MINUTE)
    expect(wordsOf(lines.at(-1) as Message)).toMatch(/Time is up.*Removed, seen to be gone/)
  }
  expect(newcomers).toHaveLength(5)
  for (const { id, askedAt } of newcomers) {
    const [card] = threadOf(id)
    expect(sentAt(card) - askedAt).toBeLessThan(5_000)
  }
  const heard = fake.messages.filter(
    (one) => one.channel === directOf(userOf('ana')) && /Your access to .* it was gone at/.test(wordsOf(one)),
  )
  expect(heard).toHaveLength(GRANTS)
  expect(Math.max(...latenesses)).toBeLessThan(26 * MINUTE)
  expect(latenesses).toHaveLength(GRANTS + newcomers.length + 1)
}, 900_000)

async function inTens<T>(all: readonly T[], run: (one: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < all.length; from += 10) await Promise.all(all.slice(from, from + 10).map(run))
}

function enqueue(effect: Effect): void {
  if (effect.kind !== 'announce') return
  const at = effect.notBefore ?? world.clock.now()
  due.set(effect.stream, Math.min(at, due.get(effect.stream) ?? at))
}

/** As the effects do: sixteen at once, each stream by one; the clock moves when everything waits for it. */
async function until(isOver: () => boolean, between: () => Promise<void>): Promise<void> {
  const running = new Set<string>()
  const faults: unknown[] = []
  while (running.size > 0 || !isOver()) {
    for (const [stream, at] of due) {
      if (running.size >= 16 || at > world.clock.now() || running.has(stream)) continue
      due.delete(stream)
      running.add(stream)
      void announce(context, stream)
        .catch((error: unknown) => faults.push(error))
        .finally(() => running.delete(stream))
    }
    const waiting = world.clock.waiting()
    if (running.size > waiting.length) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      continue
    }
    await between()
    const [next = Number.POSITIVE_INFINITY] = [...waiting, ...due.values()].toSorted((a, b) => a - b)
    if (next < Number.POSITIVE_INFINITY) await world.clock.set(Math.max(next, world.clock.now()))
    expect(faults).toEqual([])
  }
}

/** As if chat had been in step before the storm: what it should show, it shows. */
async function wasTold(stream: string): Promise<void> {
  const { wanted, seq } = await wantedAnnouncements(context, stream)
  const { db } = context
  const rows = wanted.map(({ key, to, message }) => {
    const number = told++
    const ts = `${Math.floor(AT / 1_000)}.${String(100_000 + number).padStart(6, '0')}`
    const channel = to.kind === 'person' ? directOf(userOf(to.identity)) : 'C0ACCESS'
    return { key, stream, platform: 'slack', state: 'sent', channel, message: ts, to, said: message }
  })
  const root = rows[0]?.message ?? ''
  for (const { key, channel, message, to, said } of rows) {
    const text = 'title' in said ? said.title : 'a line'
    fake.put({ channel, ts: message, text, blocks: [], root: to.kind === 'thread' ? root : null, metadata: null })
    await db`
      insert into notice (key, stream, platform, state, channel, message, content_hash, attempts, at)
      values (${key}, ${stream}, 'slack', 'sent', ${channel}, ${message},
              ${context.sealing.digest(JSON.stringify(said))}, 0, ${AT})`
  }
  await db`insert into announced (stream, seq) values (${stream}, ${seq})`
}

function slackOf(name: string) {
  return { platform: 'slack', tenant: TEAM, id: userOf(name) }
}

/** The card of a grant and the lines under it, in order. */
function threadOf(id: string): Message[] {
  const card = fake.messages.find((one) => one.channel === 'C0ACCESS' && one.root === null && wordsOf(one).includes(id))
  return card === undefined ? [] : [card, ...fake.messages.filter((one) => one.root === card.ts)]
}

function wordsOf(message: Message): string {
  return readBlocks(message.blocks).words
}

function sentAt(message: Message | undefined): number {
  return Number(message?.ts.split('.')[0]) * 1_000
}

function onFault(what: string, error: unknown): void {
  throw new Error(what, { cause: error })
}
