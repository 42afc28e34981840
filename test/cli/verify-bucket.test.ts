import { createPublicKey } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { formatVkey } from '../../src/record/verify.ts'
import { countersign } from '../support/command-line.ts'
import { type House, openHouse, until } from '../support/house.ts'
import { CREDENTIALS, type FakeS3, startFakeS3 } from '../witness/fake-s3.ts'

// A command is a process of its own, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const FOLDER = 'countersign/test.example_2Flog/'
const ENTERING = {
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
}
let house: House
let fake: FakeS3
let settings: Record<string, string>
let vkey: string

beforeAll(async () => {
  house = await openHouse()
  fake = await startFakeS3()
  settings = { ...ENTERING, WITNESSES: fake.place() }
  vkey = formatVkey('test.example/log', createPublicKey(await readFile(house.file('signing.pem'))))
})
afterAll(async () => {
  await fake.close()
  await house.close()
})

const from = () => fake.place('countersign', '').replace(/&$/, '')
/** An auditor: no database, no keys, no settings. */
const verifyFrom = (...more: string[]) =>
  countersign(['verify', '--log', '--from', from(), '--key', vkey, ...more], ENTERING)

it('a process keeps its record in the bucket, and readiness says what the bucket is worth', async () => {
  expect((await countersign(['migrate'], { ...house.environment, ...settings })).code).toBe(0)
  const replica = await house.startReplica(settings)
  await replica.command('ana', 'prod-db 1m fix the ledger')
  await until('it is in the bucket', async () => {
    const answer = await fetch(`${replica.url}/readyz`)
    const { checks } = (await answer.json()) as { checks: { name: string; state: string; detail: string }[] }
    const line = checks.find(({ name }) => name === 'witness s3:audit-bucket/countersign')
    return /^holds \d+, kept \d+s ago; locked in compliance mode until 20.*; versions are kept; administered by Internal Audit$/.test(
      line?.detail ?? '',
    )
  })
  const ran = await countersign(['verify', '--log', '--wait', '10s'], { ...house.environment, ...settings })
  expect(ran).toMatchObject({ code: 0, err: '' })
  expect(ran.out).toMatch(
    /witness s3:audit-bucket\/countersign confirmed \d+ \(locked in compliance mode .*Internal Audit/,
  )
  await replica.stop()
})

it('what a process could not bring before it was killed, the next one brings', async () => {
  const replica = await house.startReplica(settings)
  fake.fault = ({ action, key }) => (action === 'PutObject' && key.includes('checkpoints/') ? 'reset' : null)
  await replica.command('bo', 'prod-db 1m fix the ledger')
  await until('something of it is there', async () => fake.requests.at(-1)?.includes('checkpoints/'))
  await replica.kill()
  fake.fault = () => null
  const next = await house.startReplica({ ...settings, WITNESSES: fake.place().replace('=7y', '=5y') })
  const short = 'locks for 1827 days, shorter than the retention of the policy, 7y: set retention=7y in WITNESSES'
  await until('the log says it', async () => next.log.some((line) => line.includes(short)))
  expect(await (await fetch(`${next.url}/readyz`)).text()).toContain(short)
  const [row] = await house.db<{ count: number }[]>`select count(*)::int as count from event`
  await until('all of it is there', async () => JSON.parse((await verifyFrom('--json')).out).size >= (row?.count ?? 0))
  await next.stop()
})

it('tries the bucket for an operator', async () => {
  const ran = await countersign(['smoke', 's3', '--as', 'carla'], { ...house.environment, ...settings })
  expect(ran).toMatchObject({ code: 0, err: '' })
  expect(ran.out).not.toMatch(/^no /m)
  expect(ran.out).toMatch(/^yes {2}see that it is locked: COMPLIANCE until 20/m)
  const open = await startFakeS3({ lock: false })
  const weak = await countersign(['smoke', 's3', '--as', 'carla'], {
    ...{ ...house.environment, ...ENTERING, WITNESSES: open.place() },
  })
  await open.close()
  expect(weak.code).toBe(1)
  expect(weak.out).toMatch(/^no {3}the bucket has object lock$/m)
})

it('with the database gone, the record is checked from the bucket alone', async () => {
  const [kept] = await house.db<{ note: string }[]>`select note from checkpoint order by size desc offset 1 limit 1`
  await writeFile(house.file('kept.txt'), kept?.note ?? '')
  await house.cluster.stop()
  const ran = await verifyFrom('--earlier', house.file('kept.txt'))
  expect(ran).toMatchObject({ code: 0, err: '', out: expect.stringContaining('it continues the checkpoint of size') })
  expect(ran.out.split('\n')[0]).toMatch(
    /^VERIFIED: the record of test.example\/log in the bucket is whole, \d+ events under \d+ signed checkpoints$/,
  )
  expect(ran.out).toMatch(/the bucket has object lock; of the objects that were read the first lock ends at 20\d\d-/)
})

it('says what differs and where, and ends with 1', async () => {
  const key = fake.store.keys().find((one) => one.startsWith(`${FOLDER}tile/entries/000.p/`)) ?? ''
  fake.store.remove(key, null, false)
  const ran = await verifyFrom()
  expect(ran.code).toBe(1)
  expect(ran.out.split('\n')[0]).toMatch(/^DOUBT: one thing is not right in the record of test.example\/log/)
  expect(ran.out).toContain(`file-deleted: ${key}: it was deleted; what was locked is still there and was used, at 20`)
  expect(JSON.parse((await verifyFrom('--json')).out)).toMatchObject({
    ok: false,
    differences: [{ what: 'file-deleted' }],
  })
})

it('a bucket that cannot be read is no success', async () => {
  fake.denied.add('ListObjectVersions')
  const ran = await verifyFrom()
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(ran.err).toContain('cannot list')
  fake.denied.clear()
})

it.each<[string[], string]>([
  [['verify', '--log', '--from', 's3:audit?region=eu-1'], 'needs --key <vkey>'],
  [['verify', '--from', 's3:audit?region=eu-1', '--key', 'k'], 'Write --log too'],
  [['verify', '--log', '--from', 'file:/x', '--key', 'k'], 'is no bucket'],
  [['verify', '--log', '--from', 's3:audit', '--key', 'k'], 'without a region'],
])('%j is a wrong command line', async (args, words) => {
  const ran = await countersign(args)
  expect(ran).toMatchObject({ code: 2, out: '' })
  expect(ran.err).toContain(words)
})
