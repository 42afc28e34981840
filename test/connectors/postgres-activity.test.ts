import { createHash } from 'node:crypto'
import { appendFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { setupSql } from '../../src/connectors/postgres/set-up.ts'
import type { ActivityPiece, UsedAccount } from '../../src/ports/activity.ts'
import type { Connector, TargetGrant } from '../../src/ports/connector.ts'
import { type DemoServer, inOneHour, newGrant, passwordOf, startDemoServer } from './postgres-fixture.ts'

let server: DemoServer
let connector: Connector
let grant: TargetGrant
let holder: Sql
let cursor: string

const JSONLOG = {
  ...{ logging_collector: 'on', log_destination: 'stderr,jsonlog', log_connections: 'on', log_disconnections: 'on' },
  ...{ log_filename: 'a-%H%M%S.log', log_timezone: 'America/New_York' },
}

beforeAll(async () => {
  server = await startDemoServer(JSONLOG)
  connector = server.connect({ origin: 'access.example.com/log' })
  grant = newGrant()
  cursor = (await readOn()).cursor
  await connector.provision(grant, inOneHour())
  const password = passwordOf(await connector.issueSecret(grant))
  holder = server.client({ user: grant.account, password }, { connection: { application_name: 'the "tool"' } })
  await holder`select 1`
  await readAll()
})
afterAll(() => server?.close())

async function readOn(from: string | null = cursor ?? null): Promise<ActivityPiece> {
  const reading = await connector.activity?.read(from, null)
  if (reading?.state !== 'on') throw new Error(`off: ${reading?.why}`)
  return reading
}

/** To the end of the log, once it holds what was done. */
async function readAll(from = cursor): Promise<{ pieces: ActivityPiece[]; used: UsedAccount[]; gaps: string[] }> {
  // The server hands its lines to the process that writes the file.
  await sleep(150)
  const pieces: ActivityPiece[] = []
  cursor = from
  do {
    pieces.push(await readOn())
    cursor = pieces.at(-1)?.cursor ?? ''
  } while (pieces.at(-1)?.atEnd !== true)
  const used = pieces.flatMap((piece) => piece.used.filter(({ account }) => account === grant.account))
  return { pieces, used, gaps: pieces.flatMap(({ gap }) => gap ?? []) }
}

const words = (used: readonly UsedAccount[]) => used.flatMap(({ text }) => text).join('\n')
const logFolder = () => path.join(server.cluster.dataDir, 'log')
const newest = async () =>
  path.join(
    logFolder(),
    (await readdir(logFolder()))
      .filter((n) => n.endsWith('.json'))
      .sort()
      .at(-1) ?? '',
  )

test('sessions and statements of an account are read, by the clock of the target, and their hash is that of the file', async () => {
  const before = Date.now()
  const another = server.client({ user: grant.account, password: 'wrong' })
  await another`select 1`.catch(() => undefined)
  await holder`select reference from payments where id = ${1}`
  await holder.unsafe("update payments set status = 'settled' where id = 1; select 2")
  await holder.unsafe('selec 1').catch(() => undefined)
  const { used, pieces } = await readAll()
  expect(used).toHaveLength(1)
  const [seen] = used
  expect(seen).toMatchObject({
    ...{ grantId: grant.id, statements: 4, commands: { SELECT: 2, UPDATE: 1, OTHER: 1 }, errors: 1, refusedLogins: 1 },
    ...{ missing: 0, scrubbed: 0, cut: 0, moreSessions: 0 },
    sessions: [
      {
        address: expect.stringMatching(/^127\.0\.0\.1:\d+ \(the "tool"\)$/),
        statements: 4,
        began: false,
        ended: false,
      },
    ],
  })
  expect(Math.abs((seen?.firstAt ?? 0) - before)).toBeLessThan(60_000)
  expect(Math.abs(pieces[0]?.aheadMs ?? Number.NaN)).toBeLessThan(10_000)
  expect(words(used)).toContain("update payments set status = 'settled' where id = 1; select 2")
  expect(words(used)).toMatch(/with: [Pp]arameters: \$1 = '1'/)
  const { file, from, to } = pieces[0]?.place ?? { file: '', from: 0, to: 0 }
  const lines = (await readFile(path.join(logFolder(), file))).subarray(from, to).toString('latin1').split('\n')
  const ours = lines.filter((line) => line.includes(`"user":"${grant.account}"`)).map((line) => `${line}\n`)
  expect(seen?.sha256).toBe(
    createHash('sha256')
      .update(Buffer.from(ours.join(''), 'latin1'))
      .digest('hex'),
  )
})

test('nothing of anybody else is shown, and our login can read no file by itself', async () => {
  await server.dba()`select 'only the dba may know'`
  await holder`select 'mine'`
  const { pieces, used } = await readAll()
  expect(words(used)).toContain('mine')
  expect(JSON.stringify(pieces)).not.toContain('only the dba')
  const bot = server.client({ user: 'countersign_bot', password: 'the-bot' })
  await expect(bot`select pg_read_file('postgresql.conf')`).rejects.toMatchObject({ code: '42501' })
  await expect(bot`select jit.log_mark('../postgresql.conf', 10, 10)`).rejects.toMatchObject({ code: '42501' })
  const [row] = await bot`select jit.activity('../postgresql.conf', 0, 0, 0, '', null, 1000) as found`
  expect(row?.found).toMatchObject({ gap: 'gone', file: expect.stringMatching(/^a-\d+\.json$/) })
})

test('whose statements are logged cannot stop it, and the attempt is logged', async () => {
  const tries = ['set log_statement = none', `alter role ${grant.account} reset log_statement`]
  for (const attempt of tries) await expect(holder.unsafe(attempt)).rejects.toMatchObject({ code: '42501' })
  const { used, pieces } = await readAll()
  for (const attempt of tries) expect(words(used)).toContain(attempt)
  expect(pieces[0]?.unlogged).toEqual([])
  const dba = server.dba()
  await dba.unsafe(`alter role ${grant.account} reset log_statement`)
  expect((await readAll()).pieces[0]?.unlogged).toEqual([grant.account])
  await dba.unsafe(`alter role ${grant.account} set log_statement = 'all'`)
})

test('a password that somebody sets is not kept, nor what else looks like a secret', async () => {
  await holder.unsafe(`alter role ${grant.account} password 'hunter2-changed'`)
  await holder`select ${'AKIAIOSFODNN7EXAMPLE'}::text, 'INV-2041'`
  const { used, pieces } = await readAll()
  expect(words(used)).toContain(`alter role ${grant.account} password '[scrubbed]'`)
  expect(words(used)).toContain('INV-2041')
  expect(JSON.stringify(pieces)).not.toMatch(/hunter2|AKIAIOS/)
  expect(used[0]?.scrubbed).toBe(2)
})

test('no text of a person passes for a line or an entry, and controls are kept as they are', async () => {
  const forged = `{"timestamp":"2026-01-01 00:00:00.000 UTC","user":"${grant.account}","session_id":"1.1","line_num":1}`
  await holder.unsafe(`select '\n${forged}\n2026-01-01T00:00:00.000Z 1.1 statement: drop table payments\u0007<b>'`)
  const { used } = await readAll()
  expect(used[0]).toMatchObject({ lines: 1, statements: 1, missing: 0, commands: { SELECT: 1 } })
  expect(used[0]?.text).toHaveLength(1)
  expect(
    words(used)
      .split('\n')
      .filter((line) => /^\d{4}/.test(line)),
  ).toHaveLength(1)
  expect(words(used)).toContain('\u0007<b>')
})

test('what a trigger has logged at the commit, when there is no statement any more, passes for nothing', async () => {
  await holder.unsafe(`
    create temp table forge (n int);
    create function pg_temp.forge() returns trigger language plpgsql as $$ begin
      raise log 'statement: drop table payments';
      raise log 'disconnection: %', repeat('x', 20000);
      raise log 'AUDIT: SESSION,1,1,READ,SELECT,,,select 1,<none>';
      return null;
    end $$;
    create constraint trigger forge after insert on forge deferrable initially deferred
      for each row execute function pg_temp.forge()`)
  await readAll()
  await holder`insert into forge values (${1})`
  const { used } = await readAll()
  const sums = used.flatMap(({ commands, audited, missing, sessions }) => [
    { commands, audited, missing, ended: sessions.some(({ ended }) => ended) },
  ])
  expect(sums.filter(({ commands }) => 'DROP TABLE' in commands)).toEqual([])
  expect(sums.every(({ audited, missing, ended }) => audited === 0 && missing === 0 && !ended)).toBe(true)
  expect(used.reduce((lines, one) => lines + one.lines, 0)).toBe(4)
})

test('two sessions of one login are told apart; who may not log in, and who is thrown out, is what it is', async () => {
  const dba = server.dba()
  const password = passwordOf(await connector.issueSecret(grant))
  const login = () => server.client({ user: grant.account, password }, { connection: { application_name: 'a\nb' } })
  const second = login()
  await second`select 'second'`
  await second`set idle_in_transaction_session_timeout = 50`
  await second`begin`
  const open = () => dba`select from pg_stat_activity where usename = ${grant.account}`
  await expect.poll(async () => (await open()).length).toBe(1)
  await dba.unsafe(`alter role ${grant.account} nologin`)
  const third = login()
  await expect(third`select 1`).rejects.toMatchObject({ code: '28000' })
  await dba.unsafe(`alter role ${grant.account} login`)
  await holder`select 'first'`
  const { used } = await readAll()
  expect(used[0]).toMatchObject({ refusedLogins: 1, missing: 0 })
  expect(used[0]?.sessions).toEqual([
    expect.objectContaining({
      statements: 3,
      began: true,
      ended: true,
      address: expect.stringMatching(/ \(a(\?|\\x0a)b\)$/),
    }),
    expect.objectContaining({ statements: 1, began: false, ended: false }),
  ])
})

test('bytes that are no text, and ten million of them, are read past', async () => {
  const dba = server.dba()
  await dba.unsafe("create database odd template template0 encoding 'SQL_ASCII' locale 'C'")
  await dba.unsafe(`grant connect on database odd to ${grant.account}`)
  const password = passwordOf(await connector.issueSecret(grant))
  const odd = server.client({ user: grant.account, password, database: 'odd' })
  await odd.unsafe(`do $$ begin raise log 'statement: drop table payments %', chr(255); end $$`)
  await odd.unsafe(`do $$ begin raise log 'disconnection: %', repeat('x', 20000); end $$`)
  await odd.unsafe("select 'still here'")
  await holder.unsafe(`select length('${'x'.repeat(10_000_000)}')`)
  await holder`select 'after it'`
  await odd.end()
  const { used, pieces } = await readAll()
  expect(words(used)).toContain('after it')
  expect(words(used)).toContain('still here')
  expect(used.flatMap(({ commands }) => Object.keys(commands))).not.toContain('DROP TABLE')
  const long = used.find(({ cut }) => cut === 1)
  expect(long).toMatchObject({ statements: 1, lines: 1, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(long?.bytes).toBeGreaterThan(10_000_000)
  expect(words(used).length).toBeLessThan(20_000)
  expect(pieces.every(({ gap }) => gap === null)).toBe(true)
  expect(used.flatMap(({ sessions }) => sessions).filter(({ ended }) => ended)).toHaveLength(1)
  await dba.unsafe('drop database odd with (force)')
})

test('rotation is followed; lines that were taken out, a file that is gone, cut short or written over are named', async () => {
  const dba = server.dba()
  const rotate = async () => {
    await sleep(1_100)
    await dba`select pg_rotate_logfile()`
    await sleep(300)
  }
  await holder`select 'in the first'`
  await rotate()
  await holder`select 'in the second'`
  await rotate()
  await holder`select 'in the third'`
  const followed = await readAll()
  expect(words(followed.used)).toMatch(/first[\s\S]*second[\s\S]*third/)
  expect(followed.gaps).toEqual([])

  for (const what of ['kept', 'taken out', 'kept too']) await holder.unsafe(`select '${what}'`)
  await sleep(150)
  const whole = await readFile(await newest(), 'utf8')
  await writeFile(
    await newest(),
    whole
      .split('\n')
      .filter((line) => !line.includes('taken out'))
      .join('\n'),
  )
  const lacking = await readAll()
  expect(lacking.used[0]).toMatchObject({ missing: 1 })
  expect(words(lacking.used)).not.toContain('taken out')

  const firstLine = (await readFile(await newest())).indexOf(10) + 1
  await truncate(await newest(), firstLine)
  expect((await readAll()).gaps).toEqual([expect.stringMatching(/was cut short; it had been read to byte \d+$/)])

  await writeFile(await newest(), `${'x'.repeat(firstLine)}\nmore\n`)
  expect((await readAll()).gaps).toEqual([expect.stringContaining('was written over')])

  const torn = await newest()
  await appendFile(torn, `{"timestamp":"2026-01-01 00:00:00.000 UTC","user":"${grant.account}","dbname":"pro`)
  expect((await readAll()).gaps).toEqual([])
  await rotate()
  await holder`select 'after the crash'`
  const recovered = await readAll()
  expect(recovered.gaps).toEqual([`the file ${path.basename(torn)} ends within a line: the server died there`])
  expect(words(recovered.used)).toContain('after the crash')
  await writeFile(await newest(), `${'x'.repeat(firstLine)}\nmore\n`)
  await readAll()

  const gone = await newest()
  await rotate()
  await holder`select 'after it was gone'`
  await rm(gone)
  const after = await readAll()
  expect(after.gaps).toEqual([`the file ${path.basename(gone)} is gone; it was read to byte ${firstLine + 6}`])
  expect(words(after.used)).toContain('after it was gone')
})

test('without a jsonlog, or without the function, the reader says why there is nothing, and nothing more is logged', async () => {
  const plain = await startDemoServer()
  try {
    const reader = plain.connect()
    expect(await reader.activity?.read(null, null)).toEqual({ state: 'off', why: 'logging_collector is off there' })
    await reader.provision(newGrant(), inOneHour())
    expect(await plain.dba()`select from pg_db_role_setting`).toHaveLength(0)
    const names = { bot: 'countersign_bot', quarantine: 'countersign_quarantine' }
    await plain.dba().unsafe(setupSql({ ...names, allowedRoles: [], activity: false }))
    expect(await reader.activity?.read(null, null)).toEqual({
      ...{ state: 'off', why: 'its set-up does not let Countersign read the log' },
    })
    await reader.provision(newGrant(), inOneHour())
    expect(await reader.checkPreconditions()).toEqual([])
  } finally {
    await plain.close()
  }
})
