import { access, rename, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { closeDb, openDb as open, type openDb } from '../../src/db/client.ts'
import { countersign } from '../support/command-line.ts'
import { type House, idOn, openHouse, until } from '../support/house.ts'

// A command is a process of its own, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const NEXT = 'test.example/log-2'
let house: House
let admin: ReturnType<typeof openDb>

beforeAll(async () => {
  house = await openHouse()
  admin = open(house.cluster.urlFor('postgres'), { applicationName: 'test', max: 1 })
})
afterAll(async () => {
  await closeDb(admin)
  await house.close()
})

const run = (args: string[], environment: Record<string, string> = {}) =>
  countersign(args, { ...house.environment, ...environment })
const verifyLog = (environment?: Record<string, string>) => run(['verify', '--log', '--wait', '2s'], environment)

describe('verify --log', () => {
  it('refuses a schema that is too old, and does not migrate it', async () => {
    const ran = await verifyLog()
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain('migrate')
    expect(await house.db`select from information_schema.tables where table_name = 'event'`).toHaveLength(0)
  })

  it('says that nothing is on record, which is no success', async () => {
    expect((await run(['migrate'])).code).toBe(0)
    const ran = await verifyLog()
    expect(ran.code).toBe(1)
    expect(ran.out).toContain('nothing is on record')
  })

  it('finds the record of a running process whole, and calls a file a weak witness', async () => {
    const replica = await house.startReplica()
    await replica.command('ana', 'prod-db 1m fix the ledger')
    const ran = await verifyLog()
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out.split('\n')[0]).toMatch(/^VERIFIED: the record of test.example\/log is whole, \d+ events$/)
    expect(ran.out).toContain('witness file confirmed')
    expect(ran.out).toContain('weak')
    expect(JSON.parse((await run(['verify', '--log', '--json'])).out)).toMatchObject({ ok: true, differences: [] })
    await replica.stop()
  })

  it('finds it whole when no process runs, and that it continues a checkpoint that somebody kept', async () => {
    const [row] = await house.db<{ note: string }[]>`select note from checkpoint order by size limit 1`
    const [kept, other] = [house.file('kept.txt'), house.file('other.txt')]
    await writeFile(kept, `Checkpoint of the record\n${row?.note.replaceAll('\n', '\r\n')}`)
    await writeFile(other, row?.note.replace('test.example', 'text.example') ?? '')
    const ran = await run(['verify', '--log', '--wait', '2s', '--earlier', kept])
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toMatch(/ {2}it continues the checkpoint of size \d+ in .*kept\.txt/)
    const strange = await run(['verify', '--log', '--wait', '2s', '--earlier', kept, '--earlier', other])
    expect(strange.code).toBe(1)
    expect(strange.out).toMatch(/the checkpoint of size \d+ in .*other\.txt is not of this log, or was changed/)
  })

  it('names what a superuser changed: what, where, since when', async () => {
    const [event] = await house.db<{ stream: string; seq: number; body: string }[]>`
      select stream, seq, body from event where type = 'request.asked'`
    if (!event) throw new Error('no event')
    const { stream, seq, body } = event
    await vandalise(
      house.db`update event set body = replace(body, 'ana', 'bob') where stream = ${stream} and seq = ${seq}`,
    )
    const ran = await verifyLog()
    expect(ran).toMatchObject({ code: 1, err: '' })
    expect(ran.out.split('\n')[0]).toMatch(/^DOUBT: one thing is not right/)
    expect(ran.out).toMatch(
      new RegExp(`body-changed: ${stream} #${seq}, leaf \\d+: its text was changed; .* 20\\d\\d-`),
    )
    const { ok, differences } = JSON.parse((await run(['verify', '--log', '--json'])).out)
    expect({ ok, differences }).toMatchObject({ ok: false, differences: [{ what: 'body-changed' }] })
    await vandalise(house.db`update event set body = ${body} where stream = ${stream} and seq = ${seq}`)
    expect((await verifyLog()).code).toBe(0)
  })

  it('keeps how far it came until it is done, and refuses a file that is none of its own', async () => {
    const file = house.file('progress.json')
    const resumed = () => run(['verify', '--log', '--wait', '2s', '--resume', file])
    expect(await resumed()).toMatchObject({ code: 0, err: '' })
    await expect(access(file)).rejects.toMatchObject({ code: 'ENOENT' })
    await writeFile(file, '{"progress":"{}","mac":"00"}')
    const refused = await resumed()
    expect(refused).toMatchObject({ code: 1, out: '' })
    expect(refused.err).toContain(`${file} is not used: it was changed, or written with another MAC key`)
    expect((await run(['verify', file, '--resume', file])).code).toBe(2)
  })

  it('doubts a record of which a witness holds nothing, and fails without one', async () => {
    await rename(house.file('witness'), house.file('kept'))
    const ran = await verifyLog()
    expect(ran.code).toBe(1)
    expect(ran.out).toContain('witness file holds no checkpoint of test.example/log')
    await rename(house.file('kept'), house.file('witness'))
    const unreachable = await verifyLog({ WITNESSES: `file:${house.file('policy.yaml')}/inside` })
    expect(unreachable).toMatchObject({ code: 1, out: '' })
    expect(unreachable.err).toContain('witness file cannot be used')
  })

  it('doubts events that no witness has confirmed', async () => {
    await vandalise(house.db`
      insert into event_pending (leaf_hash, at) select leaf_hash, at from event where type = 'system.started'`)
    const ran = await verifyLog()
    expect(ran.code).toBe(1)
    expect(ran.out).toContain('1 event not in a checkpoint that every witness confirmed')
    await vandalise(house.db`delete from event_pending`)
  })
})

describe('record new-origin', () => {
  it('refuses while a sealer is at work, a name that is used or none, and a person whom nobody knows', async () => {
    const replica = await house.startReplica()
    const busy = await run(['record', 'new-origin', NEXT, '--as', 'carla'])
    expect(busy).toMatchObject({ code: 1, out: '' })
    expect(busy.err).toContain('stop every replica first')
    await replica.stop()
    const [used, none, long, unknown] = [
      await run(['record', 'new-origin', 'test.example/log', '--as', 'carla']),
      await run(['record', 'new-origin', 'two words', '--as', 'carla']),
      await run(['record', 'new-origin', `example.org/${'log'.repeat(70)}`, '--as', 'carla']),
      await run(['record', 'new-origin', NEXT, '--as', 'mallory']),
    ]
    expect(used.err).toContain('test.example/log has been used')
    expect(none.err).toContain('The new name is "two words", not the name of a log')
    expect(long.err).toContain('Write one of at most 200 characters')
    expect(unknown.err).toContain('"mallory" is no person')
    expect([used.code, none.code, long.code, unknown.code]).toEqual([1, 2, 2, 1])
  })

  it('goes on after a restore that lost events, under a new name that carries the old one', async () => {
    await copyDatabase('countersign', 'yesterday')
    const replica = await house.startReplica()
    await replica.command('bo', 'prod-db 1m fix the ledger')
    await until('it is confirmed', async () => (await verifyLog()).code === 0)
    await replica.stop()
    await copyDatabase('yesterday', 'countersign')

    const lost = await verifyLog()
    expect(lost.code).toBe(1)
    expect(lost.out).toContain('witness-differs: witness file confirmed')

    const started = await run(['record', 'new-origin', NEXT, '--as', 'carla'])
    expect(started).toMatchObject({ code: 0, err: '' })
    expect(started.out).toMatch(
      /^test\.example\/log-2 follows test\.example\/log: \d+ events came along, 0 could not\.\nLost before: witnesses had confirmed \d+ more events?\./m,
    )
    const key = (await run(['key'], { LOG_ORIGIN: NEXT })).out.trim()
    expect(started.out).toContain(`LOG_ORIGIN=${NEXT}`)
    expect(started.out).toContain(key)

    const again = await house.startReplica({ LOG_ORIGIN: NEXT })
    const id = idOn(await again.command('bo', 'prod-db 1m fix the ledger'))
    const file = house.file('after.json')
    const taken = await run(['evidence', id, '--as', 'carla', '--out', file], { LOG_ORIGIN: NEXT })
    expect(taken).toMatchObject({ code: 0, err: '' })
    expect((await countersign(['verify', file, '--key', key])).code).toBe(0)
    const [before] = await house.db<{ id: string }[]>`select id from grant_state where for_identity = 'ana'`
    const told = await run(['evidence', before?.id ?? '', '--as', 'carla', '--out', house.file('before.json')], {
      LOG_ORIGIN: NEXT,
    })
    expect(told).toMatchObject({ code: 0, err: expect.stringContaining('what test.example/log had and lost: carla') })
    const whole = await verifyLog({ LOG_ORIGIN: NEXT })
    expect(whole).toMatchObject({ code: 0, err: '' })
    expect(whole.out).toMatch(/^ {2}BEFORE: not proved is what test\.example\/log had and lost: carla began/m)
    expect((await verifyLog()).out).toContain('another-origin: test.example/log-2')
  })
})

/** Past the triggers that let nobody change what is recorded. */
async function vandalise(statement: ReturnType<House['db']>): Promise<void> {
  const tables = ['event', 'event_pending']
  for (const table of tables) await house.db`alter table ${house.db(table)} disable trigger all`
  await statement
  for (const table of tables) await house.db`alter table ${house.db(table)} enable trigger all`
}

async function copyDatabase(from: string, to: string): Promise<void> {
  await admin`drop database if exists ${admin(to)} with (force)`
  await admin`
    select pg_terminate_backend(pid) from pg_stat_activity where datname = ${from} and pid <> pg_backend_pid()`
  await admin`create database ${admin(to)} template ${admin(from)}`
}
