import { closeDb, openDb } from '../src/db/client.ts'
import type { House } from '../test/support/house.ts'
import { createBareDatabase } from './bare-database.ts'
import { askBarely } from './bare-transactions.ts'
import { BenchFailed } from './bench.ts'
import type { Sender } from './send-signed.ts'

/* What the benches of all doors ask for, and how what they asked for is looked at. */
export const AT_ONCE = 16
const WARM_UP_MS = 2_500
const MEASURED_MS = 3_000
export const SIZE = { people: 1_000, targets: 20, entitlements: 2 }

/** Somebody's ask, in words. */
export interface Asked {
  readonly person: string
  readonly text: string
}

/** Each asks for something else: the same ask again would return the one that is open. */
export function createBodies(bodyOf: (asked: Asked) => string): () => string {
  let next = 0
  return () => {
    const n = next++
    const right = Math.floor(n / SIZE.people)
    const entitlement = Math.floor(right / SIZE.targets)
    if (entitlement >= SIZE.entitlements) throw new BenchFailed('too few people and targets for a machine so fast')
    const text = `t${right % SIZE.targets}:e${entitlement} 1h look into the failed payout of ${n}`
    return bodyOf({ person: `p${n % SIZE.people}`, text })
  }
}

/** The platform's own library with an empty handler. */
export async function measureFloor(sender: Sender, nextBody: () => string): Promise<number> {
  await sender.keepSending(WARM_UP_MS / 2, nextBody)
  const { answers, perSecond } = await sender.keepSending(MEASURED_MS, nextBody)
  sender.close()
  if (answers.some(({ status }) => status !== 200)) throw new BenchFailed('The empty bot did not answer 200 to all')
  return perSecond
}

/** The rows of an ask without anything around them. */
export async function measureRows(house: House, name: string): Promise<number> {
  const url = await createBareDatabase(house, name, ['announce'])
  const sql = openDb(url, { applicationName: 'bench rows', max: AT_ONCE })
  const keepAsking = async (forMs: number) => {
    let done = 0
    const start = performance.now()
    const worker = async () => {
      for (; performance.now() - start < forMs; done++) await askBarely(sql, Date.now())
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    return { done, perSecond: (done / (performance.now() - start)) * 1_000 }
  }
  const warm = await keepAsking(WARM_UP_MS / 2)
  const { done, perSecond } = await keepAsking(MEASURED_MS)
  const [kept] = await sql<{ events: number }[]>`select count(*)::int as events from event`
  await closeDb(sql)
  if (kept?.events !== 2 * (warm.done + done)) throw new BenchFailed('the bare rows are not all there')
  return perSecond
}

/** @returns the answers, those of the warming up first, and how many a second came after it */
export async function measureAsks(sender: Sender, nextBody: () => string) {
  const warm = await sender.keepSending(WARM_UP_MS, nextBody)
  const { answers, perSecond } = await sender.keepSending(MEASURED_MS, nextBody)
  sender.close()
  const all = [...warm.answers, ...answers]
  const lost = all.filter(({ status }) => status !== 200).length
  if (lost > 0) throw new BenchFailed(`${all.length} asked: ${lost} not answered 200`)
  return { all, perSecond, times: answers.map(({ ms }) => ms) }
}

/** As many requests are pending as were answered, and neither sealer nor effects stood still. @returns their ids */
export async function requirePending(url: string, answered: number): Promise<Set<string>> {
  const sql = openDb(url, { applicationName: 'bench check', max: 1 })
  const rows = await sql<{ id: string }[]>`
    select g.id from grant_state g join event e on e.stream = 'grant:' || g.id and e.type = 'request.asked'
    where g.status = 'pending'`
  const [beside] = await sql<{ acts: number; sealed: number; told: number }[]>`
    select (select count(*)::int from act) as acts, (select count(*)::int from leaf) as sealed,
      (select count(*)::int from notice) as told`
  await closeDb(sql)
  if (rows.length !== answered) throw new BenchFailed(`${answered} were answered, ${rows.length} are pending`)
  if (beside === undefined || beside.acts !== answered || beside.sealed < answered / 2 || beside.told === 0) {
    throw new BenchFailed(`sealer or effects did not run beside: ${JSON.stringify(beside)}`)
  }
  return new Set(rows.map(({ id }) => id))
}
