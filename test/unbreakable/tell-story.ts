import { randomInt, randomUUID } from 'node:crypto'
import postgres, { type Sql } from 'postgres'
import { accountName } from '../../src/connectors/postgres/account-name.ts'
import { scramVerifier } from '../../src/connectors/postgres/scram.ts'
import type { Answer } from '../../src/ports/chat.ts'
import { idOn, type Replica, SCIM_TOKEN, until } from '../support/house.ts'
import { createScimClient } from '../support/scim-client.ts'
import { approveWithPasskey } from './approve-with-passkey.ts'
import type { Crew } from './crew.ts'
import { LOG_ORIGIN } from './record-of.ts'

/** How a story ends: by itself, by its holder, after an extension, over a sweep, by an order of two, because its holder leaves, denied; approved with a passkey, made before; or an access that nobody gave. */
export type Plot = 'expires' | 'done' | 'extended' | 'swept' | 'revoked' | 'left' | 'denied' | 'passkey' | 'orphan'

/**
 * One story from asking to removal, told by people who send an act again, with the same key, until they
 * have an answer; with a session in the target that must not outlive it.
 */
export async function tellStory(crew: Crew, plot: Exclude<Plot, 'orphan'>): Promise<Told> {
  const said: Said[] = []
  const say: Say = async (send) => {
    const key = randomUUID()
    const again = () => crew.act((replica) => send(replica, key))
    const answer = await again()
    said.push({ answer, again })
    return answer
  }

  const length = plot === 'expires' ? '2s' : '2m'
  const what = plot === 'passkey' ? 'prod-db:signed' : 'prod-db'
  const id = idOn(await say((replica, key) => replica.command('ana', `${what} ${length} fix the ledger`, key)))
  if (plot === 'denied') {
    await say((replica, key) => replica.submit('marcus', 'deny', id, { reason: 'not now' }, key))
    return { id, waiting: null, order: null, said }
  }
  let order: string | null = null
  let waiting: string | null = null
  if (plot === 'passkey') await approveWithPasskey(crew, id, say)
  else await say((replica, key) => replica.press('marcus', 'approve', id, key))
  await reached(crew, id, 'grant.active')
  const session = await connect(crew, await say((replica, key) => replica.press('ana', 'connect', id, key)))
  try {
    if (plot === 'extended') {
      await say((replica, key) => replica.command('ana', `extend ${id} 1m it takes longer`, key))
      await say((replica, key) => replica.press('olga', 'approve-extension', id, key))
      await reached(crew, id, 'grant.extended')
    }
    if (plot === 'swept') await crew.sweep()
    if (plot === 'revoked') {
      waiting = idOn(await say((replica, key) => replica.command('ana', 'prod-db:write 2m mend it', key)))
      order = orderOn(await say((replica, key) => replica.command('olga', 'revoke-all @ana left her laptop', key)))
      const confirmed = order
      await say((replica, key) => replica.press('carla', 'confirm-order', confirmed, key))
      await orderClosed(crew, order)
    } else if (plot === 'left') {
      waiting = idOn(await say((replica, key) => replica.command('ana', 'prod-db:write 2m mend it', key)))
      const before = await leavings(crew)
      await push(crew, false)
      await until('her leaving is over', async () => (await leavings(crew)) > before)
    } else if (plot !== 'expires') await say((replica, key) => replica.press('ana', 'done', id, key))
    await reached(crew, id, 'closed')
  } finally {
    await session?.end({ timeout: 0 })
    // The next story needs her again.
    if (plot === 'left') await push(crew, true)
  }
  return { id, waiting, order, said }
}

/** The directory says of Ana whether she is here, again until it is answered. */
async function push(crew: Crew, active: boolean): Promise<void> {
  await crew.act(async (replica) => {
    const scim = createScimClient(replica.url, SCIM_TOKEN)
    const { body } = await scim.send('GET', '/Users?filter=externalId%20eq%20%22scim-ana%22')
    const id = body.Resources[0]?.id ?? (await scim.user('ana@acme.example', { externalId: 'scim-ana' }))
    const { status } = await scim.patch(`/Users/${id}`, { op: 'Replace', path: 'active', value: String(active) })
    if (status >= 300) throw new TypeError(`answered ${status}`)
    return { kind: 'line', line: { tone: 'info', text: [] } }
  })
}

async function leavings(crew: Crew): Promise<number> {
  return (await crew.house.db`select 1 from event where type = 'leaving.seen-gone'`).length
}

/** An account of ours that the record knows nothing of: as after a restore that lost the newest events. */
export async function plantOrphan(crew: Crew): Promise<string> {
  const id = `G-${Array.from({ length: 6 }, () => 'ABCDEFGHJK'[randomInt(10)]).join('')}`
  crew.watch.ignore(accountName(id))
  await crew.house.targetDb`
    select jit.provision(${accountName(id)}, ${id}, ${LOG_ORIGIN}, 'ledger_read', ${await scramVerifier('x')},
      ${Date.now() + 600_000}::bigint, 1, ${Date.now()}::bigint)`
  await crew.sweep()
  return id
}

function orderOn(answer: Answer): string {
  const id = /R-[0-9A-Z]{6}/.exec(JSON.stringify(answer))?.[0]
  if (id === undefined) throw new Error(`no order in ${JSON.stringify(answer)}`)
  return id
}

async function orderClosed(crew: Crew, order: string): Promise<void> {
  const seen = async () =>
    (await crew.house.db`select 1 from event where stream = ${`order:${order}`} and type = 'closed'`).length > 0
  await until(`${order} is carried out`, seen)
}

async function reached(crew: Crew, id: string, type: string): Promise<void> {
  const seen = async () =>
    (await crew.house.db`select 1 from event where stream = ${`grant:${id}`} and type = ${type}`).length > 0
  await until(`${id} has ${type}`, seen)
}

/** Opens the link and logs in with what it shows, if the access still stands. */
async function connect(crew: Crew, answer: Answer): Promise<Sql | null> {
  const token = /\/reveal\/([\w-]{43,})/.exec(JSON.stringify(answer))?.[1]
  if (token === undefined) return null
  let page = ''
  await crew.act(async (replica) => {
    page = await (await fetch(`${replica.url}/reveal/${token}`, { method: 'POST' })).text()
    return answer
  })
  const [host, port, database, user, password] = [...page.matchAll(/<code id="f\d">([^<]*)</g)].map((match) => match[1])
  if (password === undefined || host === undefined || user === undefined || database === undefined) return null
  const session = postgres({ host, port: Number(port), database, user, password, max: 1, onnotice: () => undefined })
  await session`select`.catch(() => undefined)
  return session
}

/** Sends an act under a key of its own until there is an answer. */
export type Say = (send: (replica: Replica, key: string) => Promise<Answer>) => Promise<Answer>

export interface Told {
  readonly id: string
  /** A request that waited, and was taken back by the order. */
  readonly waiting: string | null
  readonly order: string | null
  readonly said: readonly Said[]
}

/** What a person was answered, and the same act once more. */
export interface Said {
  readonly answer: Answer
  again(): Promise<Answer>
}
