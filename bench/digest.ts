import { closeDb, openDb } from '../src/db/client.ts'
import { APP_ROLE } from '../src/db/roles.ts'
import { DAY } from '../src/domain/duration.ts'
import { readPeriod } from '../src/domain/period.ts'
import { createRecord } from '../src/record/record.ts'
import { createWitnessed } from '../src/record/witnessed.ts'
import { readDigest } from '../src/report/read-digest.ts'
import { createFileWitness } from '../src/witness/file-witness.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { EVENTS_A_STEP } from './build-log.ts'
import { type LogInDatabase, openLogs } from './open-logs.ts'
import { listed, median } from './statistics.ts'

const ROUNDS = 7
/** Whole steps: 99,840 events. */
const STEPS_A_WEEK = Math.floor(100_000 / EVENTS_A_STEP)
const A_WEEK = STEPS_A_WEEK * EVENTS_A_STEP
const STEP_MS = Math.floor((7 * DAY) / STEPS_A_WEEK)
/** A Monday, in UTC. */
const FIRST_MONDAY = Date.UTC(2026, 8, 14)
/** The one that is looked at: as much before it as after it. */
const WEEKS_BEFORE = 5
const THE_WEEK = '2026-W43'

/**
 * The digest of a week of 100,000 events, read off the record and checked event by event, in a log of a million over the
 * same week in a log of nothing else.
 */
export const digest: Bench = {
  name: 'digest',
  bounds: [{ figure: 'digest.growth', most: 1.3 }, { figure: 'digest.ms' }],
  async run(say) {
    const logs = await openLogs(say)
    try {
      const from = FIRST_MONDAY + WEEKS_BEFORE * 7 * DAY
      const alone = openReading(await logs.build('alone', A_WEEK, { from, stepMs: STEP_MS }))
      const among = openReading(await logs.build('among', 1_000_000, { from: FIRST_MONDAY, stepMs: STEP_MS }))
      try {
        // The first of each is slow by itself.
        await once(alone)
        await once(among)
        const rounds: { alone: number; among: number }[] = []
        for (let round = 0; round < ROUNDS; round++) {
          rounds.push({ alone: await once(alone), among: await once(among) })
        }
        const ratios = rounds.map((round) => round.among / round.alone)
        const times = (of: 'alone' | 'among') => rounds.map((round) => round[of])
        return {
          figures: { 'digest.growth': median(ratios), 'digest.ms': median(times('among')) },
          behind: {
            'digest.growth': `${listed(ratios)}: among 1000000 events ${listed(times('among'))} ms; alone ${listed(times('alone'))} ms`,
            'digest.ms': `${A_WEEK} events read, each checked by hash and MAC; memory in use at the end ${Math.round(process.memoryUsage().heapUsed / 2 ** 20)} MiB`,
          },
        }
      } finally {
        await alone.close()
        await among.close()
      }
    } finally {
      await logs.remove()
    }
  },
}

const NO_FINDINGS = async () => ({ open: [], opened: [], closed: [], unreadable: [] })

function openReading({ url, macKey, vkey, witness }: LogInDatabase) {
  const db = openDb(url, { applicationName: 'bench digest', role: APP_ROLE, max: 4 })
  const record = createRecord({ macKey, seal: (text) => Buffer.from(text), open: (sealed) => sealed.toString() })
  const witnessed = createWitnessed(vkey, [createFileWitness({ path: witness, administeredBy: 'the bench' })])
  return { around: { db, record, witnessed }, close: () => closeDb(db) }
}

async function once({ around }: ReturnType<typeof openReading>): Promise<number> {
  const now = FIRST_MONDAY + 52 * 7 * DAY
  const period = readPeriod(THE_WEEK, now, 'UTC')
  if ('refused' in period) throw new BenchFailed(`${THE_WEEK} is no period`)
  const since = performance.now()
  const { events, counts } = await readDigest(around, period, { now, shown: 50, findings: NO_FINDINGS })
  const took = performance.now() - since
  const { asked, granted, 'on-time': onTime } = counts.counts
  const grants = A_WEEK / 13
  if (events !== A_WEEK || asked !== grants || granted !== grants || onTime !== grants) {
    throw new BenchFailed(`${events} events, ${asked} asked, ${granted} given, ${onTime} ended on time`)
  }
  return took
}
