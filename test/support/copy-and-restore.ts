import { closeDb, openDb } from '../../src/db/client.ts'
import type { ScratchCluster } from './cluster.ts'

/** Puts a copy of the whole record in its place, as a restore does. Nothing runs meanwhile. */
export async function copyAndRestore(cluster: ScratchCluster): Promise<void> {
  const admin = openDb(cluster.urlFor('postgres'), { applicationName: 'operator', max: 1 })
  try {
    await admin`select pg_terminate_backend(pid) from pg_stat_activity where datname = 'countersign'`
    await admin`create database backup template countersign`
    await admin`drop database countersign with (force)`
    await admin`create database countersign template backup`
  } finally {
    await closeDb(admin)
  }
}
