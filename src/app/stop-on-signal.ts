import type { App } from '../app.ts'
import type { Log } from '../telemetry/log.ts'

/** How long a stop may take before the process ends anyway: what was left is taken up by other replicas, or later. */
const PATIENCE_MS = 25_000
/** Ctrl-C under npm arrives twice, from the terminal and from npm: that is one signal, not two. */
const ONE_SIGNAL_MS = 500

/**
 * SIGTERM or SIGINT: finishes what is under way and ends with 0. A second one ends at once, with 128 and the number of
 * the signal, as the shell has it; what was under way is then taken up as after a crash.
 */
export function stopOnSignal(app: App, log: Log): void {
  let stopping: 'no' | 'begun' | 'hurried' = 'no'
  const onSignal = (signal: keyof typeof NUMBERS) => {
    if (stopping === 'hurried') process.exit(128 + NUMBERS[signal])
    if (stopping === 'begun') return
    stopping = 'begun'
    setTimeout(() => {
      stopping = 'hurried'
    }, ONE_SIGNAL_MS).unref()
    setTimeout(() => process.exit(1), PATIENCE_MS).unref()
    log.info({ signal }, 'stopping')
    void app.stop().then(() => process.exit(0))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
}

const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const
