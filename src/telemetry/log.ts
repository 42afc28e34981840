import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { redactField } from './redact.ts'

export type Log = Logger

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** One readable line an entry, for a terminal; JSON otherwise. */
  readonly pretty?: boolean
  /** Standard error when left out. */
  readonly to?: DestinationStream
}

/**
 * The log. Give ids by `log.child({ request, grant })`, never the words of a person. Secrets are taken out
 * of every entry as it leaves, so that nothing on the way to it (a child's field, an error's cause, a text)
 * can go past: of fields by their name, of texts by their form.
 */
export function createLog({ level, pretty = false, to = destination({ dest: 2, sync: true }) }: LogOptions): Log {
  const render = pretty ? renderLine : JSON.stringify
  return pino(
    { level, base: null, formatters: { level: (label) => ({ level: label }) } },
    { write: (entry) => to.write(`${render(JSON.parse(entry, redactField))}\n`) },
  )
}

function renderLine({ time, level, msg, err, ...fields }: Entry): string {
  const at = new Date(time).toISOString().slice(11, 23)
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`)
  const stack = err === undefined ? '' : `\n${err.stack ?? err.message ?? JSON.stringify(err)}`
  return `${at} ${level.padEnd(5)} ${msg ?? ''}${rest.join('')}${stack}`
}

interface Entry {
  readonly time: number
  readonly level: string
  readonly msg?: string
  readonly err?: { readonly stack?: string; readonly message?: string }
}
