import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { closeDb, openDb } from '../src/db/client.ts'
import { APP_ROLE } from '../src/db/roles.ts'
import { verifyLog } from '../src/record/verify-log.ts'
import { createWitnessed } from '../src/record/witnessed.ts'
import { createFileWitness } from '../src/witness/file-witness.ts'

/*
 * Checks a whole log once, as `verify --log` does, in a process of its own, and says how long that took and how much
 * memory the process had at most.
 */
const { url, macKey, vkey, witness } = JSON.parse(process.argv[2] ?? '{}')
const db = openDb(url, { applicationName: 'bench', role: APP_ROLE })
const witnessed = createWitnessed(vkey, [createFileWitness({ path: witness, administeredBy: 'the bench' })])
const since = performance.now()
const { ok, size, differences } = await verifyLog(db, Buffer.from(macKey, 'hex'), witnessed, {
  threads: availableParallelism(),
})
const ms = performance.now() - since
await closeDb(db)
// Not the resource usage, which begins with what the parent process had.
const peakMib = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024
process.stdout.write(JSON.stringify({ ok, size, ms, peakMib, differences: differences.slice(0, 3) }))
