// Uses the embedded server as the application would, in a process of its own:
// node embedded-process.ts <data folder>
import { createInterface } from 'node:readline'
import { closeDb, openDb } from '../../src/db/client.ts'
import { startEmbedded } from '../../src/db/embedded/start.ts'

const say = (text: unknown) => void process.stdout.write(`${JSON.stringify(text)}\n`)
const embedded = await startEmbedded({ dataDir: process.argv[2] ?? '' })
const db = openDb(embedded.ownerUrl, { applicationName: 'test', role: 'countersign_owner', max: 1 })

// Writes rows for ever, and names each one that was acknowledged.
async function write(): Promise<never> {
  await db`create table if not exists written (n int)`
  for (let n = 1; ; n++) {
    await db`insert into written values (${n})`
    say(n)
  }
}

// Ctrl-C: drains, for which it needs the database, and stops.
process.on('SIGINT', async () => {
  const [row] = await db`select pg_sleep(0.2), 'drained' as word`
  say(row?.word)
  await closeDb(db)
  await embedded.stop()
  say('stopped')
  process.exit(0)
})

say({ port: embedded.port, adopted: embedded.adopted })

for await (const command of createInterface({ input: process.stdin })) {
  if (command === 'write') void write()
  if (command === 'stop') {
    await closeDb(db)
    await embedded.stop()
    say('stopped')
    process.exit(0)
  }
}
