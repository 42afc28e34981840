import { isConnectionFailure } from '../db/failure.ts'
import { KeyMissing } from '../open-keys.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { TreeDamaged } from '../record/tiles.ts'
import { BucketFailed } from '../witness/bucket.ts'

/** An error in words for whoever typed the command: what is wrong, and what to do. */
export function explainFailure(error: unknown): string {
  if (isConnectionFailure(error)) {
    return `The database cannot be reached (${codeOf(error)}). Check that it runs, and where DATABASE_URL points`
  }
  const code = codeOf(error)
  if (code.startsWith('28')) return `The database lets nobody in: ${messageOf(error)}. Check the login in DATABASE_URL`
  if (code === '42501') {
    return `The database refuses this login: ${messageOf(error)}. Use the DATABASE_URL of the running processes`
  }
  if (error instanceof RecordTampered || error instanceof TreeDamaged) {
    return `${messageOf(error)}. Run verify --log: it names all that differs, and since when`
  }
  if (error instanceof KeyMissing) {
    return `${messageOf(error)}. Look where DATA_DIR and the variables of the key files point: keys are made by whoever starts Countersign, not here`
  }
  if (error instanceof BucketFailed) {
    const where = 'its name, region and endpoint, and the credentials that the AWS SDK finds here (docs/witnesses.md)'
    return `${messageOf(error)}. Check ${where}`
  }
  return messageOf(error)
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const message = error.message === '' ? codeOf(error) : error.message
  const { cause } = error
  const isSaid = !(cause instanceof Error) || message.includes(codeOf(cause)) || message.includes(cause.message)
  return isSaid ? message : `${message}: ${cause.message}`
}

function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  const { code } = (error ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : 'no code'
}
