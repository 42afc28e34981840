import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { closeDb, openDb } from '../src/db/client.ts'
import { migrate } from '../src/db/migrate.ts'
import { migrateEffects } from '../src/effects/migrate-effects.ts'
import { newSigningKey } from '../src/record/key-files.ts'
import { parseSigningKey } from '../src/record/signer.ts'
import { createFileWitness } from '../src/witness/file-witness.ts'
import { startScratchCluster } from '../test/support/cluster.ts'
import { type BuiltLog, buildLog } from './build-log.ts'

/** Large logs are built at once: not one checkpoint of the server for every second. */
const SETTINGS = { shared_buffers: '256MB', max_wal_size: '4GB' }

/** A server for logs of any size, each in a database of its own, with a witness that has seen all of it. */
export async function openLogs(say: (line: string) => void): Promise<Logs> {
  const cluster = await startScratchCluster({ settings: SETTINGS })
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-bench-'))
  return {
    async build(name, events, times = {}) {
      const admin = openDb(cluster.urlFor('postgres'), { applicationName: 'bench', max: 1 })
      await admin`create database ${admin(name)}`
      await closeDb(admin)
      const url = cluster.urlFor(name)
      await migrate(url, { also: [migrateEffects] })
      const keys = {
        macKey: randomBytes(32),
        seal: (text: string) => Buffer.from(text),
        open: (sealed: Buffer) => sealed.toString(),
      }
      const signer = parseSigningKey(newSigningKey(), `bench.example/${name}`)
      const since = performance.now()
      const built = await buildLog(url, { keys, signer, events, ...times })
      const witness = path.join(folder, name)
      await createFileWitness({ path: witness, administeredBy: 'the bench' }).keep(built.note)
      say(`${events} events built in ${Math.round((performance.now() - since) / 1_000)} s`)
      return { ...built, url, events, macKey: keys.macKey, vkey: signer.vkey, witness }
    },
    async remove() {
      await cluster.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export interface LogInDatabase extends BuiltLog {
  /** Of the superuser. */
  readonly url: string
  readonly events: number
  readonly macKey: Buffer
  readonly vkey: string
  /** Path of the file that a witness keeps. */
  readonly witness: string
}

interface Logs {
  build(name: string, events: number, times?: { from?: number; stepMs?: number }): Promise<LogInDatabase>
  remove(): Promise<void>
}
