import { startApp } from '../app.ts'
import { readConfig } from '../config.ts'
import { createLog } from '../telemetry/log.ts'

/** How long a stop may take before the process ends anyway: the effects' own net finds what was left. */
const PATIENCE_MS = 25_000

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
  const { config } = reading
  const log = createLog({ level: 'info', pretty: process.stderr.isTTY })
  const app = await startApp(config, log)
  process.stdout.write(`\n  Countersign is at ${app.url}\n\n`)

  const stop = (signal: string) => {
    log.info({ signal }, 'stopping')
    setTimeout(() => process.exit(1), PATIENCE_MS).unref()
    void app.stop().then(() => process.exit(0))
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}
