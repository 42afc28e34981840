import { startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/telemetry/log.ts'

/*
 * One process as in production, configured by the environment, that tells its address on its first
 * line and can be told to die: CRASH_AT names a point, CRASH_ON says at which arrival (1 when left out).
 * SIGUSR2 runs the sweep at once, and a line says when it is done.
 */
const reading = readConfig(process.env)
if ('faults' in reading) throw new Error(reading.faults.join('\n'))

let arrivals = 0
const crashAt = process.env.CRASH_AT
const crashOn = Number(process.env.CRASH_ON ?? '1')

const app = await startApp(reading.config, createLog({ level: 'info' }), {
  reached: async (point) => {
    if (point !== crashAt) return
    arrivals += 1
    if (arrivals === crashOn) process.kill(process.pid, 'SIGKILL')
    // The signal is on its way: nothing more may happen here.
    if (arrivals >= crashOn) await new Promise(() => undefined)
  },
})
process.on('SIGUSR2', () => {
  void app.sweep().then(() => process.stdout.write('swept\n'))
})
process.once('SIGTERM', () => {
  void app.stop().then(() => process.exit(0))
})
// Last: whoever reads it may send a signal at once.
process.stdout.write(`${JSON.stringify({ url: app.url })}\n`)
