import { execFile } from 'node:child_process'
import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { closeDb, openDb } from '../src/db/client.ts'
import { type Bench, BenchFailed } from './bench.ts'
import { type LogInDatabase, openLogs } from './open-logs.ts'
import { listed, median } from './statistics.ts'

const ROUNDS = 3
const SIZES = { large: 1_000_000, small: 100_000 } as const
const PROCESS = new URL('./verify-process.ts', import.meta.url).pathname

/**
 * The whole record checked, bodies to witnesses, on all cores in a process of its own, over hashing the same bodies in
 * memory on one core; and how much memory that process had at most, also for a tenth of the events.
 */
export const verify: Bench = {
  name: 'verify',
  bounds: [
    { figure: 'verify.vs-hash', most: 6 },
    { figure: 'verify.peak-mib', most: 512 },
    { figure: 'verify.peak-mib-100k', most: 512 },
  ],
  async run(say) {
    const logs = await openLogs(say)
    try {
      const [small, large] = [await logs.build('small', SIZES.small), await logs.build('large', SIZES.large)]
      const bodies = await readBodies(large.url)
      const rounds: { hashed: number; large: Verified; small: Verified }[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const hashed = hashAll(bodies)
        rounds.push({ hashed, large: await verifyOnce(large), small: await verifyOnce(small) })
        say(`round ${round + 1}: hashed ${listed([hashed])} ms, verified ${listed([rounds.at(-1)?.large.ms ?? 0])} ms`)
      }
      const ratios = rounds.map(({ hashed, large }) => large.ms / hashed)
      const peaks = (of: 'large' | 'small') => rounds.map((round) => round[of].peakMib)
      return {
        figures: {
          'verify.vs-hash': median(ratios),
          'verify.peak-mib': median(peaks('large')),
          'verify.peak-mib-100k': median(peaks('small')),
        },
        behind: {
          'verify.vs-hash': `${listed(ratios)}: ${SIZES.large} events of ${Math.round(large.bodyBytes / SIZES.large)} bytes verified in ${listed(rounds.map(({ large }) => large.ms))} ms; hashed in ${listed(rounds.map(({ hashed }) => hashed))} ms`,
          'verify.peak-mib': `${listed(peaks('large'))} MiB for ${SIZES.large} events`,
          'verify.peak-mib-100k': `${listed(peaks('small'))} MiB for ${SIZES.small} events, verified in ${listed(rounds.map(({ small }) => small.ms))} ms`,
        },
      }
    } finally {
      await logs.remove()
    }
  },
}

/** In memory before the clock runs: what is compared with is hashing alone. */
async function readBodies(url: string): Promise<Buffer[]> {
  const db = openDb(url, { applicationName: 'bench floor', max: 1 })
  const bodies: Buffer[] = []
  await db<{ body: string }[]>`select body from event`.cursor(10_000, (rows) => {
    for (const { body } of rows) bodies.push(Buffer.from(`\0${body}`))
  })
  await closeDb(db)
  return bodies
}

/** To bytes, as the leaves of a tree are. */
function hashAll(bodies: readonly Buffer[]): number {
  const since = performance.now()
  for (const body of bodies) hash('sha256', body, 'buffer')
  return performance.now() - since
}

async function verifyOnce({ url, macKey, vkey, witness, events }: LogInDatabase): Promise<Verified> {
  const { stdout } = await promisify(execFile)(process.execPath, [
    PROCESS,
    JSON.stringify({ url, macKey: macKey.toString('hex'), vkey, witness }),
  ])
  const { ok, size, differences, ...verified } = JSON.parse(stdout)
  if (!ok || size !== events) {
    throw new BenchFailed(`${size} of ${events} events verified: ${JSON.stringify(differences)}`)
  }
  return verified
}

interface Verified {
  readonly ms: number
  readonly peakMib: number
}
