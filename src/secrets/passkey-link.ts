import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Db, Tx } from '../db/transaction.ts'
import type { RevealState } from './reveal.ts'
import { SealError, type Sealing } from './sealing.ts'

/** Time to find the other device. */
export const PASSKEY_LINK_MS = 5 * 60_000
/** Long enough that a late click is told "expired" or "used" and not "unknown". */
const KEPT_MS = 24 * 60 * 60_000
const PURPOSE = 'passkey'

/** What a link is for, and for whom: sealed into the token, so that nobody gets or turns one by writing rows. */
export interface PasskeyTicket {
  readonly kind: 'decision' | 'enrolment'
  /** SHA-256 of the inputs, base64. What the passkey signs. */
  readonly challenge: string
  /** The account that pressed the button: who it is, is asked again when the link is used. */
  readonly account: { readonly platform: string; readonly tenant: string; readonly id: string }
  /** Epoch milliseconds. */
  readonly expiresAt: number
}

/** Makes a link's token, good for five minutes and once. @returns at most 500 characters that may stand in a URL */
export async function mintPasskeyLink(
  tx: Tx,
  sealing: Sealing,
  ticket: PasskeyTicket,
  inputs: string,
  now: number,
): Promise<string> {
  const { kind, challenge, account, expiresAt } = ticket
  const facts = [kind, challenge, account.platform, account.tenant, account.id, expiresAt]
  const token = sealing.seal(JSON.stringify(facts), PURPOSE).toString('base64url')
  await tx`delete from passkey_link where expires_at < ${now - KEPT_MS}`
  await tx`
    insert into passkey_link (token_hash, inputs, expires_at) values (${hashOf(token)}, ${inputs}, ${expiresAt})`
  return token
}

/** What a token says. @returns null when we did not make it */
export function openPasskeyToken(sealing: Sealing, token: string): PasskeyTicket | null {
  try {
    const text = sealing.open(Buffer.from(token, 'base64url'), PURPOSE)
    const [kind, challenge, platform, tenant, id, expiresAt] = factsSchema.parse(JSON.parse(text))
    return { kind, challenge, account: { platform, tenant, id }, expiresAt }
  } catch (error) {
    if (error instanceof SealError) return null
    throw error
  }
}

/** Looks, and burns nothing: for a GET, which scanners and link previews also send. */
export async function peekPasskeyLink(
  db: Db | Tx,
  token: string,
  ticket: PasskeyTicket,
  now: number,
): Promise<{ readonly state: RevealState; readonly inputs: string | null }> {
  const [row] = await db<{ used: boolean; inputs: string }[]>`
    select used_at is not null as used, inputs from passkey_link where token_hash = ${hashOf(token)}`
  if (row === undefined || !isOf(ticket, row.inputs)) return { state: 'unknown', inputs: null }
  const state = row.used ? 'used' : ticket.expiresAt <= now ? 'expired' : 'valid'
  return { state, inputs: row.inputs }
}

/** Burns the token, whatever then comes of it. Of any number of calls one is let through, if its transaction commits. */
export async function takePasskeyLink(
  tx: Tx,
  token: string,
  ticket: PasskeyTicket,
  now: number,
): Promise<
  | { readonly kind: 'taken'; readonly inputs: string }
  | { readonly kind: 'refused'; readonly code: Exclude<RevealState, 'valid'> }
> {
  if (ticket.expiresAt > now) {
    const [row] = await tx<{ inputs: string }[]>`
      update passkey_link set used_at = ${now} where token_hash = ${hashOf(token)} and used_at is null returning inputs`
    if (row !== undefined && isOf(ticket, row.inputs)) return { kind: 'taken', inputs: row.inputs }
  }
  const { state } = await peekPasskeyLink(tx, token, ticket, now)
  return { kind: 'refused', code: state === 'valid' ? 'used' : state }
}

/** A row that somebody changed is of another challenge than the token. */
function isOf({ challenge }: PasskeyTicket, inputs: string): boolean {
  return createHash('sha256').update(inputs, 'utf8').digest('base64') === challenge
}

const factsSchema = z.tuple([
  z.enum(['decision', 'enrolment']),
  ...([z.string(), z.string(), z.string(), z.string(), z.number()] as const),
])

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex')
