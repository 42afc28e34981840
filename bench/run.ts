import { parseArgs } from 'node:util'
import { ack } from './ack.ts'
import { ackTeams } from './ack-teams.ts'
import { append } from './append.ts'
import type { Bench, Measured } from './bench.ts'
import { digest } from './digest.ts'
import { evidence } from './evidence.ts'
import { expiryStorm } from './expiry-storm.ts'
import { postgresRevoke } from './postgres-revoke.ts'
import { seal } from './seal.ts'
import { rounded } from './statistics.ts'
import { tableOf } from './table.ts'
import { verify } from './verify.ts'

const BENCHES: readonly Bench[] = [ack, ackTeams, append, digest, evidence, expiryStorm, postgresRevoke, seal, verify]

/*
 * Measures what the promises cost: `npm run bench` prints a table, `npm run -s bench -- --json` one JSON object on
 * standard output and everything else on standard error, `--only <bench>` runs one.
 */
try {
  const { json, benches } = readArguments(process.argv.slice(2))
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const results: { bench: Bench; measured: Measured }[] = []
  for (const bench of benches) {
    say(`${bench.name} …`)
    results.push({ bench, measured: await bench.run((line) => say(`  ${line}`)) })
  }
  const figures = Object.entries(Object.assign({}, ...results.map(({ measured }) => measured.figures)))
  if (json) {
    say(tableOf(results))
    const flat = Object.fromEntries(figures.map(([name, value]) => [name, rounded(Number(value))]))
    process.stdout.write(`${JSON.stringify(flat)}\n`)
  } else process.stdout.write(tableOf(results))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  process.exitCode = 1
}

function readArguments(args: string[]): { json: boolean; benches: readonly Bench[] } {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean' }, only: { type: 'string' } } })
  const { json = false, only } = values
  if (only === undefined) return { json, benches: BENCHES }
  const benches = BENCHES.filter(({ name }) => name === only)
  if (benches.length > 0) return { json, benches }
  throw new Error(`There is no bench "${only}". Take one of: ${BENCHES.map(({ name }) => name).join(', ')}`)
}
