import type { LogLine } from './parse-log-line.ts'

/**
 * What a line of the log tells. Accounts of ours log in English, whatever the server speaks: see jit.provision.
 * @param raised whether it stands beside a statement: then a person had it written
 */
export function readLogMessage(line: LogLine, raised: boolean): LogMessage {
  const { message, severity, state, detail, statement } = line
  if (severity === 'FATAL' || severity === 'PANIC') {
    // Class 28 and what else keeps a client from getting in; a session that is ended says 57P01.
    return state?.startsWith('57') ? { kind: 'other' } : { kind: 'refused-login' }
  }
  if (severity === 'ERROR') return { kind: 'error', state: state ?? 'XX000', sql: statement }
  if (severity !== 'LOG' || raised) return { kind: 'other' }
  const audit = /^AUDIT: (?:SESSION|OBJECT),\d+,\d+,/.exec(message)
  if (audit !== null) return readAudit(message.slice(audit[0].length))
  const sql = STATEMENT.exec(message)
  if (sql !== null) return { kind: 'statement', sql: message.slice(sql[0].length), parameters: detail }
  if (message.startsWith('connection authorized: ')) return { kind: 'began' }
  if (message.startsWith('disconnection: ')) return { kind: 'ended' }
  return { kind: 'other' }
}

/** Simple and extended protocol, functions called by number; with a time where log_duration or its like is on. */
const STATEMENT =
  /^(?:duration: [\d.]+ ms {2})?(?:statement: |execute (?:fetch from )?(?:<unnamed>|[^\n:]{1,200}): |fastpath function call: )/

/** pgaudit: class, command, object type, object name, statement, parameters (RFC 4180). Parameters are not kept. */
function readAudit(csv: string): LogMessage {
  const cells: string[] = []
  CELL.lastIndex = 0
  for (let match = CELL.exec(csv); match !== null && cells.length < 5; match = CELL.exec(csv)) {
    cells.push(match[1] === undefined ? (match[2] ?? '') : match[1].replaceAll('""', '"'))
  }
  const [type = '', command = '', objectType = '', object = '', sql = ''] = cells
  return { kind: 'audit', about: [type, command, objectType, object].filter(Boolean).join(' '), sql }
}

const CELL = /(?:"((?:[^"]|"")*)"?|([^,]*))(?:,|$)/gy

export type LogMessage =
  | { readonly kind: 'statement'; readonly sql: string; readonly parameters: string }
  | { readonly kind: 'audit'; readonly about: string; readonly sql: string }
  | { readonly kind: 'error'; readonly state: string; readonly sql: string }
  | { readonly kind: 'began' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'refused-login' }
  | { readonly kind: 'other' }
