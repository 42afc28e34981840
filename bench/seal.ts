import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { closeDb, openDb } from '../src/db/client.ts'
import { openDatabaseClock } from '../src/db/clock.ts'
import { migrate } from '../src/db/migrate.ts'
import { openPools } from '../src/db/pools.ts'
import { migrateEffects } from '../src/effects/migrate-effects.ts'
import { newSigningKey } from '../src/record/key-files.ts'
import { createRecord } from '../src/record/record.ts'
import { createSealer } from '../src/record/sealer.ts'
import { parseSigningKey } from '../src/record/signer.ts'
import { parseCheckpoint, parseNote } from '../src/record/verify.ts'
import { createWitnessed } from '../src/record/witnessed.ts'
import { createFileWitness } from '../src/witness/file-witness.ts'
import { startScratchCluster } from '../test/support/cluster.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { listed, median, quantile } from './statistics.ts'

const ROUNDS = 5
const A_ROUND = 200
const WARM_UP = 100
const ORIGIN = 'bench.example/log'

/** From the commit of an event until the file witness has confirmed a signed checkpoint that covers it, one at a time. */
export const seal: Bench = {
  name: 'seal',
  bounds: [{ figure: 'seal.p50-ratio', most: 10 }, { figure: 'seal.p99-ms' }],
  async run(say) {
    const cluster = await startScratchCluster()
    const folder = await mkdtemp(path.join(tmpdir(), 'countersign-bench-'))
    const admin = openDb(cluster.urlFor('postgres'), { applicationName: 'bench', max: 1 })
    await admin`create database seal`
    await closeDb(admin)
    const url = cluster.urlFor('seal')
    await migrate(url, { also: [migrateEffects] })
    const pools = await openPools({ url })
    const bare = openDb(url, { applicationName: 'bench bare', max: 1 })
    const clock = await openDatabaseClock(pools.app)
    const macKey = randomBytes(32)
    const record = createRecord({ macKey, seal: (text) => Buffer.from(text), open: (sealed) => sealed.toString() })
    const signer = parseSigningKey(newSigningKey(), ORIGIN)
    const witness = createFileWitness({ path: path.join(folder, 'witness'), administeredBy: 'the bench' })
    const witnessed = createWitnessed(signer.vkey, [witness])
    const alarms: string[] = []
    const sealer = createSealer({
      ...{ db: pools.sealer, macKey, signer, witnessed, clock },
      onAlarm: ({ message }) => alarms.push(message),
    })
    sealer.start()
    let appended = 0

    async function commitAndSeal(): Promise<number> {
      const stream = `bench:${appended++}`
      await pools.app.begin((tx) =>
        record.append(tx, stream, 0, [{ type: 'bench.event', data: { words: WORDS } }], clock.now()),
      )
      const since = performance.now()
      sealer.kick()
      await sealer.sealed(stream, 1, AbortSignal.timeout(10_000))
      return performance.now() - since
    }

    async function commitBarely(): Promise<number> {
      const [key, hash] = [String(appended++), randomBytes(32)]
      const since = performance.now()
      await bare`
        insert into event (stream, seq, type, v, at, body, leaf_hash, mac)
        values (${`bare:${key}`}, 1, 'bench.event', 1, 0, ${WORDS}, ${hash}, ${hash})`
      return performance.now() - since
    }

    const measure = async (count: number, one: () => Promise<number>) => {
      const times: number[] = []
      for (let n = 0; n < count; n++) times.push(await one())
      return times
    }

    try {
      await measure(WARM_UP, commitAndSeal)
      await measure(WARM_UP, commitBarely)
      const rounds: { sealed: number[]; bare: number[] }[] = []
      for (let n = 0; n < ROUNDS; n++) {
        rounds.push({ bare: await measure(A_ROUND, commitBarely), sealed: await measure(A_ROUND, commitAndSeal) })
      }
      const sealedEvents = WARM_UP + ROUNDS * A_ROUND
      const note = await witness.newest(ORIGIN)
      const size = note === null ? 0 : parseCheckpoint(parseNote(note).text).size
      if (size !== sealedEvents || alarms.length > 0) {
        throw new BenchFailed(`the witness confirmed ${size} of ${sealedEvents} events; ${alarms.join('; ')}`)
      }
      const ratios = rounds.map((round) => median(round.sealed) / median(round.bare))
      say(`${ROUNDS} rounds of ${A_ROUND}: ${listed(ratios)}`)
      return {
        figures: {
          'seal.p50-ratio': median(ratios),
          'seal.p99-ms': median(rounds.map((round) => quantile(round.sealed, 0.99))),
        },
        behind: {
          'seal.p50-ratio': `sealed and witnessed p50 ${listed(rounds.map((round) => median(round.sealed)))} ms; bare commit p50 ${listed(rounds.map((round) => median(round.bare)))} ms`,
          'seal.p99-ms': `p99 ${listed(rounds.map((round) => quantile(round.sealed, 0.99)))} ms`,
        },
      }
    } finally {
      await sealer.stop()
      clock.close()
      await pools.close()
      await closeDb(bare)
      await cluster.remove()
      await rm(folder, { recursive: true, force: true })
    }
  },
}

/** As long as an event's body is on average. */
const WORDS = 'x'.repeat(352)
