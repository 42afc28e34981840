import { execFile, spawn } from 'node:child_process'
import { appendFile, chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { closeDb, openDb } from '../../../src/db/client.ts'
import { binariesIn, findBinaries } from '../../../src/db/embedded/binaries.ts'
import { freePort } from '../../../src/db/embedded/free-port.ts'
import { isServerOf, readPostmaster } from '../../../src/db/embedded/postmaster.ts'
import { isReachable, serverUser } from '../../../src/db/embedded/server-user.ts'
import { type Embedded, type EmbeddedOptions, startEmbedded } from '../../../src/db/embedded/start.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { openPools } from '../../../src/db/pools.ts'
import { type NodeProcess, startNode } from '../../support/node-process.ts'

const SCRIPT = path.join(import.meta.dirname, '..', '..', 'support', 'embedded-process.ts')

/** Who runs the server for root; undefined when the tests run as somebody else. */
const user = await serverUser()
const checkout = path.join(import.meta.dirname, '..', '..', '..', 'src')
const others = user && (await isReachable(checkout, user)) ? [user] : []

let root = ''
let dataDir = ''
const started: Embedded[] = []
const processes: NodeProcess[] = []

/** A cluster that was started and stopped once, for the tests that are not about a first start. */
let seed = ''

async function makeRoot(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'countersign-embedded-'))
  await chmod(made, 0o755)
  return made
}

beforeAll(async () => {
  seed = await makeRoot()
  await (await startEmbedded({ dataDir: path.join(seed, 'data') })).stop()
})

beforeEach(async () => {
  root = await makeRoot()
  dataDir = path.join(root, 'data')
})

afterAll(() => rm(seed, { recursive: true }))

/** With owners and modes as they are. */
const plantSeed = () => promisify(execFile)('cp', ['-a', path.join(seed, 'data'), dataDir])

afterEach(async () => {
  for (const { kill, ended } of processes.splice(0)) {
    kill('SIGKILL')
    await ended
  }
  // Whatever a test left running is joined and stopped.
  const orphan = await readPostmaster(cluster()).catch(() => undefined)
  if (orphan && (await isServerOf(orphan.pid, cluster()))) process.kill(orphan.pid, 'SIGKILL')
  for (const embedded of started.splice(0)) await embedded.stop()
  await rm(root, { recursive: true, force: true })
})

const home = () => path.join(dataDir, 'postgres')
const cluster = () => path.join(home(), 'data')

async function start(options: Partial<EmbeddedOptions> = {}): Promise<Embedded> {
  const embedded = await startEmbedded({ dataDir, ...options })
  started.push(embedded)
  return embedded
}

/** The embedded server as another process uses it. */
async function startElsewhere(user?: { uid: number; gid: number }) {
  const elsewhere = startNode(SCRIPT, [dataDir], user ? { user } : {})
  processes.push(elsewhere)
  const { port, adopted } = JSON.parse(await elsewhere.line()) as { port: number; adopted: boolean }
  return { ...elsewhere, port, adopted }
}

async function ask(url: string, sql: string): Promise<unknown[]> {
  const db = openDb(url, { applicationName: 'test', max: 1 })
  try {
    return [...(await db.unsafe(sql))]
  } finally {
    await closeDb(db)
  }
}

test('a first start gives a database whose logins are held to their roles', async () => {
  const embedded = await start()
  await migrate(embedded.ownerUrl, { folder: '/nonexistent' })
  const pools = await openPools({ url: embedded.url, sealerUrl: embedded.sealerUrl })
  expect(pools.roles).toBe('enforced')
  await pools.close()
  expect(
    await ask(embedded.superuserUrl, "select current_setting('listen_addresses') as at, current_setting('fsync') as f"),
  ).toEqual([{ at: '127.0.0.1', f: 'on' }])
  await ask(embedded.superuserUrl, "create role visitor login password 'visitor'")
  await ask(embedded.superuserUrl, 'create database demo')
  expect(await ask(embedded.adminUrlFor('demo'), 'select current_database() as name')).toEqual([{ name: 'demo' }])
  const visitor = Object.assign(new URL(embedded.url), { username: 'visitor', password: 'visitor' }).href
  await expect(ask(visitor, 'select 1')).rejects.toMatchObject({ code: '42501' })
  const wrong = Object.assign(new URL(embedded.url), { password: 'wrong' }).href
  await expect(ask(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' })
})

test('a stop and a start keep what was written, the port and the passwords; stopping twice is harmless', async () => {
  await plantSeed()
  const first = await start()
  await ask(first.superuserUrl, "create table kept as select 'here' as word")
  await Promise.all([first.stop(), first.stop()])
  await first.stop()
  expect(await readPostmaster(cluster())).toBeUndefined()
  const second = await start()
  expect({ ...second }).toMatchObject({ url: first.url, ownerUrl: first.ownerUrl, port: first.port, adopted: false })
  expect(await ask(second.superuserUrl, 'select word from kept')).toEqual([{ word: 'here' }])
})

test('passwords are readable by us alone, and the server gets none of our environment', async () => {
  await plantSeed()
  process.env.SECRET_OF_OURS = 'do-not-tell'
  const embedded = await start()
  delete process.env.SECRET_OF_OURS
  expect((await stat(path.join(home(), 'server.json'))).mode & 0o777).toBe(0o600)
  expect((await stat(cluster())).mode & 0o777).toBe(0o700)
  const pid = (await readPostmaster(cluster()))?.pid
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
  expect(environment).not.toContain('do-not-tell')
  await expect(ask(embedded.superuserUrl, "select 'secret-in-a-statement' from nowhere")).rejects.toThrow()
  await embedded.stop()
  const logs = (await readdir(path.join(cluster(), 'log'))).map((name) => path.join(cluster(), 'log', name))
  expect(logs.map((file) => path.extname(file)).sort()).toEqual(['.json', '.log'])
  for (const file of [path.join(home(), 'server.log'), ...logs]) {
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).not.toContain('secret-in-a-statement')
  }
  for (const file of logs) expect(await readFile(file, 'utf8')).toContain('nowhere')
})

test('after kill -9 while writing, the orphan is joined and has every acknowledged row', async () => {
  await plantSeed()
  const writer = await startElsewhere()
  writer.tell('write')
  let acknowledged = 0
  while (acknowledged < 50) acknowledged = JSON.parse(await writer.line())
  writer.kill('SIGKILL')
  await writer.ended
  const embedded = await start()
  expect(embedded).toMatchObject({ adopted: true, port: writer.port })
  const [row] = (await ask(
    embedded.adminUrlFor('countersign'),
    'select max(n) as n, count(*) as rows from written',
  )) as {
    n: number
    rows: number
  }[]
  expect(row?.n).toBeGreaterThanOrEqual(acknowledged)
  expect(row?.rows).toBe(row?.n)
})

test('after kill -9 of the server too, every acknowledged row is recovered', async () => {
  await plantSeed()
  const writer = await startElsewhere()
  writer.tell('write')
  let acknowledged = 0
  while (acknowledged < 50) acknowledged = JSON.parse(await writer.line())
  process.kill((await readPostmaster(cluster()))?.pid ?? 0, 'SIGKILL')
  writer.kill('SIGKILL')
  await writer.ended
  const embedded = await start()
  expect(embedded.adopted).toBe(false)
  const [row] = (await ask(embedded.adminUrlFor('countersign'), 'select count(*) as rows from written')) as {
    rows: number
  }[]
  expect(row?.rows).toBeGreaterThanOrEqual(acknowledged)
})

test('two processes that start in the same instant share one server, and the last one to stop stops it', async () => {
  const [one, two] = await Promise.all([startElsewhere(), startElsewhere()])
  expect(one.port).toBe(two.port)
  one.tell('stop')
  expect(JSON.parse(await one.line())).toBe('stopped')
  const pid = (await readPostmaster(cluster()))?.pid ?? 0
  expect(await isServerOf(pid, cluster())).toBe(true)
  two.tell('stop')
  expect(JSON.parse(await two.line())).toBe('stopped')
  expect(await isServerOf(pid, cluster())).toBe(false)
})

test('an orphan that does not answer is stopped, and a new one started', async () => {
  await plantSeed()
  const elsewhere = await startElsewhere()
  elsewhere.kill('SIGKILL')
  await elsewhere.ended
  process.kill((await readPostmaster(cluster()))?.pid ?? 0, 'SIGSTOP')
  const embedded = await start({ patienceMs: 300 })
  expect(embedded).toMatchObject({ adopted: false, port: elsewhere.port })
  expect(await ask(embedded.url, 'select 1 as n')).toEqual([{ n: 1 }])
})

test('an orphan with other settings is replaced', async () => {
  await plantSeed()
  const elsewhere = await startElsewhere()
  elsewhere.kill('SIGKILL')
  await elsewhere.ended
  await appendFile(path.join(cluster(), 'postmaster.opts'), ' "-c" "jit=off"')
  expect(await start()).toMatchObject({ adopted: false, port: elsewhere.port })
})

test('a pid file left by a crash is no hindrance, even when another program has that pid now', async () => {
  await plantSeed()
  // Of the same user: PostgreSQL takes such a one for its predecessor and refuses to start.
  const other = spawn('sleep', ['60'], user ? { uid: user.uid, gid: user.gid } : {})
  await writeFile(path.join(cluster(), 'postmaster.pid'), `${other.pid}\n${cluster()}\n1\n5432\n\n127.0.0.1\n\nready\n`)
  expect(await start()).toMatchObject({ adopted: false })
  expect(other.kill()).toBe(true)
})

test('a server that dies while we run is started again on the same port', async () => {
  await plantSeed()
  const notices: string[] = []
  const { promise: back, resolve: isBack } = Promise.withResolvers<void>()
  const embedded = await start({
    onNotice(message) {
      notices.push(message)
      if (message.includes('started again')) isBack()
    },
  })
  process.kill((await readPostmaster(cluster()))?.pid ?? 0, 'SIGKILL')
  await back
  expect(await ask(embedded.url, 'select 1 as n')).toEqual([{ n: 1 }])
})

test('Ctrl-C reaches the application alone, which still has its database while it drains', async () => {
  await plantSeed()
  const elsewhere = startNode(SCRIPT, [dataDir], { ownGroup: true })
  processes.push(elsewhere)
  await elsewhere.line()
  // What a terminal does: every process of the foreground group gets the signal.
  process.kill(-elsewhere.pid, 'SIGINT')
  expect(JSON.parse(await elsewhere.line())).toBe('drained')
  expect(JSON.parse(await elsewhere.line())).toBe('stopped')
  expect(await elsewhere.ended).toMatchObject({ code: 0 })
  expect(await readPostmaster(cluster())).toBeUndefined()
})

describe('what is wrong is said with the next step', () => {
  beforeEach(plantSeed)

  test('a port that was asked for and is taken', async () => {
    const port = await freePort()
    const holder = createServer().listen(port, '127.0.0.1')
    await expect(start({ port })).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringContaining(`${port}`),
    })
    holder.close()
  })

  test('a kept port that another program took is exchanged, and the new one kept', async () => {
    const first = await start()
    await first.stop()
    const holder = createServer().listen(first.port, '127.0.0.1')
    const second = await start()
    expect(second.port).not.toBe(first.port)
    holder.close()
    await second.stop()
    expect((await start()).port).toBe(second.port)
  })

  test('a folder that cannot be written', async () => {
    await writeFile(path.join(root, 'file'), '')
    await expect(start({ dataDir: path.join(root, 'file', 'data') })).rejects.toMatchObject({
      code: 'not-writable',
      message: expect.stringMatching(/another DATA_DIR, or set DATABASE_URL/),
    })
  })

  test('a cluster of another version', async () => {
    await writeFile(path.join(cluster(), 'PG_VERSION'), '17\n')
    await expect(start()).rejects.toMatchObject({ code: 'wrong-version', message: expect.stringContaining('DATA_DIR') })
  })

  test('passwords that were lost', async () => {
    await rm(path.join(home(), 'server.json'))
    await expect(start()).rejects.toMatchObject({
      code: 'foreign-server',
      message: expect.stringContaining('server.json'),
    })
  })

  test('a system without glibc', async () => {
    const fake = path.join(root, 'initdb')
    await writeFile(fake, '#!/no/such/loader\n', { mode: 0o755 })
    const binaries = { ...(await findBinaries()), initdb: fake }
    await expect(start({ binaries, dataDir: path.join(root, 'fresh') })).rejects.toMatchObject({
      code: 'no-glibc',
      message: expect.stringContaining('Debian'),
    })
  })
})

describe.each(others)('as root', (ordinary) => {
  test('an ordinary user starts it as themselves, and root then joins and starts the same one', async () => {
    await chmod(root, 0o777)
    const elsewhere = await startElsewhere(ordinary)
    expect((await stat(cluster())).uid).toBe(ordinary.uid)
    elsewhere.kill('SIGKILL')
    await elsewhere.ended
    const joined = await start()
    expect(joined).toMatchObject({ adopted: true, port: elsewhere.port })
    await joined.stop()
    await (await start()).stop()
    expect((await startElsewhere(ordinary)).port).toBe(elsewhere.port)
  })

  test('what the server user cannot enter is put where it can', async () => {
    await chmod(root, 0o700)
    const systemRoot = await mkdtemp(path.join(tmpdir(), 'countersign-system-'))
    await chmod(systemRoot, 0o755)
    const hidden = path.join(root, 'native')
    await mkdir(hidden)
    await cp((await findBinaries()).root, hidden, { recursive: true, verbatimSymlinks: true })
    const embedded = await start({ systemRoot, binaries: binariesIn(hidden) })
    expect(await ask(embedded.url, 'select 1 as n')).toEqual([{ n: 1 }])
    expect(embedded.home.startsWith(systemRoot)).toBe(true)
    expect(await readFile(path.join(home(), 'MOVED.txt'), 'utf8')).toContain(embedded.home)
    await embedded.stop()
    const again = await start({ systemRoot, binaries: binariesIn(hidden) })
    expect(again).toMatchObject({ home: embedded.home, port: embedded.port })
    await again.stop()
    await rm(systemRoot, { recursive: true })
  })
})
