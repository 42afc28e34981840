import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Answer } from '../../src/ports/chat.ts'
import type { CrashPoint } from '../../src/workflow/context.ts'
import { carelessSettings } from '../support/cluster.ts'
import { armCrash, armedCrashes, disarmCrashes } from '../support/crash-points.ts'
import { type House, openHouse, type Replica, until } from '../support/house.ts'
import { openRecordOf, type RecordOf } from './record-of.ts'
import { type Watch, watchTarget } from './watch-target.ts'

/**
 * A house with so many processes, all started at once. The only one is started again when it dies; of
 * several, the others carry on until `muster`.
 * @param settings of the server, beside the careless ones
 */
export async function openCrew(size: number, settings: Record<string, string> = {}): Promise<Crew> {
  const house = await openHouse({ policy: await crewPolicy(), settings: { ...carelessSettings, ...settings } })
  const folder = house.file('armed')
  await mkdir(folder)
  const living = new Set<Replica>()
  let starting: Promise<void> = Promise.resolve()
  let deaths = 0
  let closed = false

  async function enlist(): Promise<void> {
    for (let failures = 0; !closed; failures++) {
      try {
        const replica = await house.startReplica({ CRASH_FOLDER: folder })
        living.add(replica)
        void replica.exited.then(() => fall(replica))
        return
      } catch (error) {
        // It may have been told to die before it was ready.
        if (failures === 2) throw error
        deaths += 1
      }
    }
  }

  function fall(replica: Replica): void {
    living.delete(replica)
    deaths += 1
    if (size === 1 && !closed) starting = enlist()
  }

  async function muster(): Promise<void> {
    await starting
    await Promise.all(Array.from({ length: size - living.size }, enlist))
  }

  await muster()
  const record = await openRecordOf(house)
  const watch = watchTarget(house)
  return {
    ...{ house, record, watch, muster },
    arm(point, arrival) {
      deaths = 0
      armCrash(folder, point, arrival)
    },
    deaths: () => deaths,
    armed: () => armedCrashes(folder),
    disarm: () => disarmCrashes(folder),
    act: (send) =>
      until('somebody answers', async () => {
        const [replica] = [...living].sort(() => Math.random() - 0.5)
        if (replica === undefined) return null
        const answer = await send(replica).catch((error: unknown) => {
          if (error instanceof TypeError || error instanceof SyntaxError) return null
          throw error
        })
        return answer !== null && /Nothing was recorded|cannot tell/.test(JSON.stringify(answer)) ? null : answer
      }),
    async sweep() {
      const swept = async () => {
        const [replica] = living
        await replica?.sweep()
        return replica !== undefined && replica.child.signalCode === null
      }
      await until('somebody has swept', swept)
    },
    async close() {
      closed = true
      await watch.stop()
      await starting.catch(() => undefined)
      await house.close()
    },
  }
}

/** The tests' own policy, and something that a click does not approve. */
async function crewPolicy(): Promise<string> {
  const text = await readFile(path.join(import.meta.dirname, '../support/policy.yaml'), 'utf8')
  return `${text}      signed: { description: Read it by passkey, level: read, grants: ledger_read, stepUp: passkey }\n`
}

export interface Crew {
  readonly house: House
  readonly record: RecordOf
  readonly watch: Watch
  /** Somebody is to die there; counts deaths anew. */
  arm(point: CrashPoint, arrival: number): void
  deaths(): number
  /** What nobody reached. */
  armed(): string[]
  disarm(): void
  /** Sends an act to any process that lives, as a page does: again, with the same key, until there is an answer. */
  act(send: (replica: Replica) => Promise<Answer>): Promise<Answer>
  /** Brings the crew to its full number again. */
  muster(): Promise<void>
  /** One sweep that is not cut off. */
  sweep(): Promise<void>
  close(): Promise<void>
}
