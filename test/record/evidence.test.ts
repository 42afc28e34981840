import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildEvidence, type EvidenceFile, NothingWitnessed } from '../../src/record/evidence.ts'
import { signCheckpoint } from '../../src/record/signer.ts'
import { canonicalJson, leafHash, parseVkey, verifyEvidence } from '../../src/record/verify.ts'
import { createTestClock } from '../support/clock.ts'
import { createFakeWitness, type FakeWitness } from './fake-witness.ts'
import {
  append,
  createRecordDatabase,
  createReplica,
  createTestSigner,
  type RecordDatabase,
  type Replica,
} from './record-fixture.ts'
import { signFile } from './signed-file.ts'

const signer = createTestSigner()
const vkey = signer.vkey
const reason = { type: 'asked', data: { for: 'prod-db' }, private: { reason: 'fix ledger', ticket: 'INC-42' } }
let db: RecordDatabase
let witness: FakeWitness
let replica: Replica
let earlier: string
let file: EvidenceFile

beforeAll(async () => {
  db = await createRecordDatabase()
  witness = createFakeWitness()
  await append(db, 'noise/1', 0, ...Array.from({ length: 300 }, () => 'said'))
  replica = createReplica(db, { signer, witnesses: [witness], clock: createTestClock() })
  replica.sealer.start()
  await replica.sealer.sealed('noise/1', 300)
  earlier = witness.notes.at(-1) ?? ''
  await append(db, 'grant/1', 0, reason, 'approved', 'removed', 'closed')
  await append(db, 'grant/2', 0, 'asked', 'denied')
  await append(db, 'noise/2', 0, ...Array.from({ length: 700 }, () => 'said'))
  replica.sealer.kick()
  await replica.sealer.sealed('noise/2', 700)
  file = await build(['grant/1', 'grant/2'])
})
afterAll(async () => {
  await replica.stop()
  await db.drop()
})

function build(streams: string[], reveal = true) {
  return buildEvidence({ record: db.record, witnessed: replica.witnessed }, db.app, streams, { reveal, since: [300] })
}

test('evidence is verified with the key, and says how far each stream is whole', () => {
  const verdict = verifyEvidence(JSON.stringify(file), { vkey })
  expect(verdict).toMatchObject({
    verdict: 'verified',
    reasons: [],
    origin: 'test.example/log',
    checkpoint: { size: 1_006 },
    streams: [
      { stream: 'grant/1', events: 4, whole: true, statement: 'complete: 4 events, closed' },
      {
        stream: 'grant/2',
        events: 2,
        whole: false,
        statement: 'complete up to leaf 305; later events not provable from this file',
      },
    ],
    limits: ['the consistency proof from size 300 was not checked: it needs the checkpoint kept then'],
  })
  expect(verdict.events.map(({ leafIndex }) => leafIndex)).toEqual([300, 301, 302, 303, 304, 305])
})

test('without the key it is unanchored: a key inside the file proves nothing', () => {
  expect(verifyEvidence(JSON.stringify(file, null, 2))).toMatchObject({ verdict: 'unanchored', reasons: [] })
})

test('with a checkpoint kept earlier it is proved that nothing before was changed', () => {
  expect(verifyEvidence(JSON.stringify(file), { vkey, earlier: [earlier] })).toMatchObject({
    verdict: 'verified',
    limits: [],
  })
  expect(verifyEvidence(JSON.stringify(file), { earlier: [earlier] }).verdict).toBe('unanchored')
})

test('reveals are there when they are asked for, and not when they are erased', async () => {
  expect(file.reveals.map(({ leafIndex, path, value }) => [leafIndex, path, value])).toEqual([
    [300, 'reason', 'fix ledger'],
    [300, 'ticket', 'INC-42'],
  ])
  expect((await build(['grant/1'], false)).reveals).toEqual([])
  expect(JSON.stringify(await build(['grant/1'], false))).not.toContain('ledger')
})

test('a single event in a tree of one needs no proof', async () => {
  const small = await createRecordDatabase()
  await append(small, 'only', 0, 'asked')
  const other = createReplica(small, { signer, witnesses: [createFakeWitness()], clock: createTestClock() })
  other.sealer.start()
  await other.sealer.sealed('only', 1)
  const tools = { record: small.record, witnessed: other.witnessed }
  const evidence = await buildEvidence(tools, small.app, ['only'], { reveal: true })
  expect(evidence.events[0]?.proof).toEqual([])
  expect(verifyEvidence(JSON.stringify(evidence), { vkey }).verdict).toBe('verified')
  await other.stop()
  await small.drop()
})

test('what no witness confirmed is left out, and a file of nothing is not made', async () => {
  witness.isReachable = false
  await append(db, 'late', 0, 'asked')
  await expect(build(['late'])).rejects.toThrow(NothingWitnessed)
  await expect(build(['unknown'])).rejects.toThrow(NothingWitnessed)
  expect((await build(['late', 'grant/2'])).events).toHaveLength(2)
  witness.isReachable = true
})

describe('a file that was touched is refused, and the reason is named', () => {
  const first = (events: EvidenceFile['events'], change: (body: Record<string, unknown>) => void) =>
    events.map((event, place) => {
      if (place > 0) return event
      const body = JSON.parse(event.body)
      change(body)
      return { ...event, body: canonicalJson(body) }
    })
  const without = (place: number) => file.events.filter((_, other) => other !== place)
  const withFirst = (change: object) =>
    file.events.map((event, place) => (place === 0 ? { ...event, ...change } : event))
  const withReveal = (change: object) =>
    file.reveals.map((reveal, place) => (place === 0 ? { ...reveal, ...change } : reveal))
  const proofOf = (place: number) => file.events[place]?.proof ?? []
  const bodyOf = (place: number) => file.events[place]?.body ?? ''

  const mutations: [string, string, () => object | string][] = [
    [
      'a word in a body',
      'proof-wrong',
      () => ({ events: first(file.events, (body) => Object.assign(body, { type: 'approved' })) }),
    ],
    [
      'a time in a body',
      'proof-wrong',
      () => ({ events: first(file.events, (body) => Object.assign(body, { at: 1 })) }),
    ],
    [
      'a body with a space',
      'body-not-canonical',
      () => ({ events: withFirst({ body: bodyOf(0).replace(',', ', ') }) }),
    ],
    [
      'a body with other order',
      'body-not-canonical',
      () => ({ events: withFirst({ body: JSON.stringify({ v: 1, ...JSON.parse(bodyOf(0)) }) }) }),
    ],
    [
      'a body with a name twice',
      'body-not-canonical',
      () => ({ events: withFirst({ body: bodyOf(0).replace('{', '{"at":1,') }) }),
    ],
    [
      'a body with a name too many',
      'body-malformed',
      () => ({ events: first(file.events, (body) => Object.assign(body, { approvedBy: 'P-1' })) }),
    ],
    [
      'a body with sequence 0',
      'body-malformed',
      () => ({ events: first(file.events, (body) => Object.assign(body, { seq: 0 })) }),
    ],
    [
      'a body with a lone surrogate, escaped',
      'body-not-canonical',
      () => ({ events: withFirst({ body: bodyOf(0).replace('prod', '\\ud800') }) }),
    ],
    [
      'a body with a lone surrogate',
      'malformed',
      () => ({ events: withFirst({ body: bodyOf(0).replace('prod', '\ud800') }) }),
    ],
    [
      'a body that is too large',
      'body-too-large',
      () => ({ events: first(file.events, (body) => Object.assign(body, { type: 'x'.repeat(61_440) })) }),
    ],
    ['a body that is no JSON', 'not-json', () => ({ events: withFirst({ body: 'null and void' }) })],
    [
      'a body nested to the ground',
      'body-not-canonical',
      () => ({ events: withFirst({ body: '['.repeat(20_000) + ']'.repeat(20_000) }) }),
    ],
    ['another leaf index', 'proof-wrong', () => ({ events: withFirst({ leafIndex: 299 }) })],
    [
      'a leaf index beyond the tree',
      'proof-wrong',
      () => ({ events: file.events.slice(0, 1).map((event) => ({ ...event, leafIndex: 2 ** 40 })) }),
    ],
    ['a proof of another leaf', 'proof-wrong', () => ({ events: withFirst({ proof: proofOf(1) }) })],
    ['a proof that is short', 'proof-wrong', () => ({ events: withFirst({ proof: proofOf(0).slice(1) }) })],
    [
      'a proof that is long',
      'proof-wrong',
      () => ({ events: withFirst({ proof: [...proofOf(0), ...proofOf(0).slice(0, 1)] }) }),
    ],
    [
      'a proof with padding missing',
      'malformed',
      () => ({ events: withFirst({ proof: proofOf(0).map((hash) => hash.replace('=', '')) }) }),
    ],
    [
      'a proof in other base64',
      'malformed',
      () => ({
        events: withFirst({
          proof: [
            proofOf(0)[0]?.replace(/.=$/, (end) =>
              end === 'A=' ? 'B=' : `${String.fromCharCode(end.charCodeAt(0) + 1)}=`,
            ),
            ...proofOf(0).slice(1),
          ],
        }),
      }),
    ],
    ['the first event is missing', 'chain-broken', () => ({ events: without(0) })],
    ['an event in the middle is missing', 'chain-broken', () => ({ events: without(1) })],
    [
      'two events change places',
      'order',
      () => ({ events: [file.events[1], file.events[0], ...file.events.slice(2)] }),
    ],
    ['an event twice', 'order', () => ({ events: [file.events[0], ...file.events] })],
    ['no events', 'malformed', () => ({ events: [] })],
    ['an event with a comment', 'malformed', () => ({ events: withFirst({ approvedBy: 'P-1' }) })],
    [
      'the size of the checkpoint',
      'signature-wrong',
      () => ({ checkpoint: file.checkpoint.replace('\n1006\n', '\n1007\n') }),
    ],
    [
      'the signature',
      'signature-wrong',
      () => ({ checkpoint: file.checkpoint.replace(/(.{8})=\n$/, (end) => `AAAA${end.slice(4)}`) }),
    ],
    ['no signature', 'note-malformed', () => ({ checkpoint: `${file.checkpoint.split('\n\n')[0]}\n` })],
    ['the origin of the file', 'origin-differs', () => ({ origin: 'test.example/other' })],
    ['the key in the file', 'key-differs', () => ({ verifierKey: createTestSigner().vkey })],
    ['another text in a reveal', 'reveal-wrong', () => ({ reveals: withReveal({ value: 'fix ledgers' }) })],
    ['another salt in a reveal', 'reveal-wrong', () => ({ reveals: withReveal({ salt: '0'.repeat(32) }) })],
    [
      'a character moved from text to salt',
      'malformed',
      () => ({ reveals: withReveal({ salt: `${file.reveals[0]?.salt}66`, value: 'ix ledger' }) }),
    ],
    ['a reveal of another member', 'reveal-wrong', () => ({ reveals: withReveal({ path: 'ticket' }) })],
    ['a reveal of a public member', 'reveal-wrong', () => ({ reveals: withReveal({ path: 'for', value: 'prod-db' }) })],
    ['a reveal of a borrowed member', 'reveal-wrong', () => ({ reveals: withReveal({ path: '__proto__' }) })],
    ['a reveal for another leaf', 'reveal-wrong', () => ({ reveals: withReveal({ leafIndex: 301 }) })],
    ['a reveal twice', 'reveal-wrong', () => ({ reveals: [file.reveals[0], ...file.reveals] })],
    ['a reveal with a lone surrogate', 'malformed', () => ({ reveals: withReveal({ value: '\udc00' }) })],
    ['another format', 'unknown-format', () => ({ format: 'countersign-evidence/2' })],
    ['no reveals at all', 'malformed', () => ({ reveals: undefined })],
    ['a name twice', 'malformed', () => JSON.stringify(file).replace('{', '{"origin":"test.example/other",')],
    ['a name twice, spelled otherwise', 'malformed', () => JSON.stringify(file).replace('{', '{"\\u006frigin":"x",')],
    ['half a file', 'not-json', () => JSON.stringify(file).slice(0, -2)],
    ['a list', 'malformed', () => '[]'],
    ['nothing', 'not-json', () => ''],
  ]

  test.each(mutations)('%s: %s', (_, code, mutate) => {
    const mutated = mutate()
    const text = typeof mutated === 'string' ? mutated : JSON.stringify({ ...file, ...mutated })
    expect(text).not.toBe(JSON.stringify(file))
    const { verdict, reasons, events, streams } = verifyEvidence(text, { vkey })
    expect({ verdict, events, streams }).toEqual({ verdict: 'refused', events: [], streams: [] })
    expect(reasons.map((reason) => reason.code)).toContain(code)
  })

  test('a checkpoint of another key, whole and well made: refused with our key, unanchored without', async () => {
    const forger = createTestSigner()
    const { checkpoint } = verifyEvidence(JSON.stringify(file), { vkey })
    const forged = {
      ...file,
      verifierKey: forger.vkey,
      checkpoint: await signCheckpoint(forger, {
        size: checkpoint?.size ?? 0,
        root: Buffer.from(checkpoint?.root ?? '', 'base64'),
      }),
    }
    expect(verifyEvidence(JSON.stringify(forged)).verdict).toBe('unanchored')
    expect(verifyEvidence(JSON.stringify(forged), { vkey }).verdict).toBe('refused')
    expect(verifyEvidence(JSON.stringify({ ...forged, verifierKey: vkey }), { vkey }).reasons).toMatchObject([
      { code: 'signature-wrong', where: 'checkpoint' },
    ])
  })

  test('an earlier checkpoint of another tree, or without its proof', async () => {
    const other = await signCheckpoint(signer, { size: 300, root: Buffer.alloc(32, 7) })
    const unproved = await signCheckpoint(signer, { size: 299, root: Buffer.alloc(32, 7) })
    for (const note of [other, unproved, earlier.replace('300', '301')]) {
      expect(verifyEvidence(JSON.stringify(file), { vkey, earlier: [note] }).verdict).toBe('refused')
    }
    const [proof] = file.consistency ?? []
    const mutated = { ...file, consistency: [{ size: 300, proof: proof?.proof.slice(1) }] }
    expect(verifyEvidence(JSON.stringify(mutated), { vkey, earlier: [earlier] }).reasons).toMatchObject([
      { code: 'consistency-wrong' },
    ])
  })

  test('a verifier key that is none', () => {
    expect(verifyEvidence(JSON.stringify(file), { vkey: 'test.example/log' })).toMatchObject({
      verdict: 'refused',
      reasons: [{ code: 'key-malformed' }],
    })
    expect(parseVkey(vkey).name).toBe('test.example/log')
  })

  test('all that is wrong is said, not the first alone', () => {
    const twice = {
      ...file,
      events: withFirst({ proof: [] }).map((event, place) => (place === 3 ? { ...event, body: '{}' } : event)),
    }
    const { reasons } = verifyEvidence(JSON.stringify(twice), { vkey })
    expect(reasons.map(({ where }) => where)).toEqual(expect.arrayContaining(['events[0]', 'events[3]']))
  })

  test('a further field is said to be unproved', () => {
    const { limits } = verifyEvidence(JSON.stringify({ ...file, note: 'approved by all' }), {
      vkey,
      earlier: [earlier],
    })
    expect(limits).toEqual(['the field note is not covered by any proof'])
  })
})

describe('a log that was signed with a fault in it is refused', () => {
  const body = { at: 5, data: {}, prev: null as string | null, seq: 1, stream: 's', type: 'said', v: 1 }
  const hashOf = (text: object) => leafHash(canonicalJson(text)).toString('hex')
  const second = { ...body, seq: 2, prev: hashOf(body) }
  const third = { ...body, seq: 3, prev: hashOf(second) }

  async function verifySigned(bodies: object[]) {
    return verifyEvidence(JSON.stringify(await signFile(signer, bodies)), { vkey })
  }

  test('without the fault it is verified', async () => {
    expect(await verifySigned([body, second, third])).toMatchObject({ verdict: 'verified', streams: [{ events: 3 }] })
    const end = { ...second, type: 'closed', data: { count: 2 } }
    expect(await verifySigned([body, end])).toMatchObject({ verdict: 'verified', streams: [{ whole: true }] })
  })

  const faults: [string, string, object[]][] = [
    ['an event names another before it', 'chain-broken', [body, { ...second, prev: '0'.repeat(64) }]],
    [
      'an event names the one before the one before it',
      'chain-broken',
      [body, second, { ...third, prev: hashOf(body) }],
    ],
    ['a number is left out', 'chain-broken', [body, third]],
    ['a number twice', 'chain-broken', [body, second, { ...second, type: 'denied' }]],
    ['a stream begins at 2', 'chain-broken', [second]],
    ['a first event has one before it', 'body-malformed', [{ ...body, prev: hashOf(second) }]],
    ['a second event has none before it', 'body-malformed', [body, { ...second, prev: null }]],
    ['the end counts wrong', 'closed-wrong', [body, { ...second, type: 'closed', data: { count: 3 } }]],
    ['the end counts nothing', 'closed-wrong', [body, { ...second, type: 'closed' }]],
    ['a time that is no whole number', 'body-malformed', [{ ...body, at: 1.5 }]],
    ['no data', 'body-malformed', [{ ...body, data: null }]],
  ]

  test.each(faults)('%s: %s', async (_, code, bodies) => {
    const { verdict, reasons } = await verifySigned(bodies)
    expect(verdict).toBe('refused')
    expect(reasons.map((reason) => reason.code)).toContain(code)
  })
})

test('after the end of a stream nothing follows, and the end counts right', async () => {
  await append(db, 'grant/3', 0, 'asked', 'closed', 'approved')
  replica.sealer.kick()
  await replica.sealer.sealed('grant/3', 3)
  const { reasons } = verifyEvidence(JSON.stringify(await build(['grant/3'])), { vkey })
  expect(reasons).toMatchObject([{ code: 'closed-wrong' }])
})
