import { setTimeout as sleep } from 'node:timers/promises'
import { PgBoss } from 'pg-boss'
import { openDb } from '../src/db/client.ts'
import { stepBarely } from './bare-transactions.ts'

/*
 * A floor: one process of bare pg-boss workers, a queue a target, so many jobs of each at once. A job commits that the
 * grant is ending, waits as long as the target takes, and commits that it is disabled. Says a line when it works.
 */
const { DATABASE_URL: url = '', QUEUES: queues = '', AT_ONCE, CALL_MS } = process.env
const sql = openDb(url, { applicationName: 'bench jobs', max: 20 })
const boss = new PgBoss({ connectionString: url, migrate: false, supervise: false, schedule: false, max: 10 })
await boss.start()
await sql`select 1`

async function end(id: string): Promise<void> {
  await stepBarely(sql, { id, seq: 7, type: 'grant.ending', now: Date.now() })
  await sleep(Number(CALL_MS))
  await stepBarely(sql, { id, seq: 8, type: 'grant.disabled', now: Date.now() })
}

for (const queue of queues.split(',')) {
  await boss.work<{ id: string }>(
    queue,
    { batchSize: Number(AT_ONCE), burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
    async (jobs) => void (await Promise.all(jobs.map(({ data }) => end(data.id)))),
  )
}
process.stdout.write('{"url":""}\n')
