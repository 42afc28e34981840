import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../../src/ports/chat.ts'
import { type House, openHouse, type Replica, until } from '../support/house.ts'
import { createLightTarget } from '../support/light-connector.ts'
import { racePolicy } from './race-policy.ts'
import { openRecordOf, type RecordOf } from './record-of.ts'

const LOOK_EVERY_MS = 50

/** Three processes on one house, and acts that reach them at the same instant. */
export async function openArena(policy: Parameters<typeof racePolicy>[0]): Promise<Arena> {
  const house = await openHouse({ policy: racePolicy(policy) })
  await createLightTarget(house.db)
  const replicas = await Promise.all([1, 2, 3].map(() => house.startReplica({ LIGHT_TARGET: 'light' })))
  const record = await openRecordOf(house)
  let statuses = new Map<string, string>()
  let stopped = false

  const looking = (async () => {
    while (!stopped) {
      const rows = await house.db<{ id: string; status: string }[]>`select id, status from grant_state`
      statuses = new Map(rows.map(({ id, status }) => [id, status]))
      await sleep(LOOK_EVERY_MS)
    }
  })()

  function replicaOf(n: number): Replica {
    const replica = replicas[n % replicas.length]
    if (replica === undefined) throw new Error('an arena without processes')
    return replica
  }

  return {
    ...{ house, record, replicaOf },
    race: async (round, ...acts) => Promise.all(acts.map((act, n) => act(replicaOf(round + n)))),
    become: async (id, ...wanted) => {
      await until(`${id} is ${wanted.join(' or ')}`, async () => wanted.includes(statuses.get(id) ?? ''))
    },
    async close() {
      stopped = true
      await looking.catch(() => undefined)
      await house.close()
    },
  }
}

/** All rounds, so many at a time; the first that fails ends them. */
export async function rounds<T>(count: number, atOnce: number, play: (round: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const player = async () => {
    for (let round = next++; round < count; round = next++) results[round] = await play(round)
  }
  await Promise.all(Array.from({ length: atOnce }, player))
  return results
}

/** What an answer says, without its form. */
export function wordsOf(answer: Answer): string {
  if (answer.kind !== 'line') throw new Error(`not a line: ${JSON.stringify(answer)}`)
  return answer.line.text.map((span) => ('text' in span ? span.text : 'name' in span ? span.name : '…')).join('')
}

export interface Arena {
  readonly house: House
  readonly record: RecordOf
  replicaOf(n: number): Replica
  /** Each act goes to another process, all at once. */
  race<A extends Answer>(round: number, ...acts: ((replica: Replica) => Promise<A>)[]): Promise<A[]>
  become(id: string, ...wanted: string[]): Promise<void>
  close(): Promise<void>
}
