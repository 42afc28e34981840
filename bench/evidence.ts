import { closeDb, openDb } from '../src/db/client.ts'
import { APP_ROLE } from '../src/db/roles.ts'
import { createRecord } from '../src/record/record.ts'
import { verifyEvidence } from '../src/record/verify.ts'
import { createWitnessed } from '../src/record/witnessed.ts'
import { createFileWitness } from '../src/witness/file-witness.ts'
import { collectEvidence } from '../src/workflow/open-evidence.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { type LogInDatabase, openLogs } from './open-logs.ts'
import { grantIds } from './seed-grants.ts'
import { listed, median, quantile } from './statistics.ts'

const LOOK_UPS = 2_000
const A_ROUND = 200
const SIZES = { large: 1_000_000, small: 100_000 } as const

/**
 * The evidence of one grant, with private texts and proofs, collected as a command or the chat does it, in a log of a
 * million events over the same in a tenth of them. Grants are taken from all over the log, each once.
 */
export const evidence: Bench = {
  name: 'evidence',
  bounds: [{ figure: 'evidence.growth', most: 1.5 }, { figure: 'evidence.p99-ms' }],
  async run(say) {
    const logs = await openLogs(say)
    try {
      const small = openLookUp(await logs.build('small', SIZES.small))
      const large = openLookUp(await logs.build('large', SIZES.large))
      try {
        const rounds: { small: number[]; large: number[] }[] = []
        for (let round = 0; round < LOOK_UPS / A_ROUND; round++) {
          rounds.push({ small: await small.measure(round), large: await large.measure(round) })
        }
        const medians = (of: 'small' | 'large') => rounds.map((round) => median(round[of]))
        const all = rounds.flatMap((round) => round.large)
        return {
          figures: {
            'evidence.growth': median(all) / median(rounds.flatMap((round) => round.small)),
            'evidence.p99-ms': quantile(all, 0.99),
          },
          behind: {
            'evidence.growth': `p50 at ${SIZES.large} events ${listed(medians('large'))} ms; at ${SIZES.small} ${listed(medians('small'))} ms`,
            'evidence.p99-ms': `over ${all.length} look-ups at ${SIZES.large} events`,
          },
        }
      } finally {
        await small.close()
        await large.close()
      }
    } finally {
      await logs.remove()
    }
  },
}

function openLookUp({ url, macKey, vkey, witness, grants }: LogInDatabase) {
  const db = openDb(url, { applicationName: 'bench evidence', role: APP_ROLE, max: 4 })
  const record = createRecord({ macKey, seal: (text) => Buffer.from(text), open: (sealed) => sealed.toString() })
  const witnessed = createWitnessed(vkey, [createFileWitness({ path: witness, administeredBy: 'the bench' })])
  const around = { db, record, witnessed, sealed: async () => undefined }
  const ids = grantIds(grants, 0)

  async function one(id: string): Promise<number> {
    const since = performance.now()
    const { file, missing } = await collectEvidence(around, id, { patienceMs: 0, policies: true })
    const took = performance.now() - since
    const { verdict } = verifyEvidence(JSON.stringify(file), { vkey })
    if (verdict !== 'verified' || missing.length > 0) throw new BenchFailed(`the evidence of ${id} is ${verdict}`)
    return took
  }

  return {
    async measure(round: number): Promise<number[]> {
      const times: number[] = []
      for (let n = round * A_ROUND; n < (round + 1) * A_ROUND; n++) {
        const id = ids[Math.floor((n * ids.length) / LOOK_UPS)]
        if (id !== undefined) times.push(await one(id))
      }
      return times
    },
    close: () => closeDb(db),
  }
}
