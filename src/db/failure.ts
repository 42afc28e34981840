/**
 * What became of a write that failed.
 * `not-recorded`: certainly not written; the same may be tried again.
 * `unknown`: the commit was on its way; look the act up by its key.
 * `refused`: certainly not written, and trying the same again would fail the same way.
 */
export type FailureOutcome = 'not-recorded' | 'unknown' | 'refused'

/** The database, or the way to it, failed during a transaction. */
export class TransactionFailure extends Error {
  override readonly name = 'TransactionFailure'
  readonly code = 'transaction-failed'
  readonly outcome: Exclude<FailureOutcome, 'refused'>

  constructor(outcome: 'not-recorded' | 'unknown', options?: ErrorOptions) {
    super(
      outcome === 'unknown'
        ? 'The connection was lost while the database recorded this. Look it up before trying again.'
        : 'The database did not record this in time. Try again.',
      options,
    )
    this.outcome = outcome
  }
}

/** Judges any error of a write. Without knowing that a commit was not on its way, a lost connection is `unknown`. */
export function classifyFailure(error: unknown): FailureOutcome {
  if (error instanceof TransactionFailure) return error.outcome
  const code = codeOf(error)
  if (NEVER_CONNECTED.has(code) || SERVER_GAVE_UP.test(code)) return 'not-recorded'
  return isConnectionLoss(error) ? 'unknown' : 'refused'
}

/** Serialization failure or deadlock: the same transaction may well succeed now. */
export function isRetryable(error: unknown): boolean {
  return ['40001', '40P01'].includes(codeOf(error))
}

/** The connection ended under a statement, so its answer is missing. */
export function isConnectionLoss(error: unknown): boolean {
  return LOST.has(codeOf(error))
}

/** The database was not reached, or was lost: nothing in the statement is wrong. */
export function isConnectionFailure(error: unknown): boolean {
  return NEVER_CONNECTED.has(codeOf(error)) || isConnectionLoss(error)
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return String((error as { code?: unknown } | null | undefined)?.code ?? '')
}

/** No connection was made, so nothing was sent: refused, no such host, starting up, too many connections. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'CONNECT_TIMEOUT',
  'CONNECTION_ENDED',
  '57P03',
  '53300',
  '08001',
  '08004',
])

/** Lock not available, canceled (statement timeout), out of resources, read-only server, serialization, deadlock. */
const SERVER_GAVE_UP = /^(55P03|57014|53\d\d\d|25006|40001|40P01|40000|58\d\d\d)$/

/** Also when the server ends our session (57P01–57P05, 25P02–25P04): a commit may have been done before. */
const LOST = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  '57P01',
  '57P02',
  '57P04',
  '57P05',
  '25P03',
  '25P04',
  '08000',
  '08003',
  '08006',
  '08007',
])
