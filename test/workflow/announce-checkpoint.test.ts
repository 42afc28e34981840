import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createFactsReader } from '../../src/app/take-digest-file.ts'
import { renderMessage } from '../../src/chat/slack/render-message.ts'
import { renderMessage as renderTeams } from '../../src/chat/teams/render-message.ts'
import { readKeptCheckpoints } from '../../src/cli/kept-checkpoints.ts'
import type { CheckpointCause } from '../../src/domain/checkpoint-event.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import { type Card, ChatError } from '../../src/ports/chat.ts'
import { openInForce, verifyEvidence } from '../../src/record/verify.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { createSchedule, type Schedule } from '../../src/schedule/schedule.ts'
import { announce } from '../../src/workflow/announce.ts'
import { announceCheckpoint, CHECKPOINT_CRON } from '../../src/workflow/announce-checkpoint.ts'
import type { Effect } from '../../src/workflow/context.ts'
import { makeDigests } from '../../src/workflow/make-digests.ts'
import { collectEvidence } from '../../src/workflow/open-evidence.ts'
import { askedFor } from '../cards/grant-story.ts'
import { faultOfBlocks } from '../chat/slack/block-rules.ts'
import { createFakeWitness, type FakeWitness } from '../record/fake-witness.ts'
import { asVandal, createReplica, createTestSigner, type Replica } from '../record/record-fixture.ts'
import { createTestLog } from '../support/log.ts'
import { createTestContext, type TestContext } from './test-context.ts'

/** A Thursday, seven minutes after a quarter. */
const START = Date.parse('2026-10-15T10:07:00Z')

let world: TestContext
let witness: FakeWitness
let sealing: Replica
let waiting: Effect[]
let schedules: Schedule[]
const signer = createTestSigner()

beforeEach(async () => {
  world = await createTestContext(START)
  world.setPolicy({ checkpointChannel: 'checkpoints' })
  witness = createFakeWitness()
  openSealer()
  sealing.sealer.start()
  waiting = []
  Object.assign(world.context, {
    enqueue: async (_tx: unknown, some: Effect | Effect[]) => void waiting.push(...[some].flat()),
  })
  schedules = [schedule(), schedule()]
  await Promise.all(schedules.map((one) => one.runDue()))
})
afterEach(async () => {
  await sealing.stop()
  await world.database.drop()
})

function openSealer(): void {
  sealing = createReplica(world.database, { signer, witnesses: [witness], clock: world.clock })
  Object.assign(world.context, { witnessed: sealing.witnessed })
}

/** One of several replicas. */
function schedule(): Schedule {
  const { log } = createTestLog()
  const job = {
    ...{ name: 'announce-checkpoint', cron: CHECKPOINT_CRON, catchUp: 'latest' as const },
    run: async (_tx: unknown, slot: number) => void waiting.push({ kind: 'announce-checkpoint', slot }),
  }
  return createSchedule({ db: world.context.db, clock: world.clock, timeZone: () => 'Europe/Madrid', jobs: [job], log })
}

/** What waits is done, twice, as after a kill. */
async function work(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    for (let times = 0; times < 2; times++) {
      if (next.kind === 'announce-checkpoint') await announceCheckpoint(world.context, next as CheckpointCause)
      if (next.kind === 'announce') await announce(world.context, next.stream).catch(() => undefined)
    }
  }
}

async function pass(ms: number): Promise<void> {
  await world.clock.advance(ms)
  await Promise.all(schedules.map((one) => one.runDue()))
  await work()
}

let ids = 0
async function happen(): Promise<void> {
  const stream = await world.happen(`G-${String(++ids).padStart(6, '0')}`, askedFor())
  waiting = []
  await seal(stream, 1)
}
async function seal(stream: string, seq: number): Promise<void> {
  sealing.sealer.kick()
  await sealing.sealer.sealed(stream, seq)
}
async function evidenceOn(id: string) {
  const { file } = await collectEvidence(world.context, id, { patienceMs: 1, policies: false })
  const verdict = verifyEvidence(JSON.stringify(file), { vkey: signer.vkey })
  expect(verdict.verdict).toBe('verified')
  return verdict
}
const told = () => [...world.chat.messages.values()].filter(({ key }) => key.startsWith('checkpoint:'))
const keys = () => told().map(({ key }) => key)
const cardOf = (key: string) => world.chat.messages.get(key)?.message as Card
const lastNote = () => witness.notes.at(-1)?.trimEnd()

it('is in the evidence of what it covers, with its proof, and in no other', async () => {
  await happen()
  const early = await evidenceOn('G-000001')
  expect(early.singles).toEqual([])
  await pass(8 * MINUTE)
  await seal('checkpoint:2026-10-15T10:15:00.000Z', 1)
  const { singles } = await evidenceOn('G-000001')
  expect(singles).toMatchObject([
    { type: 'checkpoint.announced', data: { size: 1, announcedIn: [{ channel: 'checkpoints' }] } },
  ])
  await happen()
  expect((await evidenceOn('G-000002')).singles).toEqual([])

  // Whoever changes it in the database takes it out of the file: nothing false goes out.
  await asVandal(world.database.admin, async (db) => {
    await db`update event set body = replace(body, '"size":1', '"size":2') where type = 'checkpoint.announced'`
  })
  expect((await evidenceOn('G-000001')).singles).toEqual([])
})

it('tells the newest checkpoint once in a quarter of an hour, over replicas and repeats, and nothing where nothing grew', async () => {
  await happen()
  expect(keys()).toEqual([])
  await pass(8 * MINUTE)
  expect(keys()).toEqual(['checkpoint:2026-10-15T10:15:00.000Z:card'])
  expect(told()[0]?.to).toEqual({ kind: 'channel', channel: 'checkpoints' })
  expect(cardOf(keys()[0] ?? '')).toMatchObject({ title: 'Checkpoint of the record: 1 event', verbatim: lastNote() })
  // That it was told is an event, and the only one: an hour of silence follows.
  await seal('checkpoint:2026-10-15T10:15:00.000Z', 1)
  for (let quarter = 0; quarter < 4; quarter++) await pass(15 * MINUTE)
  expect(keys()).toHaveLength(1)
  await happen()
  await happen()
  await pass(15 * MINUTE)
  await pass(5 * MINUTE)
  expect(keys()).toHaveLength(2)
  const [, second = ''] = keys()
  expect(cardOf(second).title).toBe('Checkpoint of the record: 4 events')
  expect(JSON.stringify(cardOf(second).facts)).toContain('3 events since ')
  expect(await world.context.db`select from thread_root`).toHaveLength(0)
})

it('tells nothing where the policy names no channel', async () => {
  world.setPolicy({})
  await happen()
  await pass(HOUR)
  expect([...keys(), ...(await world.context.db`select from event where type = 'checkpoint.announced'`)]).toEqual([])
})

it('after a down-time only the newest is told: of the processes, of the witness, of the chat', async () => {
  await happen()
  await pass(6 * HOUR)
  expect(keys()).toEqual(['checkpoint:2026-10-15T16:00:00.000Z:card'])

  witness.isReachable = false
  await sealing.stop()
  openSealer()
  await expect(announceCheckpoint(world.context, { slot: 1 })).rejects.toThrow('fake is not there')
  witness.isReachable = true
  sealing.sealer.start()

  world.chat.failWith = () => new ChatError('unreachable', 'away')
  await happen()
  await pass(15 * MINUTE)
  await happen()
  await pass(15 * MINUTE)
  expect(keys()).toHaveLength(1)
  world.chat.failWith = () => null
  const rows = await world.context.db<{ stream: string }[]>`
    select stream from event where type = 'checkpoint.announced' order by at`
  for (const { stream } of rows) await announce(world.context, stream)
  expect(rows).toHaveLength(3)
  expect(keys()).toEqual([`${rows[0]?.stream}:card`, `${rows[2]?.stream}:card`])
})

it('a send whose answer was lost is repeated under the same key; a line that somebody deletes is named, and told again', async () => {
  await happen()
  let lost = true
  world.chat.failWith = () => {
    if (!lost) return null
    lost = false
    return new ChatError('maybe-sent', 'reset')
  }
  await pass(8 * MINUTE)
  expect(keys()).toHaveLength(1)
  const [key = ''] = keys()
  expect(world.chat.calls.filter((call) => call === `post ${key}`)).toHaveLength(2)

  world.chat.failWith = (id) => (id === key ? new ChatError('not-found', 'deleted') : null)
  await world.context.db`update notice set content_hash = '' where key = ${key}`
  const stream = key.replace(/:card$/, '')
  await announce(world.context, stream).catch(() => undefined)
  world.chat.messages.delete(key)
  await announce(world.context, stream)
  expect(keys()).toEqual([`${key}:again`])
  expect(world.alarms).toMatchObject([{ what: 'card-deleted', detail: key }])
})

it('tells one with the newest digest, whatever the quarter of an hour told', async () => {
  await happen()
  await sealing.stop()
  await world.clock.advance(Date.parse('2026-11-02T08:00:00Z') - START)
  openSealer()
  sealing.sealer.start()
  await makeDigests(world.context, createFactsReader(world.context))
  await work()
  expect(keys()).toEqual(['checkpoint:2026-W44:card'])
  expect(JSON.stringify(cardOf('checkpoint:2026-W44:card').facts)).toContain('the digest of 2026-W44')
})

it('an operator restores an old backup, or changes the past: a message that somebody copied from chat names it', async () => {
  await happen()
  await happen()
  await pass(8 * MINUTE)
  const folder = await mkdtemp(path.join(tmpdir(), 'checkpoint-'))
  const paste = async (name: string, words: string) => {
    await writeFile(path.join(folder, name), words)
    const given = { word: () => '', isOn: () => false, value: () => '', values: () => [path.join(folder, name)] }
    const [kept] = await readKeptCheckpoints(given)
    if (kept === undefined) throw new Error('nothing was kept')
    const { keys } = await sealing.witnessed.keys()
    return { ...openInForce(kept.note, keys), holder: name, isKept: true as const }
  }
  try {
    const card = cardOf(keys()[0] ?? '')
    const slack = renderMessage(card, { timeZone: 'Europe/Madrid', userOf: () => null }).blocks
    const teams = renderTeams(card, { timeZone: 'Europe/Madrid', userIdOf: () => null }).card
    expect(faultOfBlocks(slack)).toBeNull()
    const asCopied = (shown: unknown) =>
      [...JSON.stringify(shown).matchAll(/"text":("(?:[^"\\]|\\.)*")/g)]
        .map(([, words = '']) => JSON.parse(words))
        .join('\n')
    const earlier = [
      await paste('slack.txt', asCopied(slack)),
      await paste('teams.txt', asCopied(teams)),
      await paste('one-line.txt', lastNote()?.replaceAll('\n', ' ') ?? ''),
    ]
    const check = () => {
      const { context, database } = world
      const witnessed = { ...sealing.witnessed, ask: async () => [] }
      return verifyLog(context.db, database.keys.macKey, witnessed, { earlier })
    }
    expect(await check()).toMatchObject({ ok: true, differences: [] })
    await seal(keys()[0]?.replace(/:card$/, '') ?? '', 1)
    expect(await check()).toMatchObject({ ok: true, differences: [] })
    await expect(paste('other.txt', lastNote()?.replace('\n3\n', '\n4\n') ?? '')).rejects.toThrow(
      'does not fit the text',
    )
    await expect(paste('none.txt', 'nothing')).rejects.toThrow('has no checkpoint')

    // The witness went back with the database: nobody else saw what was there.
    await asVandal(world.database.admin, async (sql) => {
      await sql`delete from leaf where leaf_index >= 1`
      await sql`delete from tile`
      await sql`delete from checkpoint`
      await sql`delete from witness_receipt`
      await sql`delete from event where leaf_hash not in (select leaf_hash from leaf)`
      await sql`delete from stream_head where stream not in (select stream from event)`
    })
    const where = (name: string) => ({
      what: 'earlier-differs',
      where: `${name}, size 2, and the log has 1`,
      since: null,
    })
    expect((await check()).differences).toEqual(
      expect.arrayContaining([where('slack.txt'), where('teams.txt'), where('one-line.txt')]),
    )
  } finally {
    await rm(folder, { recursive: true })
  }
})
