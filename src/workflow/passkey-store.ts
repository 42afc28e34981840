import type { Db, Tx } from '../db/transaction.ts'
import { confirmersOf } from '../domain/decide-passkey.ts'
import type { Approver, Placed } from '../domain/grant-event.ts'
import { type PasskeyEvent, passkeyStream } from '../domain/passkey-event.ts'
import { foldPasskeys, type PasskeyState, passkeysInUse } from '../domain/passkey-state.ts'
import type { Policy } from '../domain/policy.ts'
import type { Identity } from '../ports/directory.ts'
import { canonicalJson, challengeOf } from '../record/verify.ts'
import type { Context } from './context.ts'
import { readable, toDraft } from './grant-store.ts'

export interface LoadedPasskeys {
  readonly state: PasskeyState
  readonly events: readonly Placed<PasskeyEvent>[]
}

/** A person's passkeys, read from the record and never from the state table. */
export async function loadPasskeys(context: Context, db: Db | Tx, identity: string): Promise<LoadedPasskeys> {
  const recorded = await context.record.readStream(db, passkeyStream(identity))
  const events = recorded.map((event) => readable<PasskeyEvent>(event))
  return { state: foldPasskeys(identity, events), events }
}

/**
 * Whoever signs with a passkey and whoever takes it away do it one after the other, so that the record tells which came
 * first. Taken after the lock of a grant's holder, and before anything is appended.
 */
export async function lockPasskeys(tx: Tx, identity: string): Promise<void> {
  await tx`
    insert into identity_lock (id) values (${passkeyStream(identity)}) on conflict (id) do update set id = excluded.id`
}

/** Events, state rows and what people hear of it, in the caller's transaction. */
export async function appendToPasskeys(
  context: Context,
  tx: Tx,
  { state, events }: LoadedPasskeys,
  facts: readonly PasskeyEvent[],
  now: number,
): Promise<PasskeyState> {
  const stream = passkeyStream(state.identity)
  await context.record.append(tx, stream, state.seq, facts.map(toDraft), now)
  const placed = facts.map((fact, index): Placed<PasskeyEvent> => ({ ...fact, seq: state.seq + index + 1, at: now }))
  const after = foldPasskeys(state.identity, [...events, ...placed])
  const inUse = passkeysInUse(after)
  const rows = after.passkeys.map((one) => ({
    ...{ credential: one.credential, identity: after.identity, enrolled: one.enrolledAt },
    status: inUse.includes(one) ? 'enrolled' : 'revoked',
  }))
  await tx`
    insert into passkey_state (credential, identity, status, enrolled_at)
    select credential, identity, status, enrolled
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as state (
      credential text, identity text, status text, enrolled bigint
    )
    order by credential
    on conflict (credential) do update set status = excluded.status where passkey_state.identity = excluded.identity`
  await context.enqueue(tx, { kind: 'announce', stream })
  return after
}

/** Whose it was ever, by the table. @returns null for one that nobody enrolled */
export async function ownerOf(db: Db | Tx, credential: string): Promise<string | null> {
  const [row] = await db<{ identity: string }[]>`
    select identity from passkey_state where credential = ${credential}`
  return row?.identity ?? null
}

/** Who may say of this person's passkey that it is theirs, by the policy and the directory of now. */
export async function confirmersFor(context: Context, policy: Policy, owner: Identity): Promise<Approver[]> {
  const ids = new Set([...(owner.manager === null ? [] : [owner.manager]), ...policy.compliance])
  const active = new Set<string>()
  for (const id of ids) if ((await context.directory.byId(id))?.status === 'active') active.add(id)
  return confirmersOf(owner, policy, active)
}

/** What a link's challenge is made of, and the challenge, base64. */
export function toChallenge(inputs: object): { readonly inputs: string; readonly challenge: string } {
  const challenge = challengeOf(inputs as Parameters<typeof challengeOf>[0]).toString('base64')
  return { inputs: canonicalJson(inputs), challenge }
}
