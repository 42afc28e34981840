import { startApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { createLog } from '../telemetry/log.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** One process of Countersign until a signal stops it: `npm start`, and `countersign serve`. */
export function runProcess(): void {
  start().catch((error: unknown) => {
    const cause = error instanceof Error ? error.message : String(error)
    process.stderr.write(`Countersign cannot start: ${cause}\n`)
    process.exit(1)
  })
}

async function start(): Promise<void> {
  const reading = readConfig()
  if ('faults' in reading) {
    process.stderr.write(`Countersign cannot start:\n${reading.faults.map((fault) => `  ${fault}\n`).join('')}`)
    process.exitCode = 1
    return
  }
  const { config, warnings } = reading
  const log = createLog({ level: 'info', pretty: process.stderr.isTTY })
  for (const warning of warnings) log.warn(warning)
  const app = await startApp(config, log)
  stopOnSignal(app, log)
  process.stdout.write(`\n  Countersign is at ${app.url}\n\n`)
}
