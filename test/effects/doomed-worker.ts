import { openDb } from '../../src/db/client.ts'
import { createEffects } from '../../src/effects/run-effects.ts'
import { createTestLog } from '../support/log.ts'

/** A process that takes an effect, says so, and never finishes it: for a test that kills it. */
const [url = ''] = process.argv.slice(2)
await createEffects({
  url,
  db: openDb(url, { applicationName: 'doomed' }),
  log: createTestLog().log,
  handlers: {
    revoke: {
      retry: 'forever',
      async run(_, { key, attempt }) {
        process.stdout.write(`taken ${key} ${attempt}\n`)
        await new Promise(() => undefined)
      },
    },
  },
  onStuck: async () => undefined,
}).start()
process.stdout.write('ready\n')
