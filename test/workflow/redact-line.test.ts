import { afterAll, beforeAll, expect, it } from 'vitest'
import { announceThread } from '../../src/cards/thread-announcements.ts'
import { grantStream } from '../../src/domain/grant-event.ts'
import { type ThreadEvent, threadStream } from '../../src/domain/thread-event.ts'
import type { Act } from '../../src/ports/chat.ts'
import { evidenceReport } from '../../src/report/evidence-report.ts'
import { cardContext } from '../../src/workflow/card-context.ts'
import type { Context } from '../../src/workflow/context.ts'
import { readable } from '../../src/workflow/grant-store.ts'
import { mirrorThread } from '../../src/workflow/mirror-thread.ts'
import { collectEvidence } from '../../src/workflow/open-evidence.ts'
import { placeHold } from '../../src/workflow/place-hold.ts'
import { decideOnRedaction, redactLine } from '../../src/workflow/redact-line.ts'
import { asked, askedFor, wordsOf } from '../cards/grant-story.ts'
import { createFakeWitness } from '../record/fake-witness.ts'
import { askBoth, type PythonVerifier, startPythonVerifier } from '../record/python-verifier.ts'
import { AT, createReplica, createTestSigner, type Replica } from '../record/record-fixture.ts'
import { createTestContext, type TestContext } from './test-context.ts'

/* Two persons erase the text of a line, on a real record, sealed and witnessed; and what evidence then shows of the thread. */
const ID = 'G-7K3QF0'
const STREAM = grantStream(ID)
const THREAD = threadStream(STREAM)
let house: TestContext
let replica: Replica
let context: Context
let python: PythonVerifier
let count = 0

beforeAll(async () => {
  house = await createTestContext(AT)
  house.setPolicy({ keepers: ['dirk'] })
  replica = createReplica(house.database, {
    signer: createTestSigner(),
    clock: house.clock,
    witnesses: [createFakeWitness()],
  })
  replica.sealer.start()
  context = { ...house.context, witnessed: replica.witnessed }
  python = startPythonVerifier()
  await house.happen(ID, asked)
})
afterAll(async () => {
  await python.stop()
  await replica.stop()
  await house.database.drop()
})

/** @returns the id of the line */
async function wrote(text: string, by = 'ana', edited?: string): Promise<string> {
  count += 1
  const message = `1800000${100 + count}.000200`
  const at = { platform: 'local', channel: 'access', root: '1', stream: STREAM }
  const account = { platform: 'local', tenant: 'local', id: by }
  const sentAt = AT + count
  await mirrorThread(context, at, message, { kind: 'written', sentAt, account, text, files: 0 })
  if (edited !== undefined) {
    await mirrorThread(context, at, message, {
      kind: 'edited',
      sentAt,
      account,
      text: edited,
      version: '2',
      before: null,
    })
  }
  const [row] = await context.db<{ line: string }[]>`select line from thread_line where message = ${message}`
  return row?.line ?? expect.fail(text)
}

async function say(who: string, verb: (act: Act) => Promise<unknown>): Promise<string> {
  count += 1
  const account = { platform: 'local', tenant: 'local', id: who }
  const answer = await verb({ key: `act-${count}`, account })
  return JSON.stringify(answer, (_key, value: unknown) => {
    const span = value as { kind?: string; text?: string; name?: string } | null
    return span?.kind === undefined ? value : (span.text ?? span.name ?? value)
  }).replaceAll('","', '')
}

const redact = (who: string, said: string, reason = 'a name of a customer') =>
  say(who, (act) => redactLine(context, act, { said, reason }))
const confirm = (who: string, said: string) => say(who, (act) => decideOnRedaction(context, act, said, 'confirm'))

async function thread(): Promise<ReturnType<typeof readable<ThreadEvent>>[]> {
  return (await context.record.readStream(context.db, THREAD)).map((event) => readable<ThreadEvent>(event))
}

async function sealed(): Promise<void> {
  replica.sealer.kick()
  const seq = await context.record.endOf(context.db, THREAD)
  await replica.sealer.sealed(THREAD, seq, AbortSignal.timeout(10_000))
}

it('takes two distinct persons, erases every text of the line, and keeps the events with their salted hashes', async () => {
  const line = await wrote('Mrs Miller owes 4711', 'ana', 'a customer owes 4711')
  expect(await redact('bo', line)).toContain('You may not decide')
  expect(await redact('carla', line, '')).toContain('refused')
  expect(await redact('ana', line.toLowerCase())).toContain('One of two')
  expect(await redact('ana', line)).toContain('One of two')
  const card = announceThread(THREAD, await thread(), cardContext(context)).at(-1)
  expect(card && wordsOf(card.message)).toMatch(new RegExp(`What: ${line}, written by Ana at .* under ${ID}`))
  expect(await confirm('ana', line)).toContain('you are the first')
  expect(await confirm('bo', line)).toContain('You may not decide')
  expect(await confirm('dirk', line)).toContain('is erased from the record')
  expect(await confirm('dirk', line)).toContain('nothing left to erase')
  expect(await redact('carla', line)).toContain('nothing left to erase')
  const about = (await thread()).filter(({ data }) => 'line' in data && data.line === line)
  expect(about.map(({ type, data }) => [type, 'text' in data ? data.text : null])).toEqual([
    ['thread.written', '(erased)'],
    ['thread.edited', '(erased)'],
    ['thread.redaction-asked', null],
    ['thread.redacted', null],
  ])
  const rows = await house.database.admin<{ body: string }[]>`select body from event where stream = ${THREAD}`
  expect(rows.filter(({ body }) => /"text":\{"salted":"[0-9a-f]{64}"\}/.test(body))).toHaveLength(2)
})

it('whoever wrote it does not confirm it, and whoever asked or may confirm says no', async () => {
  const line = await wrote('the words of a keeper', 'dirk')
  expect(await redact('carla', line)).toContain('nobody but you')
  expect(await redact('dirk', line)).toContain('One of two')
  expect(await say('carla', (act) => decideOnRedaction(context, act, line, 'decline'))).toContain('Declined')
  expect(await confirm('carla', line)).toContain('nothing left to erase')
  expect((await thread()).some(({ data }) => 'text' in data && data.text === 'the words of a keeper')).toBe(true)
})

it('a hold prevents it, whoever confirms', async () => {
  const line = await wrote('needed in court')
  await redact('carla', line)
  const asked = await say('carla', (act) => placeHold(context, act, { subject: ID, reason: 'case 12' }))
  const hold = /H-[0-9A-Z]{6}/.exec(asked)?.[0] ?? expect.fail(asked)
  expect(await confirm('dirk', line)).toContain(`It is held by ${hold}`)
  expect(await redact('carla', await wrote('more of it'))).toContain(`It is held by ${hold}`)
  expect((await thread()).some(({ data }) => 'text' in data && data.text === 'needed in court')).toBe(true)
  expect(await house.database.admin`select from event where type = 'thread.redacted'`).toHaveLength(1)
})

it('every keeper but the first gets a card with its buttons, which goes with what came of it', async () => {
  const messages = announceThread(THREAD, await thread(), cardContext(context))
  const cards = messages.filter(({ message }) => 'title' in message)
  expect(cards.length).toBeGreaterThan(2)
  expect(JSON.stringify(cards)).toContain('Confirm: erase it')
  expect(JSON.stringify(cards)).not.toContain('needed in court')
  expect(new Set(cards.map(({ message }) => ('badge' in message ? message.badge : '')))).toEqual(
    new Set(['erased', 'declined', 'second signature']),
  )
})

it('evidence has the thread with what is still there, says what was erased, and both verifiers accept it', async () => {
  await sealed()
  const opened = await collectEvidence(context, ID, { patienceMs: 5_000, policies: true })
  const text = Buffer.from(JSON.stringify(opened.file))
  const both = await askBoth(python, text, { vkey: replica.witnessed.vkey, earlier: [] })
  expect(both).toMatchObject({ ours: 'verified', theirs: 'verified', codes: [] })
  const build = { version: '1', commit: 'c', lockFile: 'l' }
  const about = { id: ID, name: 'e.html', build, runBy: 'carla', runAt: AT }
  const { content } = evidenceReport(opened.file, 'html', about)
  expect(content).toContain('needed in court')
  expect(content).toContain('asked to erase')
  expect(content).toContain('(erased by two persons)')
  expect(content).toContain('thread: as it was heard')
  expect(content).not.toContain('Miller')
})

it('the reasons of a grant go the same way', async () => {
  await house.happen('G-7K3QF2', asked)
  expect(await redact('dirk', 'G-7K3QF2')).toContain('One of two')
  expect(await confirm('carla', 'G-7K3QF2')).toContain('my own cards are changed')
  const [first] = await context.record.readStream(context.db, grantStream('G-7K3QF2'))
  expect(first?.texts).toEqual({})
  expect(house.enqueued.at(-1)).toEqual({ kind: 'announce', stream: grantStream('G-7K3QF2') })
})

it('whoever wrote one of the reasons of a grant, or whose it is, does not confirm that they go', async () => {
  house.setPolicy({ keepers: ['dirk', 'olga'] })
  await house.happen('G-7K3QF4', askedFor({ for: 'dirk' }))
  await house.happen('G-7K3QF4', {
    type: 'request.denied',
    data: { by: 'carla', reason: 'not while the books close', policy: 'p', assurance: 'click-only' },
  })
  expect(await redact('ana', 'G-7K3QF4')).toContain('until Olga confirms')
  expect(await confirm('dirk', 'G-7K3QF4')).toContain('This is about you')
  expect(await confirm('carla', 'G-7K3QF4')).toContain('This is about you')
  expect(await confirm('olga', 'G-7K3QF4')).toContain('is erased from the record')
})
