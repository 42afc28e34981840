import { afterEach, beforeEach, expect, test } from 'vitest'
import { verifyApart } from '../../src/record/verify-apart.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeWitness, type FakeWitness } from './fake-witness.ts'
import {
  append,
  asVandal,
  createRecordDatabase,
  createTestSigner,
  type RecordDatabase,
  sealUpTo,
} from './record-fixture.ts'

const clock = createTestClock()
const signer = createTestSigner()
/** More than a range of the real size. */
const EVENTS = 17_000
let db: RecordDatabase
let witness: FakeWitness

beforeEach(async () => {
  db = await createRecordDatabase()
  witness = createFakeWitness()
  await append(db, 'a', 0, ...Array.from({ length: EVENTS }, () => 'said'))
  await sealUpTo(db, { signer, witnesses: [witness], clock }, 'a', EVENTS)
})
afterEach(() => db.drop())

async function check(progress: string | null) {
  const kept: string[] = []
  const verdict = await verifyApart(db.app, db.keys.macKey, createWitnessed(signer.vkey, [witness]), {
    ...{ progress, readAt: clock.now(), signal: new AbortController().signal },
    keep: async (text) => void kept.push(text),
  })
  return { verdict, kept: kept.at(-1) ?? null }
}

test('beside the work it finds the same, keeps how far it came, and the next check reads only what is new', async () => {
  const first = await check(null)
  expect(first.verdict).toMatchObject({ ok: true, size: EVENTS, differences: [] })
  await asVandal(db.admin, (sql) => sql`update event set type = 'denied' where seq = 16900`)
  const second = await check(first.kept)
  expect(second.verdict).toMatchObject({ ok: false, resumed: { size: 16_384, readAt: clock.now() } })
  expect(second.verdict.differences).toContainEqual(
    expect.objectContaining({ what: 'column-changed', where: 'a #16900, leaf 16899', column: 'type' }),
  )
})

test('it can be stopped, and says why', async () => {
  const stopping = verifyApart(db.app, db.keys.macKey, createWitnessed(signer.vkey, [witness]), {
    ...{ progress: null, readAt: clock.now(), signal: AbortSignal.abort(new Error('the process stops')) },
    keep: async () => undefined,
  })
  await expect(stopping).rejects.toThrow('the process stops')
})

test('what was kept is refused with the right name, so that everything is read instead', async () => {
  await expect(check('no progress')).rejects.toMatchObject({ code: 'PROGRESS_REFUSED' })
})
