import { flushCompileCache } from 'node:module'
import { startApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { mustDieAt } from './crash-points.ts'
import { createLightConnector } from './light-connector.ts'

/*
 * One process as in production, configured by the environment, that tells its address on its first
 * line and can be told to die: CRASH_AT names a point, CRASH_ON says at which arrival (1 when left out);
 * CRASH_FOLDER holds what was armed while it runs. LIGHT_TARGET names a target that is a table. LIMITS_TIMES
 * widens what the platforms take. SIGUSR2
 * runs the sweep at once, and a line says when it is done.
 */
const reading = readConfig(process.env)
if ('faults' in reading) throw new Error(reading.faults.join('\n'))

let arrivals = 0
const crashAt = process.env.CRASH_AT
const crashOn = Number(process.env.CRASH_ON ?? '1')
const crashFolder = process.env.CRASH_FOLDER

const app = await startApp(reading.config, createLog({ level: 'info' }), {
  reached: async (point) => {
    if (point === crashAt) arrivals += 1
    const dies = point === crashAt ? arrivals >= crashOn : crashFolder !== undefined && mustDieAt(crashFolder, point)
    if (!dies) return
    process.kill(process.pid, 'SIGKILL')
    // The signal is on its way: nothing more may happen here.
    await new Promise(() => undefined)
  },
  limitsTimes: Number(process.env.LIMITS_TIMES ?? '1'),
  connectorFor: (target) =>
    target.name === process.env.LIGHT_TARGET ? createLightConnector(process.env.DATABASE_URL ?? '') : null,
})
// Who is killed cannot do it at its end; the next process starts in half the time.
flushCompileCache()
process.on('SIGUSR2', () => {
  void app.sweep().then(() => process.stdout.write('swept\n'))
})
process.once('SIGTERM', () => {
  void app.stop().then(() => process.exit(0))
})
// Last: whoever reads it may send a signal at once.
process.stdout.write(`${JSON.stringify({ url: app.url })}\n`)
