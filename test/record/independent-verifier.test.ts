/**
 * A second verifier, in Python, was written from docs/evidence-format.md alone. Where it and ours differ on a file, one
 * of them or the page is wrong.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildEvidence } from '../../src/record/evidence.ts'
import { verifyEvidence } from '../../src/record/verify.ts'
import { createTestClock } from '../support/clock.ts'
import { createSoftPasskey } from '../support/soft-passkey.ts'
import { createFakeWitness } from './fake-witness.ts'
import { forgedBodies, forgedPlaces, forgedStreams } from './forged-events.ts'
import { forgedConsistency, forgedForms, forgedPolicies, forgedReveals } from './forged-files.ts'
import { forgedKeys, forgedNotes } from './forged-notes.ts'
import { forgedPasskeys } from './forged-passkeys.ts'
import { forgedPopulations, forgedTrees, incompletePopulations, soundPopulations } from './forged-populations.ts'
import { forgedSingles, soundSingles } from './forged-singles.ts'
import { bytesOf, ENTRY, type Given, good, kept, ORIGIN, signer } from './good-file.ts'
import { forgedHandOvers, soundHandOvers } from './handed-over-file.ts'
import { fileOf, passkeyStory } from './passkey-file.ts'
import { askBoth, type Options, type PythonVerifier, startPythonVerifier } from './python-verifier.ts'
import { append, createRecordDatabase, createReplica, type RecordDatabase, type Replica } from './record-fixture.ts'
import { signFile, story } from './signed-file.ts'
import { sound } from './sound-files.ts'

let verifier: PythonVerifier
beforeAll(() => {
  verifier = startPythonVerifier()
})
afterAll(() => verifier.stop())

const ask = (file: Buffer, options: Options) => askBoth(verifier, file, options)

async function expectSound({ file, vkey = signer.vkey, earlier = [] }: Given) {
  const anchored = await ask(bytesOf(file), { vkey, earlier })
  expect(anchored).toMatchObject({ ours: 'verified', theirs: 'verified' })
  const unanchored = await ask(bytesOf(file), { earlier })
  expect(unanchored).toMatchObject({ ours: 'unanchored', theirs: 'unanchored' })
  return anchored.said
}

describe('both verify what the record writes', () => {
  let db: RecordDatabase
  let replica: Replica
  const witness = createFakeWitness()
  const build = (streams: string[], since: number[] = []) =>
    buildEvidence({ record: db.record, witnessed: replica.witnessed }, db.app, streams, { reveal: true, since })
  const notes: string[] = []
  const sealUntil = async (stream: string, seq: number) => {
    replica.sealer.kick()
    await replica.sealer.sealed(stream, seq)
    notes.push(witness.notes.at(-1) ?? '')
  }
  const files: Record<string, Awaited<ReturnType<typeof build>>> = {}

  beforeAll(async () => {
    db = await createRecordDatabase()
    await append(db, 'grant:1', 0, {
      type: 'asked',
      data: { for: 'prod-db', ratio: 1.5e-7, platformAt: 1_800_000_000_000 },
      private: { reason: 'ledger: 帳簿 \u{1f600}\u0000', ticket: '' },
    })
    replica = createReplica(db, { signer, witnesses: [witness], clock: createTestClock() })
    replica.sealer.start()
    await sealUntil('grant:1', 1)
    files['a tree of one'] = await build(['grant:1'])
    await append(db, 'grant:1', 1, 'approved', 'removed', 'closed')
    await append(
      db,
      'запрос:\u{1f600}',
      0,
      { type: 'asked', data: { ключ: 'значение', '\ufb33': 1, '\u{1f600}': 2 } },
      'denied',
    )
    await sealUntil('запрос:\u{1f600}', 2)
    await append(db, 'noise', 0, ...Array.from({ length: 600 }, () => 'said'))
    await sealUntil('noise', 600)
    files['a closed stream'] = await build(['grant:1'])
    files['an open stream of other letters'] = await build(['запрос:\u{1f600}'])
    files['many streams, 606 events'] = await build(['grant:1', 'noise', 'запрос:\u{1f600}'], [1, 6])
  })
  afterAll(async () => {
    await replica.stop()
    await db.drop()
  })

  test.each(['a tree of one', 'a closed stream', 'an open stream of other letters', 'many streams, 606 events'])(
    '%s',
    async (name) => {
      await expectSound({ file: files[name] ?? {} })
    },
  )

  test('as the continuation of every checkpoint that was kept', async () => {
    const said = await expectSound({ file: files['many streams, 606 events'] ?? {}, earlier: notes })
    expect(notes).toHaveLength(3)
    expect(said).toEqual([
      "'grant:1' is complete",
      expect.stringMatching(/ is complete up to leaf 5; later events are not provable from this file$/),
      "'noise' is complete up to leaf 605; later events are not provable from this file",
    ])
  })
})

describe('both verify what is rare and right', () => {
  test.each(sound)('%s', async (_, make) => {
    await expectSound(await make())
  })
})

describe('both find every grant of a period', () => {
  test.each(soundPopulations)('%s', async (_, make) => {
    await expectSound(await make())
  })

  test.each(incompletePopulations)(
    'and say so where it is not shown that none is missing: %s',
    async (_, why, make) => {
      const { file } = await make()
      const { ours, theirs, said } = await ask(bytesOf(file), { vkey: signer.vkey, earlier: [] })
      expect({ ours, theirs }).toEqual({ ours: 'incomplete', theirs: 'incomplete' })
      expect(said[0]?.replace('not complete: ', '')).toMatch(why)
      const { population, limits } = verifyEvidence(bytesOf(file), { vkey: signer.vkey })
      expect(population?.doubts.join()).toMatch(why)
      expect(limits).toEqual([])
    },
  )
})

describe('both verify what a passkey signed', () => {
  test.each([
    ['ES256', {}],
    ['RS256', {}],
    ['EdDSA', {}],
    ['ES256', { rpId: 'access.example.com', origin: 'https://access.example.com:8443' }],
  ] as const)('with %s %o', async (algorithm, where) => {
    const story = passkeyStory(createSoftPasskey(algorithm), where)
    if ('rpId' in where) for (const { data } of story.keys) Object.assign(data.passkey as object, { rpId: where.rpId })
    await expectSound({ file: await fileOf(story) })
  })
})

test.each([
  ['without its key that nobody vouched for it', { lostKey: signer.vkey }, 'ada said that this key'],
  [
    'after a restore that something is lost',
    { fork: 'behind-witness', had: 3 },
    'what test.example/before had and lost',
  ],
])('both say of a log that began %s', async (_, why, limit) => {
  const lost = { by: 'ada', previousOrigin: 'test.example/before', notes: [], ...why }
  const began = story(
    `origin/${ORIGIN}`,
    { type: 'origin-started', data: lost },
    { type: 'closed', data: { count: 2 } },
  )
  const file = await signFile(signer, [...began, ...story('grant:1', {})])
  expect(await expectSound({ file })).toContainEqual(expect.stringContaining("'ada' said that"))
  expect(verifyEvidence(bytesOf(file)).limits).toEqual([expect.stringContaining(limit)])
})

describe('both verify events that stand alone', () => {
  test.each(soundSingles)('%s', async (_, make) => {
    await expectSound(await make())
  })
})

describe('both verify a log that came to another key', () => {
  test.each(soundHandOvers)('%s', async (_, make) => {
    await expectSound(await make())
  })
})

describe.each([
  ['keys', forgedKeys],
  ['hand-overs', forgedHandOvers],
  ['notes', forgedNotes],
  ['bodies', forgedBodies],
  ['places in the tree', forgedPlaces],
  ['streams', forgedStreams],
  ['reveals', forgedReveals],
  ['policies', forgedPolicies],
  ['consistency', forgedConsistency],
  ['trees', forgedTrees],
  ['populations', forgedPopulations],
  ['passkeys', forgedPasskeys],
  ['single events', forgedSingles],
  ['forms of the file', forgedForms],
])('both refuse wrong %s', (_, forgeries) => {
  test.each(forgeries)('%s: %s', async (_, code, make) => {
    const { file, vkey = signer.vkey, earlier = [] } = await make()
    const { ours, theirs, codes } = await ask(bytesOf(file), { vkey, earlier })
    expect({ ours, theirs }).toEqual({ ours: 'refused', theirs: 'refused' })
    expect(codes).toContain(code)
  })
})

describe('the verifier in Python, from a shell', () => {
  let folder: string
  const path = (name: string) => join(folder, name)
  const run = (...args: string[]) =>
    promisify(execFile)('python3', ['-B', 'test/verifier/verify_evidence.py', ...args], {
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    )

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evidence-'))
    await writeFile(path('good'), JSON.stringify({ ...good, consistency: [ENTRY], '\u001b[2J\u{1f600}': 1 }))
    await writeFile(path('bad'), '{"format":"\u001b[2J\u{1f600}\\n"')
    await writeFile(path('kept'), kept)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('ends with 0 for what is verified alone, says why, and never writes to the screen what a file says', async () => {
    const verified = await run(path('good'), '--key', signer.vkey, '--earlier', path('kept'))
    expect(verified).toMatchObject({ code: 0, stderr: '' })
    expect(verified.stdout).toMatch(/^verified\n- 'grant:1' is complete\n/)
    expect(verified.stdout).toMatch(/^[\n\x20-\x7e]*$/)
    const unanchored = await run(path('good'))
    expect(unanchored).toMatchObject({ code: 1, stderr: '' })
    expect(unanchored.stdout).toMatch(/^unanchored\n.*consistency with size 3 was not checked\n/s)
    const refused = await run(path('bad'), '--key', signer.vkey)
    expect(refused).toMatchObject({
      code: 1,
      stderr: '',
      stdout: expect.stringMatching(/^refused\n- the file: not JSON .*\n$/),
    })
  })

  test('ends with 2 and a sentence where there is nothing to judge', async () => {
    const missing = await run(path('missing'))
    expect(missing).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(/^cannot be read: .*missing.*\n$/),
    })
    expect(await run()).toMatchObject({ code: 2, stdout: '' })
  })
})
