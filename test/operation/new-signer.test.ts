import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HOUR } from '../../src/domain/duration.ts'
import { newMacKey, newSigningKey } from '../../src/record/key-files.ts'
import { SEALER_LOCK } from '../../src/record/sealer.ts'
import { countersign } from '../support/command-line.ts'
import { armCrash } from '../support/crash-points.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

interface Settings {
  [name: string]: string
  CRASH_FOLDER: string
}

/* The operator gives the log another signing key: what they call, in which order, and what they are told. */
let house: House
let replica: Replica
let given: string
/** Of the key that follows the first. */
let vkey: string
const settings: Settings = { NEXT_SIGNING_KEY_FILE: '', CRASH_FOLDER: '' }
const run = (...words: string[]) => countersign(words, { ...house.environment, ...settings })

beforeAll(async () => {
  house = await openHouse()
  settings.NEXT_SIGNING_KEY_FILE = house.file('next.pem')
  settings.CRASH_FOLDER = house.file('crashes')
  await mkdir(settings.CRASH_FOLDER)
  await writeFile(house.file('next.pem'), newSigningKey())
  replica = await house.startReplica()
  given = idOn(await replica.command('ana', 'prod-db 5m fix the ledger INC-42'))
})
afterAll(() => house.close())

it('is refused without a next key, by nobody, and where the processes do not have it yet', async () => {
  const without = await countersign(['record', 'new-signer', '--as', 'carla'], house.environment)
  expect(without).toMatchObject({ code: 1, err: expect.stringContaining('Set NEXT_SIGNING_KEY_FILE') })
  expect(await run('record', 'new-signer', '--as', 'nobody')).toMatchObject({ code: 1 })
  const early = await run('record', 'new-signer', '--as', 'carla')
  expect(early).toMatchObject({ code: 1, err: expect.stringContaining('nothing has changed') })
})

it('follows while access is given; evidence verifies with the old key and the new one', async () => {
  const old = (await run('key')).out.trim()
  const [row] = await house.db<{ note: string }[]>`select note from checkpoint order by size desc limit 1`
  const early = row?.note ?? ''
  await replica.kill()
  replica = await house.startReplica(settings)
  // The process that seals is killed between the tree and the signature: the command ends it.
  armCrash(settings.CRASH_FOLDER, 'seal:after-tree')
  const changed = await run('record', 'new-signer', '--as', 'carla')
  await replica.exited
  expect(changed).toMatchObject({ code: 0, out: expect.stringContaining('From now on, the log is signed') })
  expect((await run('record', 'new-signer', '--as', 'carla')).out).toContain('Since before')
  replica = await house.startReplica(settings)
  await replica.press('marcus', 'approve', given)
  await until('it is active', async () => (await statusOf(given)) === 'active')

  await replica.kill()
  await copyFile(house.file('signing.pem'), house.file('old.pem'))
  await copyFile(house.file('next.pem'), house.file('signing.pem'))
  settings.NEXT_SIGNING_KEY_FILE = ''
  replica = await house.startReplica()
  vkey = (await run('key')).out.trim()
  expect(changed.out).toContain(vkey)
  const file = house.file('evidence.json')
  expect(await run('evidence', given, '--as', 'carla', '--out', file)).toMatchObject({ code: 0 })
  for (const key of [old, vkey]) {
    expect((await countersign(['verify', file, '--key', key])).out).toMatch(/^VERIFIED/)
  }
  const [kept, many] = [house.file('kept.txt'), house.file('many.json')]
  await writeFile(kept, early)
  const today = new Date().toISOString().slice(0, 10)
  const period = ['--person', 'ana', '--from', today, '--to', today, '--as', 'carla', '--out', many]
  expect(await run('evidence', ...period, '--earlier', kept)).toMatchObject({ code: 0 })
  for (const key of [old, vkey]) {
    const { out } = await countersign(['verify', many, '--key', key, '--earlier', kept])
    expect(out).toMatch(/^INCOMPLETE/) // the day is not over
    expect(out).toContain(`it continues the checkpoint of size`)
  }
  expect(await run('verify', '--log')).toMatchObject({ code: 0 })
})

it('with the old key alone a process says which key it needs, and takes away what is to end', async () => {
  await replica.kill()
  replica = await house.startReplica({ SIGNING_KEY_FILE: house.file('old.pem') })
  await until('readiness says why', async () => (await recordLine()).includes('Set SIGNING_KEY_FILE'))
  await replica.press('ana', 'done', given)
  await until('it is removed', async () => (await statusOf(given)) === 'removed')
})

it('without its key it goes on as another log: a person says why, auditors are told, and the old key proves what it signed', async () => {
  await replica.kill()
  await writeFile(house.file('signing.pem'), newSigningKey())
  const name = 'test.example/log-2'
  const begin = (...more: string[]) => run('record', 'new-origin', name, '--as', 'carla', ...more)
  expect(await begin()).toMatchObject({ code: 1, err: expect.stringContaining('If it is lost, say so: --lost-key') })
  expect(await begin('--lost-key', vkey)).toMatchObject({ code: 2, err: expect.stringContaining('needs --reason') })
  const begun = await begin('--lost-key', vkey, '--reason', 'the disk broke, and there was no copy')
  expect(begun).toMatchObject({ code: 0, err: '' })
  settings.LOG_ORIGIN = name
  const fresh = (await run('key')).out.trim()
  for (const part of [fresh, vkey, 'auditors must take\nyour word']) expect(begun.out).toContain(part)

  await house.db`delete from schedule_slot where job = 'mind-findings'`
  await house.db`insert into schedule_slot (job, slot, at) values ('mind-findings', ${Date.now() - 2 * HOUR}, 0)`
  replica = await house.startReplica(settings)
  const lost = 'The signing key was lost, and another signs'
  await until('it is a finding', async () => JSON.stringify(await replica.command('carla', 'findings')).includes(lost))
  const [finding] = await house.db<{ body: string }[]>`
    select body from event where type = 'finding.opened' and strpos(body, 'signing-key-lost') > 0`
  expect(JSON.parse(finding?.body ?? '{}').data).toMatchObject({
    ...{ cause: 'signing-key-lost', severity: 'critical', subject: { kind: 'house' } },
    detail: `the key of test.example/log was lost; carla began ${name} under another key`,
  })
  const id = idOn(await replica.command('ana', 'prod-db 5m fix the ledger INC-43'))
  await replica.press('marcus', 'approve', id)
  await until('it is active', async () => (await statusOf(id)) === 'active')
  const [file, past] = [house.file('after.json'), house.file('past.json')]
  const taken = await run('evidence', given, '--as', 'carla', '--out', file)
  expect(taken).toMatchObject({ code: 0, err: expect.stringContaining(`for whoever trusts ${vkey}`) })
  const verified = await countersign(['verify', file, '--key', fresh])
  expect(verified).toMatchObject({
    code: 0,
    out: expect.stringContaining(`carla said that this key of test.example/log is lost`),
  })
  expect((await countersign(['verify', file, '--key', vkey])).out).toMatch(/^REFUSED/)
  await run('evidence', given, '--as', 'carla', '--key', vkey, '--out', past)
  expect((await countersign(['verify', past, '--key', vkey])).out).toMatch(/^VERIFIED/)
  const checked = await run('verify', '--log')
  expect(checked).toMatchObject({ code: 0, out: expect.stringContaining('BREAK IN TRUST: carla said') })
  const changes = await run('digest', 'this', '--list', 'keys', '--as', 'carla')
  expect(changes).toMatchObject({ code: 0, out: expect.stringContaining('ITS SIGNING KEY WAS LOST') })
  expect(checked.out).toMatch(/it signed the first \d+ events of test\.example\/log; \d+ events that came along rest/)
})

it('retires the MAC key of before, once nobody writes with it; and says what to do where it does not', async () => {
  const [old, next, other] = [house.file('mac.hex'), house.file('mac-2.hex'), house.file('mac-3.hex')]
  for (const file of [next, other]) await writeFile(file, newMacKey())
  const retire = (as = 'carla') => run('record', 'retire-mac-key', '--as', as)
  expect(await retire()).toEqual({ code: 0, err: '', out: 'OTHER_MAC_KEY_FILES names no MAC key of before.\n' })
  settings.OTHER_MAC_KEY_FILES = next
  expect(await retire()).toMatchObject({ code: 1, err: expect.stringContaining('Is MAC_KEY_FILE the new key here?') })

  await replica.kill()
  Object.assign(settings, { MAC_KEY_FILE: next, OTHER_MAC_KEY_FILES: old })
  replica = await house.startReplica(settings)
  const early = await retire()
  expect(early).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^A process wrote under the key [0-9a-f]{16} at /),
  })
  expect(early.err).toContain('call this again ten minutes after the last restart')
  expect(await retire('nobody')).toMatchObject({ code: 1, err: expect.stringContaining('is no person') })
  await replica.kill()
  settings.OTHER_MAC_KEY_FILES = house.file('gone.hex')
  expect(await retire()).toMatchObject({ code: 1, err: expect.stringContaining('gone.hex cannot be read') })

  settings.OTHER_MAC_KEY_FILES = old
  await house.db`create schema clock`
  await house.db`grant usage on schema clock to public`
  await house.db`create function clock.clock_timestamp() returns timestamptz language sql
    as $$select pg_catalog.clock_timestamp() + interval '11 minutes'$$`
  await house.db`alter database countersign set search_path = clock, pg_catalog, public`
  // Killed with the event recorded and nobody to seal it: the same command, called again, ends it.
  const sealing = await house.db.reserve()
  await sealing`select pg_advisory_lock(${SEALER_LOCK})`
  const kill = new AbortController()
  const dying = countersign(
    ['record', 'retire-mac-key', '--as', 'carla'],
    { ...house.environment, ...settings },
    kill.signal,
  )
  const retirements = () => house.db`select from event where type = 'record.mac-key-retired'`
  await until('it is recorded', async () => (await retirements()).length === 1)
  kill.abort()
  expect(await dying).toEqual({ code: null, out: '', err: '' })
  await sealing`select pg_advisory_unlock(${SEALER_LOCK})`
  sealing.release()
  const done = await retire()
  const [, key, leaf] = /^The MAC key ([0-9a-f]{16}) is retired: from leaf (\d+) on, nothing/.exec(done.out) ?? []
  expect(done).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringContaining(`<its file>@${leaf} in OTHER_MAC_KEY_FILES`),
  })
  expect(early.err).toContain(key)
  expect((await retire()).out).toBe(done.out)
  expect(await retirements()).toHaveLength(1)
  settings.OTHER_MAC_KEY_FILES = `${old}@${leaf}`
  expect(await run('verify', '--log')).toMatchObject({ code: 0 })
  settings.OTHER_MAC_KEY_FILES = other
  expect(await run('verify', '--log')).toMatchObject({ code: 1, out: expect.stringContaining('mac-wrong') })
})

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}

async function recordLine(): Promise<string> {
  const { checks } = (await (await fetch(`${replica.url}/readyz`)).json()) as {
    checks: { name: string; detail: string }[]
  }
  return checks.find(({ name }) => name === 'record')?.detail ?? ''
}
