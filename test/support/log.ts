import { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'

/** A log whose lines a test can read. */
export function createTestLog(): { log: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(JSON.parse(String(chunk)))
      done()
    },
  })
  return { log: pino({ base: null, timestamp: false, formatters: { level: (level) => ({ level }) } }, stream), lines }
}
