import { ConnectorError, type ConnectorErrorCode } from '../../ports/connector.ts'

/**
 * Turns what the driver threw into a coded error. `sent`: the statement may have reached the server,
 * so a lost answer is `Indeterminate`; otherwise nothing happened and it is `Unreachable`.
 *
 * The driver's own error never leaves: it carries the parameters and the text of the statement.
 */
export function explainFailure(where: string, error: unknown, sent: boolean): ConnectorError {
  if (error instanceof ConnectorError) return error
  const { code = 'unknown', message } = factsOf(error)
  const cause = Object.assign(new Error(`${code}: ${message}`), { code })
  const fail = (to: ConnectorErrorCode, text: string, retryAfterMs?: number) =>
    new ConnectorError(to, `${where}: ${text}`, retryAfterMs === undefined ? { cause } : { cause, retryAfterMs })

  const known = REFUSALS[code]
  if (known) return fail(known, message)
  if (SET_UP_MISSING.has(code))
    return fail('PrivilegeMissing', `the set-up is missing or old (${message}). Run the set-up SQL.`)
  if (isBusy(code, message)) return fail('Throttled', `busy (${code}: ${message})`, BUSY_MS)
  if (code.startsWith('28'))
    return fail('PrivilegeMissing', `our login is refused (${message}). Check its password and pg_hba.conf.`)
  if (isLostAnswer(code)) {
    return sent
      ? fail('Indeterminate', `no answer (${code}). It may or may not have happened: look, then decide.`)
      : fail('Unreachable', `could not be reached (${code})`, 1_000)
  }
  return fail('Conflict', `refused (${code}: ${message})`)
}

/** True when the connection may be in any state and must not be used again. */
export function isConnectionLost(error: unknown): boolean {
  const { code = '' } = factsOf(error)
  return isLostAnswer(code) || code.startsWith('28')
}

/** Only the code and the server's one line of an error: the rest may repeat a statement. */
export function factsOf(error: unknown): { code?: string; message: string } {
  if (!(error instanceof Error)) return { message: 'unknown failure' }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return { ...(code && { code }), message: error.message }
}

/**
 * Rolled back, surely, and likely to pass: it met somebody's lock, or lacked room. `Conflict` would
 * give up for good, and `Unreachable` would call a target down that has just answered.
 */
function isBusy(code: string, message: string): boolean {
  return BUSY.has(code) || code.startsWith('53') || (code === 'XX000' && /^tuple concurrently /.test(message))
}

function isLostAnswer(code: string): boolean {
  // 57014 is a statement timeout: rolled back, but a look costs less than being wrong about that.
  return !SQLSTATE.test(code) || /^(08|57|58|XX)/.test(code)
}

/** Has a digit, which tells it from EPIPE. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/

/** Ours (set-up-target.sql) and PostgreSQL's. */
const REFUSALS: Readonly<Record<string, ConnectorErrorCode>> = {
  JIT01: 'Conflict',
  JIT02: 'PrivilegeMissing',
  JIT03: 'ForeignGrant',
  JIT04: 'Conflict',
  JIT05: 'SilentNoOp',
  JIT06: 'Conflict',
  JIT07: 'ForeignGrant',
  JIT08: 'PrivilegeExcessive',
  JIT09: 'NotFound',
  JIT10: 'DependentObjects',
  '42710': 'AlreadyExists',
  '42704': 'NotFound',
  '42501': 'PrivilegeMissing',
  '2BP01': 'DependentObjects',
}

/** Lock timeout, deadlock, serialization failure. */
const BUSY = new Set(['55P03', '40P01', '40001'])

const BUSY_MS = 1_000

const SET_UP_MISSING = new Set(['42883', '42P01', '3F000'])
