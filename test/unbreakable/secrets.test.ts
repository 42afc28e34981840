import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scramVerifier } from '../../src/connectors/postgres/scram.ts'
import { carelessSettings } from '../support/cluster.ts'
import { type FaultyNetwork, startFaultyNetwork } from '../support/faulty-network.ts'
import { type House, type Replica, until } from '../support/house.ts'
import { accountOf, ask, client, eventsOf, give, gone, openCrowdedHouse, reveal, typesOf } from './attack.ts'
import { fileOf, find, type Place, tablesOf, textOf } from './secret-scan.ts'

/*
 * A whole story, with failures in the middle, so that errors are made that could quote what they were
 * given. Then everything that stays is searched for each secret that there was, and the record for each
 * word that people typed.
 */
let house: House
let network: FaultyNetwork
let replica: Replica
const secrets = new Map<string, string>()
const words = new Map<string, string>()
const answers: Place[] = []

beforeAll(async () => {
  house = await openCrowdedHouse({
    settings: { ...carelessSettings, log_statement: 'all', log_min_messages: 'debug1' },
  })
  network = await startFaultyNetwork(house.cluster.port)
  const targetUrl = Object.assign(new URL(house.targetUrl), { port: String(network.port) }).href
  replica = await house.startReplica({ DEMO_TARGET_URL: targetUrl })
  await keepKeys(targetUrl)
  keepAnswers()
  await tellTheStory()
})
afterAll(async () => {
  await network?.close()
  await house?.close()
})

/** What there is before anybody asks for anything. */
async function keepKeys(targetUrl: string): Promise<void> {
  const read = async (name: string) => (await readFile(house.file(name), 'utf8')).trim()
  secrets.set('the bot’s password', decodeURIComponent(new URL(targetUrl).password))
  secrets.set('the database’s password', decodeURIComponent(new URL(house.cluster.urlFor('countersign')).password))
  secrets.set('the MAC key', await read('mac.hex'))
  secrets.set('the MAC key’s bytes', Buffer.from(await read('mac.hex'), 'hex').toString('latin1'))
  secrets.set('the secrets key', await read('secrets.hex'))
  secrets.set('the signing key', (await read('signing.pem')).split('\n')[1] ?? '')
  const { token } = (await (await fetch(`${replica.url}/local/token`)).json()) as { token: string }
  secrets.set('the page’s token', token)
}

/** What the doors answer, but for the token’s own, and the one page that shows a password. */
function keepAnswers(): void {
  const plain = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const response = await plain(input, init)
    const url = String(input)
    const isRevealed = url.includes('/reveal/') && init?.method === 'POST' && response.ok
    if (!isRevealed && !url.endsWith('/local/token') && !url.endsWith('/local/stream')) {
      const text = await response.clone().text()
      // A link is given to the one who presses: that answer alone carries its token.
      answers.push(textOf(`the answer of ${new URL(url).pathname}`, text.replace(/"url":"[^"]+"/, '')))
    }
    return response
  }
}

function say(name: string, text: string): string {
  words.set(name, text)
  return text
}

let shown = 0
async function revealAgain(who: string, id: string): Promise<string> {
  const { token, password } = await reveal(replica, who, id)
  shown += 1
  secrets.set(`reveal token ${shown}`, token)
  secrets.set(`password ${shown}`, password)
  return password
}

async function tellTheStory(): Promise<void> {
  const id = await ask(replica, 'e1', `1h ${say('the reason', 'Mrs Vandermeer cannot pay INV-2060')}`)
  await replica.press('e2', 'approve', id)
  await replica.command('e2', `prod-db 99y ${say('what was refused', 'because Zarathustra said so')}`)
  await replica.command('e2', say('what was not understood', 'hunter2-typed-into-the-wrong-window'))
  const denied = await ask(replica, 'e3', '1h fix the ledger')
  await replica.submit('marcus', 'deny', denied, {
    reason: say('the reason against', 'Quaxelbury was let go yesterday'),
  })
  await replica.press('marcus', 'approve', id)
  await until('it is active', async () => (await typesOf(house, id)).includes('grant.active'))

  for (let time = 0; time < 3; time++) {
    const person = client(house, accountOf(id), await revealAgain('e1', id))
    await person`select count(*) from payments`
    await person.end()
  }
  await failToReveal(id)
  await replica.submit('e1', 'extend', id, {
    duration: '10m',
    reason: say('the reason for more', 'Oddington is still on hold'),
  })
  await replica.press('marcus', 'approve-extension', id)
  await until('it is extended', async () => (await typesOf(house, id)).includes('grant.extended'))
  await failToGive()
  await failToEnd(id)
  for (const door of ['/healthz', '/readyz', '/', '/metrics', '/nowhere']) await fetch(`${replica.url}${door}`)
  await keepStream()
  await replica.sweep()
}

/** The answer of the target is lost at the worst moment; then the link that was used is tried again. */
async function failToReveal(id: string): Promise<void> {
  const link = JSON.stringify(await replica.press('e1', 'connect', id))
  const url = /"url":"([^"]+)"/.exec(link)?.[1] ?? ''
  secrets.set('a token that was used in vain', url.split('/').at(-1) ?? '')
  network.when('jit.set_verifier', 'cut-after')
  expect((await fetch(url, { method: 'POST' })).status).toBe(503)
  expect((await fetch(url, { method: 'POST' })).status).toBe(410)
  expect((await fetch(url)).status).toBe(410)
}

/** The bot's password is wrong for a while, and the connection to the database is lost. */
async function failToGive(): Promise<void> {
  const bot = secrets.get('the bot’s password') ?? ''
  await setBotPassword('another, for the time being')
  network.cut()
  const id = await ask(replica, 'e4', '1h fix the ledger')
  await replica.press('marcus', 'approve', id)
  await until('it fails', async () => (await typesOf(house, id)).includes('grant.attempt-failed'))
  await setBotPassword(bot)
  network.when('jit.provision', 'cut-after')
  await until('it is active', async () => (await typesOf(house, id)).includes('grant.active'))
  await house.db`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'countersign%' and pid <> pg_backend_pid()`
  await until('it answers again', async () => (await fetch(`${replica.url}/readyz`)).ok)
  await revealAgain('e4', id)
  await replica.press('e4', 'done', id)
  await gone(house, id)
}

async function failToEnd(id: string): Promise<void> {
  const other = await give(house, replica, 'e5', '1h')
  await revealAgain('e5', other)
  network.when('jit.disable', 'cut-before')
  await replica.press('e5', 'done', other)
  await gone(house, other)
  await replica.press('e1', 'done', id)
  await gone(house, id)
  await until('the proof is on record', async () => (await typesOf(house, id)).at(-1) === 'closed')
}

async function setBotPassword(password: string): Promise<unknown> {
  return house.targetDb.unsafe(`alter role countersign_bot password '${await scramVerifier(password)}'`)
}

/** What an open page is sent: everything that there is to see. */
async function keepStream(): Promise<void> {
  const stop = new AbortController()
  const response = await fetch(`${replica.url}/local/stream`, { signal: stop.signal })
  let text = ''
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString('utf8')
    if (text.includes('Vandermeer') && text.includes('seen to be gone')) break
  }
  stop.abort()
  answers.push(textOf('the stream of the page', text))
}

const everywhere = async (): Promise<Place[]> => [
  ...(await tablesOf(house.db)),
  ...(await tablesOf(house.targetDb)),
  ...answers,
  textOf('the log of the process', replica.log.join('\n')),
  await fileOf(house.cluster.logFile),
  await fileOf(house.file('witness')),
]

/** The local chat keeps what people said, as any chat does: it is the one place for words. */
const theRecord = () => tablesOf(house.db, ['public.local_chat_messages'])

test('the story was told with its failures', async () => {
  expect(shown).toBe(5)
  expect(replica.log.length).toBeGreaterThan(2)
  expect(answers.length).toBeGreaterThan(20)
  const failed = await house.db<{ body: string }[]>`select body from event where type = 'grant.attempt-failed'`
  expect(failed.map(({ body }) => body).join()).toMatch(/PrivilegeMissing|Indeterminate/)
})

test('no secret is in a table, an event, a job, a transcript, a log, the witness’s file or an answer', async () => {
  expect(find(secrets, await everywhere())).toEqual([])
})

test('no word that people typed is in the record in clear, nor in the log of the process', async () => {
  expect(find(words, [...(await theRecord()), textOf('the log of the process', replica.log.join('\n'))])).toEqual([])
  // They are not lost: who may read the record reads them.
  const transcript = await house.db`select from local_chat_messages where content like '%Vandermeer%'`
  expect(transcript.length).toBeGreaterThan(0)
})

describe('the scan itself', () => {
  const planted = 'kV3x-9Zq2_planted/+='
  const wanted = new Map([['planted', planted]])

  test.each([
    ['a text', `insert into quarantine (what, why, at) values ('a ${planted} b', '', 0)`],
    ['bytes', `insert into act (key, at, answer) values ('planted', 0, '${planted}'::bytea)`],
    ['hex', `insert into act (key, at, answer) values ('planted', 0, convert_to(encode('${planted}', 'hex'), 'UTF8'))`],
    ['base64', `insert into quarantine (what, why, at) values (encode('${planted}', 'base64'), '', 0)`],
    ['a job', `insert into pgboss.job_common (name, data) values ('announce', '{"deep": ["${planted}"]}')`],
    ['an event', `insert into event values ('planted', 1, 't', 1, 1, '{"x":"${planted}"}', null, sha256('x'), 'y')`],
    [
      'a message',
      `insert into local_chat_messages (id, channel, key, content, version, posted_at, updated_at)
      values ('planted', 'c', 'planted', '{"x":"${planted}"}', 1000000, 0, 0)`,
    ],
  ])('finds it as %s', async (_, sql) => {
    expect(find(wanted, await tablesOf(house.db))).toEqual([])
    await house.db
      .begin(async (tx) => {
        await tx.unsafe(sql)
        expect(find(wanted, await tablesOf(tx as unknown as House['db']))).not.toEqual([])
        throw new Error('taken back')
      })
      .catch((error: Error) => expect(error.message).toBe('taken back'))
  })

  test('finds it in logs and answers, and what was really used in the place where it belongs', async () => {
    expect(find(wanted, [textOf('a log', `{"msg":"${planted}"}`)])).toEqual(['planted in a log, as it is'])
    const password = new Map([['a password', secrets.get('password 1') ?? '']])
    const id = await give(house, replica, 'e6', '1h')
    const { page, password: fresh } = await reveal(replica, 'e6', id)
    expect(find(new Map([['fresh', fresh]]), [textOf('the page', page)])).not.toEqual([])
    expect(find(password, [textOf('the page', page)])).toEqual([])
    // Of what a statement says, the server's log holds everything: it would show a password.
    await house.targetDb.unsafe(`select '${planted}'`)
    expect(find(wanted, [await fileOf(house.cluster.logFile)])).not.toEqual([])
    expect((await eventsOf(house, id)).length).toBeGreaterThan(0)
    await replica.press('e6', 'done', id)
    await gone(house, id)
  })
})
