// Migrates as a replica of its own would: node migrate-process.ts <url> <folder>
import { migrate } from '../../src/db/migrate.ts'

const [url = '', folder = ''] = process.argv.slice(2)
process.stdout.write('ready\n')
process.stdin.once('data', async () => {
  const { state } = await migrate(url, { folder })
  process.stdout.write(`${state}\n`)
  process.exit(0)
})
