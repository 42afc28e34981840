import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/db/embedded/free-port.ts'
import { type House, idOn, openHouse, until } from '../support/house.ts'
import { type MainProcess, startMain } from '../support/start-main.ts'

/*
 * What happens to the real process when somebody stops it: a deploy, Ctrl-C, an impatient second Ctrl-C.
 */
let house: House
beforeAll(async () => {
  house = await openHouse()
})
afterAll(() => house.close())

async function start(extra: Record<string, string> = {}): Promise<MainProcess> {
  return startMain({ ...house.environment, PORT: String(await freePort()), ...extra })
}

/** Sends a command as the page would, and gives back what it answers in the end. */
async function send(url: string, as: string, text: string): Promise<{ status: number; body: unknown }> {
  const { token } = (await (await fetch(`${url}/local/token`)).json()) as { token: string }
  const response = await fetch(`${url}/local/command`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-countersign-token': token, origin: url },
    body: JSON.stringify({ as, key: randomUUID(), text, channel: null }),
  })
  return { status: response.status, body: await response.json() }
}

const isOpen = (url: string) =>
  fetch(`${url}/healthz`).then(
    () => true,
    () => false,
  )

/** Nothing can be put on record until it is let go. */
async function holdRecord(): Promise<() => Promise<void>> {
  const [held, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const holding = house.db.begin(async (tx) => {
    await tx`lock table act in exclusive mode`
    held.resolve()
    await release.promise
  })
  await held.promise
  return async () => {
    release.resolve()
    await holding
  }
}

const isWaiting = async () => {
  const [row] = await house.db`
    select from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'act' and not l.granted`
  return row !== undefined
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'on %s a running act finishes, the door is closed to new ones, and it ends with 0',
  async (signal) => {
    const running = await start()
    const release = await holdRecord()
    const answer = send(running.url, 'ana', 'prod-db 1h fix the ledger')
    await until('the act waits', isWaiting)
    running.signal(signal)
    await until('the door is closed', async () => !(await isOpen(running.url)))
    await release()
    const { status, body } = await answer
    expect(status).toBe(200)
    expect(JSON.stringify(body)).toMatch(/G-[0-9A-Z]{6}/)
    expect(await running.ended).toBe(0)
  },
)

test('an ending that the target holds up does not keep it from ending, and the next process goes on with it', async () => {
  const running = await start()
  const replica = await house.startReplica()
  const id = idOn(await replica.command('bo', 'prod-db 1h fix the ledger'))
  await replica.press('marcus', 'approve', id)
  await until('it is active', async () => (await statusOf(id)) === 'active')
  await replica.stop()

  const release = Promise.withResolvers<void>()
  const holding = house.targetDb.begin(async (tx) => {
    await tx`select from jit.account where grant_id = ${id} for update`
    await release.promise
  })
  await send(running.url, 'bo', `end ${id}`)
  await until('the removal waits for the target', async () => {
    const rows = await house.targetDb`select from pg_locks where not granted and locktype in ('transactionid', 'tuple')`
    return rows.length > 0
  })
  running.signal('SIGTERM')
  expect(await running.ended).toBe(0)
  expect(await statusOf(id)).toBe('ending')

  release.resolve()
  await holding
  const next = await start()
  await until('the next one has ended it', async () => (await statusOf(id)) === 'removed')
  next.signal('SIGTERM')
  expect(await next.ended).toBe(0)
})

test('a second signal ends it at once, and says so by its exit code', async () => {
  const running = await start()
  const release = await holdRecord()
  const answer = send(running.url, 'ana', 'prod-db 1h fix the ledger').catch(() => null)
  await until('the act waits', isWaiting)
  running.signal('SIGTERM')
  let code: number | null | undefined
  void running.ended.then((ended) => {
    code = ended
  })
  // One that follows at once is the same one, told twice: it counts only after a moment.
  await until('it is gone', async () => {
    running.signal('SIGINT')
    return code !== undefined
  })
  expect(code).toBe(130)
  await release()
  await answer
})

test('what looks like a mistake in the configuration is said at the start', async () => {
  const running = await start({ DATABASE_SEALER_UR: 'postgres://nowhere' })
  expect(running.log.join('\n')).toContain('DATABASE_SEALER_UR is not read. Did you mean DATABASE_SEALER_URL?')
  running.signal('SIGTERM')
  expect(await running.ended).toBe(0)
})

async function statusOf(id: string): Promise<string | undefined> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status
}
