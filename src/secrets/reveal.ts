import { createHash, randomBytes } from 'node:crypto'
import type { Db, Tx } from '../db/transaction.ts'

const TOKEN_BYTES = 32
const VALID_FOR_MS = 60_000
/** Long enough that a late click is told "expired" or "used" and not "unknown". */
const KEPT_MS = 24 * 60 * 60_000

/**
 * Makes a link's token: good for 60 seconds, once, for one identity and one grant. Only its hash is kept.
 * @returns the token, 43 characters that may stand in a URL
 */
export async function mintReveal(tx: Tx, { grant, identity, now }: MintReveal): Promise<string> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  await tx`delete from reveal where expires_at < ${now - KEPT_MS}`
  await tx`
    insert into reveal (token_hash, grant_id, identity_id, expires_at)
    values (${hashOf(token)}, ${grant}, ${identity}, ${now + VALID_FOR_MS})`
  return token
}

/** Looks, and burns nothing: for a GET, which scanners and link previews also send. */
export async function peekReveal(db: Db | Tx, token: string, now: number): Promise<RevealState> {
  const [row] = await db<{ used: boolean; expired: boolean }[]>`
    select used_at is not null as used, expires_at <= ${now} as expired
    from reveal where token_hash = ${hashOf(token)}`
  if (!row) return 'unknown'
  if (row.used) return 'used'
  return row.expired ? 'expired' : 'valid'
}

/**
 * Burns the token. Of any number of calls at once exactly one is let through, if its transaction commits.
 */
export async function takeReveal(tx: Tx, token: string, now: number): Promise<TakenReveal> {
  const [row] = await tx<{ grant: string; identity: string }[]>`
    update reveal set used_at = ${now}
    where token_hash = ${hashOf(token)} and used_at is null and expires_at > ${now}
    returning grant_id as grant, identity_id as identity`
  if (row) return { kind: 'taken', grant: row.grant, identity: row.identity }
  const state = await peekReveal(tx, token, now)
  return { kind: 'refused', code: state === 'valid' ? 'used' : state }
}

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')

export interface MintReveal {
  grant: string
  identity: string
  /** Epoch milliseconds. */
  now: number
}

export type RevealState = 'valid' | 'expired' | 'used' | 'unknown'

export type TakenReveal =
  | { readonly kind: 'taken'; readonly grant: string; readonly identity: string }
  | { readonly kind: 'refused'; readonly code: Exclude<RevealState, 'valid'> }
