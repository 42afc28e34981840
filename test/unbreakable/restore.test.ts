import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { parseMacKey } from '../../src/record/key-files.ts'
import { startNewOrigin } from '../../src/record/new-origin.ts'
import { createRecord } from '../../src/record/record.ts'
import { parseSigningKey } from '../../src/record/signer.ts'
import { verifyLog } from '../../src/record/verify-log.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createSealing, parseSecretsKey } from '../../src/secrets/sealing.ts'
import { createFileWitness } from '../../src/witness/file-witness.ts'
import { type House, type Replica, until } from '../support/house.ts'
import {
  accountOf,
  accounts,
  ask,
  connect,
  eventsOfStream,
  give,
  gone,
  named,
  oidOf,
  openCrowdedHouse,
  sessions,
  typesOf,
  vandalise,
} from './attack.ts'

/*
 * The database loses what a witness has confirmed: somebody drops the end of the log, puts back
 * yesterday's copy, or empties the tables. New grants wait for a person, endings go on, and an access
 * that only the lost events explained is found at the target and ended.
 */
let house: House
let replica: Replica

beforeEach(async () => {
  house = await openCrowdedHouse()
  replica = await house.startReplica()
})
afterEach(() => house?.close())

/** Nobody may be connected to a database that is copied or dropped. */
async function asOperator(work: (run: (sql: string) => Promise<unknown>) => Promise<void>): Promise<void> {
  const admin = openDb(house.cluster.urlFor('postgres'), { applicationName: 'operator', max: 1 })
  try {
    await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'countersign'`
    await work((sql) => admin.unsafe(sql))
  } finally {
    await closeDb(admin)
  }
}

const backUp = () => asOperator(async (run) => void (await run('create database yesterday template countersign')))
const restore = () =>
  asOperator(async (run) => {
    await run('drop database countersign with (force)')
    await run('create database countersign template yesterday')
  })

async function allSealed(): Promise<void> {
  await until('all is sealed', async () => (await house.db`select from event_pending`).length === 0)
}

/** Until a person has looked at the record. */
async function waits(id: string): Promise<void> {
  await until('it was tried in vain', async () => replica.log.some((line) => line.includes(`"key":"${id}"`)))
  expect(await accounts(house)).not.toContain(accountOf(id))
  expect((await typesOf(house, id)).at(-1)).toBe('request.approved')
}

const newOrigin = { LOG_ORIGIN: 'test.example/log-2' }

/** What an operator does after a restore, while nothing runs. */
async function beginNewOrigin(): Promise<void> {
  const keys = { macKey: parseMacKey(await readFile(house.file('mac.hex'), 'utf8')), ...(await sealing()) }
  const signer = parseSigningKey(await readFile(house.file('signing.pem'), 'utf8'), newOrigin.LOG_ORIGIN)
  const app = openDb(house.cluster.urlFor('countersign'), { applicationName: 'operator', role: 'countersign_app' })
  const sealer = openDb(house.cluster.urlFor('countersign'), {
    applicationName: 'operator',
    role: 'countersign_sealer',
    max: 1,
  })
  const witnessed = createWitnessed(signer.vkey, [
    createFileWitness({ path: house.file('witness'), administeredBy: 'a test' }),
  ])
  await startNewOrigin({
    ...{ app, sealer, record: createRecord(keys), macKey: keys.macKey, signer, witnessed },
    by: 'carla',
    at: Date.now(),
  })
  expect(await verifyLog(app, keys.macKey, witnessed)).toMatchObject({ ok: true })
  await Promise.all([closeDb(app), closeDb(sealer)])
}

async function sealing() {
  const { seal, open } = createSealing(parseSecretsKey(await readFile(house.file('secrets.hex'), 'utf8')))
  return { seal: (text: string) => seal(text, 'private_text'), open: (sealed: Buffer) => open(sealed, 'private_text') }
}

test('yesterday’s copy is put back: what it does not explain is ended, what it explains goes on', async () => {
  const kept = await give(house, replica, 'e1', '1h')
  const short = await give(house, replica, 'e2', '14s')
  const over = await give(house, replica, 'e3', '1h')
  // Approved, and withdrawn after the copy was made.
  await house.targetDb`alter role countersign_bot createdb`
  const withdrawn = await ask(replica, 'e4', '1h fix the ledger')
  await replica.press('marcus', 'approve', withdrawn)
  await until('it waits', async () => (await typesOf(house, withdrawn)).includes('grant.attempt-failed'))
  await allSealed()
  await replica.stop()
  await backUp()
  replica = await house.startReplica()
  await replica.press('e4', 'cancel', withdrawn)
  await house.targetDb`alter role countersign_bot nocreatedb`
  await replica.press('e3', 'done', over)
  await gone(house, over)
  const lost = await give(house, replica, 'e5', '1h')
  const person = await connect(house, replica, 'e5', lost)
  await person`select 1`
  const oid = await oidOf(house, lost)
  await allSealed()
  await replica.stop()
  await restore()

  replica = await house.startReplica()
  await named(house, replica, 'record-forked')
  await gone(house, lost)
  expect(await sessions(house, oid)).toBe(0)
  await person.end({ timeout: 0 })
  await until('its end is on record', async () =>
    (await eventsOfStream(house.db, `orphan:${lost}`)).some(({ type }) => type === 'orphan.removed'),
  )
  expect((await eventsOfStream(house.db, `orphan:${lost}`))[0]?.data).toMatchObject({ why: 'not-on-record' })
  await until('people are told', async () => {
    const told = await house.db<{ text: string }[]>`select m::text as text from local_chat_messages m`
    return told.some(({ text }) => text.includes('nothing on record explains') && text.includes('taken away'))
  })

  // New grants wait, an ending does not.
  const fresh = await ask(replica, 'e6', '1h fix the ledger')
  await replica.press('marcus', 'approve', fresh)
  await waits(fresh)
  await gone(house, short)
  await until('the proof is on record', async () => (await typesOf(house, short)).at(-1) === 'closed')
  // It was over already, which the copy does not know: ended again, and seen to be gone.
  await replica.press('e3', 'done', over)
  await until('it is over again', async () => (await typesOf(house, over)).at(-1) === 'closed')
  expect(await accounts(house)).toEqual([accountOf(kept)])

  await replica.stop()
  await beginNewOrigin()
  // What was held comes back by itself within a minute; nobody waits for that here.
  await house.db`update pgboss.job_common set start_after = created_on where state = 'created'`
  replica = await house.startReplica(newOrigin)
  // Neither the approval whose withdrawal was lost, nor one from before the new origin, is used.
  for (const id of [withdrawn, fresh]) {
    await until(`${id} has failed`, async () => (await typesOf(house, id)).includes('grant.failed'))
    const failed = (await eventsOfStream(house.db, `grant:${id}`)).find(({ type }) => type === 'grant.failed')
    expect(failed?.data.code).toBe('approval-before-restore')
  }
  const after = await give(house, replica, 'e7', '1h')
  expect(await accounts(house)).toEqual([accountOf(kept), accountOf(after)].sort())
  for (const [who, id] of [
    ['e1', kept],
    ['e7', after],
  ] as const) {
    await replica.press(who, 'done', id)
    await gone(house, id)
  }
})

test('the end of the whole log is dropped while it runs: it is named, and nobody gains by it', async () => {
  const kept = await give(house, replica, 'e1', '12s')
  await allSealed()
  const [{ size } = { size: 0 }] = await house.db<{ size: number }[]>`select count(*) as size from leaf`
  const lost = await give(house, replica, 'e2', '1h')
  const person = await connect(house, replica, 'e2', lost)
  await person`select 1`
  const oid = await oidOf(house, lost)
  await allSealed()
  await vandalise(house.db, async (tx) => {
    await tx`delete from event e where not exists (
      select from leaf l where l.leaf_hash = e.leaf_hash and l.leaf_index < ${size})`
    await tx`delete from leaf where leaf_index >= ${size}`
    await tx`delete from checkpoint where size > ${size}`
    await tx`delete from witness_receipt where size > ${size}`
    await tx`delete from tile`
    await tx`delete from event_pending`
    await tx`delete from stream_head h where not exists (select from event e where e.stream = h.stream)`
    await tx`update stream_head h set (seq, hash) = (
      select seq, leaf_hash from event e where e.stream = h.stream order by seq desc limit 1)`
    await tx`delete from grant_state where id = ${lost}`
  })
  await replica.sweep()
  await named(house, replica, 'record-forked')
  await gone(house, lost)
  expect(await sessions(house, oid)).toBe(0)
  await person.end({ timeout: 0 })
  const fresh = await ask(replica, 'e3', '1h fix the ledger')
  await replica.press('marcus', 'approve', fresh)
  await waits(fresh)
  await gone(house, kept)
  await until('the proof is on record', async () => (await typesOf(house, kept)).at(-1) === 'closed')
})

test('tables are emptied: what is only a cache is made anew, what was the record ends every access', async () => {
  const given = await give(house, replica, 'e1', '1h')
  const short = await give(house, replica, 'e2', '6s')
  await house.db`truncate grant_state, notice, announced, act, identity_lock, reveal, schedule_slot, pgboss.job_common`
  await replica.sweep()
  for (const id of [given, short]) await named(house, replica, 'state-differs-from-record', id)
  await gone(house, short)
  await until('the proof is on record', async () => (await typesOf(house, short)).at(-1) === 'closed')
  const person = await connect(house, replica, 'e1', given)
  await person`select 1`
  const oid = await oidOf(house, given)

  await vandalise(
    house.db,
    (tx) => tx`truncate event, event_pending, private_text, leaf, checkpoint, tile, stream_head, log, grant_state`,
  )
  await replica.sweep()
  await gone(house, given)
  expect(await sessions(house, oid)).toBe(0)
  await person.end({ timeout: 0 })
  await named(house, replica, 'record-forked')
  await replica.stop()

  // It starts all the same, gives nobody anything, and takes no policy for the first one ever.
  replica = await house.startReplica()
  await named(house, replica, 'record-forked')
  expect(await accounts(house)).toEqual([])
  const fresh = await ask(replica, 'e3', '1h fix the ledger')
  await replica.press('marcus', 'approve', fresh)
  await waits(fresh)
  expect(await accounts(house)).toEqual([])
})
