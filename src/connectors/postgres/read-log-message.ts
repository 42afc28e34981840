import type { LogLine } from './parse-log-line.ts'

/**
 * What a line of the log tells. Accounts of ours log in English, whatever the server speaks: see jit.provision.
 * @param raised whether it stands beside a statement, or beside what ran: then a person had it written
 */
export function readLogMessage(line: LogLine, raised: boolean): LogMessage {
  const { message, severity, state, detail, statement } = line
  if (severity === 'FATAL' || severity === 'PANIC') {
    if (state !== null && REFUSED.test(state)) return { kind: 'refused-login' }
    return state !== null && ENDED.test(state) ? { kind: 'other' } : { kind: 'died' }
  }
  if (severity === 'ERROR') return { kind: 'error', state: state ?? 'XX000', sql: statement }
  if (severity !== 'LOG' || raised || line.hasContext) return { kind: 'other' }
  const audit = /^AUDIT: (?:SESSION|OBJECT),\d+,\d+,/.exec(message)
  if (audit !== null) return readAudit(message.slice(audit[0].length))
  const sql = STATEMENT.exec(message)
  if (sql !== null) return { kind: 'statement', sql: message.slice(sql[0].length), parameters: detail }
  if (message.startsWith('connection authorized: ')) return { kind: 'began' }
  if (message.startsWith('disconnection: ')) return { kind: 'ended' }
  return { kind: 'other' }
}

/** No such login or database, no more room, not now; said also after `connection authorized`, when nobody is in yet. */
const REFUSED = /^(?:28|3D|42|55|53300|57P03)/
/** By an administrator, a crash or a time that was up. */
const ENDED = /^(?:57|25P)/

/**
 * Simple and extended protocol: a client may give its statements any name, and one that cannot be told from the text hides
 * nothing. Functions called by number; with a time where log_duration or its like is on.
 */
const STATEMENT =
  /^(?:duration: [\d.]+ ms {2})?(?:statement: |execute (?:fetch from )?(?:[\s\S]*?: )?|fastpath function call: )/

/** pgaudit: class, command, object type, object name, statement, parameters (RFC 4180). Parameters are not kept. */
function readAudit(csv: string): LogMessage {
  const cells: string[] = []
  CELL.lastIndex = 0
  for (let match = CELL.exec(csv); match !== null && cells.length < 5; match = CELL.exec(csv)) {
    cells.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'))
  }
  const [type = '', command = '', objectType = '', object = '', sql = ''] = cells
  const about = [type, command, objectType, object].filter(Boolean).join(' ')
  return { kind: 'audit', about, sql, isOfPrepared: command === 'EXECUTE' }
}

const CELL = /(?:"((?:[^"]|"")*)"?|([^,]*))(?:,|$)/gy

export type LogMessage =
  | { readonly kind: 'statement'; readonly sql: string; readonly parameters: string }
  /** `isOfPrepared`: what is given to a prepared statement, and nothing tells what for. */
  | { readonly kind: 'audit'; readonly about: string; readonly sql: string; readonly isOfPrepared: boolean }
  | { readonly kind: 'error'; readonly state: string; readonly sql: string }
  | { readonly kind: 'began' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'refused-login' }
  /** Of a session, if there was one; a refused login otherwise. */
  | { readonly kind: 'died' }
  | { readonly kind: 'other' }
