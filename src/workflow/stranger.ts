import { createHash } from 'node:crypto'
import type { Account } from '../ports/chat.ts'

/** A stranger has no identity: their stream is named by a hash of the account, so that it can be found and says nothing. */
export function strangerStream(account: Account): string {
  return `stranger:${strangerOf(account)}`
}

export function strangerOf({ platform, tenant, id }: Account): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([platform, tenant, id]))
    .digest('hex')
  return digest.slice(0, 32)
}
