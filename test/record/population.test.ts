import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../src/domain/duration.ts'
import { PRUNED_STREAM } from '../../src/domain/pruning-event.ts'
import type { Draft } from '../../src/record/compose.ts'
import type { Selection } from '../../src/record/find-members.ts'
import { findRange } from '../../src/record/find-range.ts'
import { type PopulationLimits, planPopulation } from '../../src/record/plan-population.ts'
import { KEYS_STREAM, parseCheckpoint, parseNote, SIGNER_APPOINTED, verifyEvidence } from '../../src/record/verify.ts'
import { writePopulation } from '../../src/record/write-population.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeWitness } from './fake-witness.ts'
import { type PythonVerifier, startPythonVerifier } from './python-verifier.ts'
import {
  asVandal,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from './record-fixture.ts'

/* Populations out of a database, from the asking to the file, read by both verifiers. */
const [signer, next] = [createTestSigner(), createTestSigner()]
const witness = createFakeWitness()
const DAYS = 60
const START = Date.UTC(2026, 8, 1)
const FROM = START + 20 * DAY
const UNTIL = START + 40 * DAY
const ALL: Selection = { from: FROM, until: UNTIL, person: null, target: null }

let db: RecordDatabase
let replica: Replica
let verifier: PythonVerifier
/** Grants by the day on which they were asked for, in the order of the log. */
const asked: { id: string; at: number; person: string; target: string }[] = []

beforeAll(async () => {
  verifier = startPythonVerifier()
  db = await createRecordDatabase()
  replica = createReplica(db, { signer, nextSigner: next, witnesses: [witness], clock: createTestClock() })
  const writes: [at: number, stream: string, ...drafts: Draft[]][] = [
    [START, 'system', { type: 'system.started', data: {} }],
  ]
  for (let day = 0; day < DAYS; day++) {
    for (let n = 0; n < 4; n++) {
      const [at, person, target] = [
        START + day * DAY + n * 5 * HOUR,
        `E${(day + n) % 7}`,
        n % 2 === 0 ? 'prod-db' : 'crm',
      ]
      const id = `G-${String(asked.length).padStart(6, '0')}`
      asked.push({ id, at, person, target })
      const data = { by: person, for: person, target, entitlement: 'read' }
      writes.push([at, `grant:${id}`, { type: 'request.asked', data, private: { reason: `why ${id}` } }])
      writes.push([at + MINUTE, 'noise', { type: 'said', data: {} }, { type: 'said', data: {} }])
      // A day later, so the last ones of a period end after it.
      writes.push([at + DAY + 1, `grant:${id}`, { type: 'closed', data: {} }])
    }
  }
  for (const [at, stream, ...drafts] of writes.sort(([a], [b]) => a - b)) {
    await db.app.begin((tx) => db.record.append(tx, stream, null, drafts, at))
  }
  replica.sealer.start()
  replica.sealer.kick()
  await replica.sealer.sealed('noise', DAYS * 8)
})
afterAll(async () => {
  await verifier.stop()
  await replica.stop()
  await db.drop()
})

const plan = (of: Selection, limits?: PopulationLimits, since: number[] = []) =>
  planPopulation({ record: db.record, witnessed: replica.witnessed }, db.app, of, { ...(limits && { limits }), since })

async function fileOf(of: Selection, withhold = false, since: number[] = []): Promise<string> {
  const options = { zone: 'UTC', withhold, policiesNamed: async () => [] }
  const around = { record: db.record, witnessed: replica.witnessed }
  const pieces: string[] = []
  for await (const piece of writePopulation(around, db.app, await plan(of, undefined, since), options))
    pieces.push(piece)
  return pieces.join('')
}

const idsOf = (of: Selection) =>
  asked
    .filter(({ at, person }) => at >= of.from && at < of.until && [null, person].includes(of.person))
    .filter(({ target }) => [null, target].includes(of.target))
    .map(({ id }) => id)

describe('a population', () => {
  test.each<[string, Partial<Selection>]>([
    ['everybody', {}],
    ['one person', { person: 'E3' }],
    ['one target', { target: 'crm' }],
    ['one person on one target', { person: 'E3', target: 'prod-db' }],
    ['nobody', { person: 'E9' }],
    ['to the millisecond', { from: FROM + 5 * HOUR, until: FROM + 15 * HOUR }],
    ['but for one millisecond', { from: FROM + 5 * HOUR + 1, until: FROM + 15 * HOUR + 1 }],
    ['from before the log', { from: 0, until: START + DAY }],
  ])('of %s: all of them and no other, with their reasons, by both verifiers', async (_, some) => {
    const of = { ...ALL, ...some }
    const file = await fileOf(of)
    const verdict = verifyEvidence(file, { vkey: signer.vkey })
    expect(verdict).toMatchObject({ verdict: 'verified', reasons: [], limits: [] })
    expect(verdict.population).toMatchObject({ grants: idsOf(of), withheld: 0, doubts: [] })
    expect(verdict.reveals.map(({ value }) => value)).toEqual(idsOf(of).map((id) => `why ${id}`))
    const theirs = await verifier.ask(Buffer.from(file), { vkey: signer.vkey, earlier: [] })
    expect(theirs.verdict, theirs.said.join('\n')).toBe('verified')
  })

  test('with what is not of it withheld is genuine, small, and said to be incomplete', async () => {
    const of = { ...ALL, person: 'E3' }
    const [file, whole] = [await fileOf(of, true), await fileOf(of)]
    const verdict = verifyEvidence(file, { vkey: signer.vkey })
    expect(verdict).toMatchObject({ verdict: 'incomplete', reasons: [], population: { grants: idsOf(of) } })
    expect(verdict.population?.withheld).toBeGreaterThan(200)
    expect(file).not.toContain('noise')
    expect(file.length).toBeLessThan(whole.length / 2)
    expect((await verifier.ask(Buffer.from(file), { vkey: signer.vkey, earlier: [] })).verdict).toBe('incomplete')
  })

  test('that is not over yet is said to be incomplete', async () => {
    const { verdict, population } = verifyEvidence(await fileOf({ ...ALL, until: START + 100 * DAY }), {
      vkey: signer.vkey,
    })
    expect(verdict).toBe('incomplete')
    expect(population?.doubts).toEqual([expect.stringMatching(/^the log of this file ends at 20\d\d-\d\d-\d\dT/)])
  })

  test('is looked for among the leaves of its days, and of an hour more on both sides', async () => {
    const { first, end } = await findRange(db.app, 1, DAYS * 16 + 1, ALL)
    const rows = await db.app<{ leaf: number; at: number }[]>`
      select l.leaf_index as leaf, e.at from leaf l join event e on e.leaf_hash = l.leaf_hash order by 1`
    const inside = rows.filter(({ at }) => at >= FROM - HOUR && at < UNTIL + HOUR).map(({ leaf }) => leaf)
    expect(first).toBeLessThanOrEqual(Math.min(...inside))
    expect(end).toBeGreaterThan(Math.max(...inside))
    expect(end - first).toBeLessThan(inside.length * 1.5)
  })

  test('is refused where it is too large for whoever asks', async () => {
    await expect(plan(ALL, { grants: 79, leaves: 10_000 })).rejects.toMatchObject({
      code: 'POPULATION_TOO_LARGE',
      what: 'grants',
    })
    await expect(plan(ALL, { grants: 80, leaves: 100 })).rejects.toMatchObject({
      code: 'POPULATION_TOO_LARGE',
      what: 'events',
    })
  })
})

/* Whoever has the database and the file, and wants a grant not to be in it. */
describe('a grant that somebody wants to leave out', () => {
  const victim = () => asked.find(({ at }) => at === FROM + 5 * HOUR)?.id ?? ''

  test.each<[string, string, (id: string) => Promise<void>]>([
    [
      'by another type in the column',
      'RECORD_TAMPERED',
      (id) =>
        asVandal(db.admin, (sql) => sql`update event set type = 'said' where stream = ${`grant:${id}`} and seq = 1`),
    ],
    [
      'by another stream in the column',
      'RECORD_TAMPERED',
      (id) =>
        asVandal(db.admin, (sql) => sql`update event set stream = 'said' where stream = ${`grant:${id}`} and seq = 1`),
    ],
    [
      'by taking its event away',
      'TREE_DAMAGED',
      (id) => asVandal(db.admin, (sql) => sql`delete from event where stream = ${`grant:${id}`}`),
    ],
  ])('%s: %s', async (_, outcome, attack) => {
    const kept = await db.admin`select * from event where stream = ${`grant:${victim()}`}`
    try {
      await attack(victim())
      expect(await fileOf({ ...ALL, target: 'crm' }).catch((error) => error.code)).toBe(outcome)
    } finally {
      await asVandal(db.admin, async (sql) => {
        for (const row of kept) {
          await sql`delete from event where leaf_hash = ${row.leaf_hash}`
          await sql`insert into event ${sql(row)}`
        }
      })
    }
    expect(verifyEvidence(await fileOf(ALL), { vkey: signer.vkey }).verdict).toBe('verified')
  })
})

/* The last ones: what they take away or change does not come back. */
test('of what was pruned, and is said to be, the hash is left: the rest is genuine, and not called complete', async () => {
  const gone = idsOf(ALL)[3] ?? ''
  const rows = await db.app<{ leaf: number }[]>`
    select l.leaf_index as leaf from leaf l join event e on e.leaf_hash = l.leaf_hash where e.stream = ${`grant:${gone}`}`
  const data = {
    origin: replica.witnessed.origin,
    streams: [`grant:${gone}`],
    leaves: rows.map(({ leaf }) => leaf).join(','),
  }
  await asVandal(db.admin, (sql) => sql`delete from event where stream = ${`grant:${gone}`}`)
  await expect(fileOf(ALL)).rejects.toMatchObject({ code: 'TREE_DAMAGED' })
  const draft = { type: 'record.pruned', data: { ...data, cutoff: UNTIL, retentionYears: 7 } }
  await db.app.begin((tx) => db.record.append(tx, PRUNED_STREAM, null, [draft], UNTIL + DAY))
  const { verdict, population } = verifyEvidence(await fileOf(ALL), { vkey: signer.vkey })
  expect(verdict).toBe('incomplete')
  expect(population).toMatchObject({ withheld: rows.length, grants: idsOf(ALL).filter((id) => id !== gone) })
  const said = `${rows.length} events of its range were pruned after their retention, as said by pruned #1 of `
  expect((await plan(ALL)).limits).toEqual([expect.stringMatching(new RegExp(`^${said}.*is not in this file$`))])
})

test('after the log came to another key, it verifies with either, and continues a checkpoint that the old one signed', async () => {
  const earlier = witness.notes.slice(-1)
  const appointed = { type: SIGNER_APPOINTED, data: { by: 'ada', from: signer.vkey, to: next.vkey } }
  await db.app.begin((tx) => db.record.append(tx, KEYS_STREAM, 0, [appointed], START + DAYS * DAY))
  replica.sealer.kick()
  await replica.sealer.sealed(KEYS_STREAM, 1)
  const since = parseCheckpoint(parseNote(earlier[0] ?? '').text).size
  const file = await fileOf({ ...ALL, person: 'E3' }, true, [since])
  for (const { vkey } of [signer, next]) {
    const verdict = verifyEvidence(file, { vkey, earlier })
    expect(verdict).toMatchObject({ verdict: 'incomplete', reasons: [], limits: [] })
    expect((await verifier.ask(Buffer.from(file), { vkey, earlier })).verdict).toBe('incomplete')
  }
  expect(JSON.parse(file).verifierKey).toBe(next.vkey)
  expect(verifyEvidence(await fileOf(ALL, true), { vkey: next.vkey, earlier })).toMatchObject({
    reasons: [{ code: 'consistency-wrong', message: expect.stringContaining('ask for a file made for it') }],
  })
})
