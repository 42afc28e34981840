import { startApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createLog } from '../src/telemetry/log.ts'
import { createSlowConnector } from './slow-connector.ts'

/* One process as in production, but that every target takes CALL_MS a call. Tells its address on its first line. */
const reading = readConfig(process.env)
if ('faults' in reading) throw new Error(reading.faults.join('\n'))
const callMs = Number(process.env.CALL_MS)
const app = await startApp(reading.config, createLog({ level: 'info' }), {
  connectorFor: () => createSlowConnector(callMs),
})
process.once('SIGTERM', () => {
  void app.stop().then(() => process.exit(0))
})
process.stdout.write(`${JSON.stringify({ url: app.url })}\n`)
