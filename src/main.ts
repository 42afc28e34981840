import { stopOnSignal } from './app/stop-on-signal.ts'
import { startApp } from './app.ts'
import { readConfig } from './config.ts'
import { createLog } from './telemetry/log.ts'

async function main(): Promise<void> {
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

main().catch((error: unknown) => {
  const cause = error instanceof Error ? error.message : String(error)
  process.stderr.write(`Countersign cannot start: ${cause}\n`)
  process.exit(1)
})
