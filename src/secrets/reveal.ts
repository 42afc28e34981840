import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Db, Tx } from '../db/transaction.ts'
import { SealError, type Sealing } from './sealing.ts'

const VALID_FOR_MS = 60_000
/** Long enough that a late click is told "expired" or "used" and not "unknown". */
const KEPT_MS = 24 * 60 * 60_000

/** What a link leads to: how to connect, evidence, or a digest. One is never good for the other. */
export type LinkPurpose = 'reveal' | 'evidence' | 'digest'

/**
 * Makes a link's token: good for 60 seconds, once, for one identity and one grant. They are sealed into
 * the token itself: the row of its hash says only whether it was used, so that nobody gets a link by
 * writing rows.
 * @returns the token, at most 400 characters that may stand in a URL
 */
export async function mintReveal(
  tx: Tx,
  sealing: Sealing,
  purpose: LinkPurpose,
  { grant, identity, now }: MintReveal,
): Promise<string> {
  const expiresAt = now + VALID_FOR_MS
  const token = sealing.seal(JSON.stringify([grant, identity, expiresAt]), purpose).toString('base64url')
  await tx`delete from reveal where expires_at < ${now - KEPT_MS}`
  await tx`
    insert into reveal (token_hash, grant_id, identity_id, expires_at)
    values (${hashOf(token)}, ${grant}, ${identity}, ${expiresAt})`
  return token
}

/** Looks, and burns nothing: for a GET, which scanners and link previews also send. */
export async function peekReveal(
  db: Db | Tx,
  sealing: Sealing,
  purpose: LinkPurpose,
  token: string,
  now: number,
): Promise<RevealState> {
  const facts = openToken(sealing, purpose, token)
  const [row] = await db<{ used: boolean }[]>`
    select used_at is not null as used from reveal where token_hash = ${hashOf(token)}`
  if (facts === null || !row) return 'unknown'
  if (row.used) return 'used'
  return facts.expiresAt <= now ? 'expired' : 'valid'
}

/**
 * Burns the token. Of any number of calls at once exactly one is let through, if its transaction commits.
 */
export async function takeReveal(
  tx: Tx,
  sealing: Sealing,
  purpose: LinkPurpose,
  token: string,
  now: number,
): Promise<TakenReveal> {
  const facts = openToken(sealing, purpose, token)
  if (facts !== null && facts.expiresAt > now) {
    const taken = await tx`
      update reveal set used_at = ${now} where token_hash = ${hashOf(token)} and used_at is null returning 1`
    if (taken.length > 0) return { kind: 'taken', grant: facts.grant, identity: facts.identity }
  }
  const state = await peekReveal(tx, sealing, purpose, token, now)
  return { kind: 'refused', code: state === 'valid' ? 'used' : state }
}

/** Null when we did not make it. */
function openToken(
  sealing: Sealing,
  purpose: LinkPurpose,
  token: string,
): { grant: string; identity: string; expiresAt: number } | null {
  try {
    const text = sealing.open(Buffer.from(token, 'base64url'), purpose)
    const [grant, identity, expiresAt] = factsSchema.parse(JSON.parse(text))
    return { grant, identity, expiresAt }
  } catch (error) {
    if (error instanceof SealError) return null
    throw error
  }
}

const factsSchema = z.tuple([z.string(), z.string(), z.number()])

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
