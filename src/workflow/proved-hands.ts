import type { Db, Tx } from '../db/transaction.ts'
import { type PasskeyEvent, passkeyStream } from '../domain/passkey-event.ts'
import { foldPasskeys, passkeysInUse } from '../domain/passkey-state.ts'
import type { ProvedHands } from '../domain/still-stands.ts'
import { readWitnessed } from '../record/read-witnessed.ts'
import type { RecordedEvent } from '../record/recorded-event.ts'
import { type Body, claimsPasskey, faultOfAssertion, type PlacedBody } from '../record/verify.ts'
import type { Context } from './context.ts'
import { readable } from './grant-store.ts'

/**
 * Which signatures of a grant a person gave with a passkey, checked as an offline verifier would: the assertion holds,
 * under a key that was enrolled before, in the record as the witnesses have it. A key that was taken back since proves
 * nothing any more: whoever lost it may not have been the one who signed. One that does not hold is named.
 * @param proved the grant's stream, proved
 * @throws what `readWitnessed` throws
 */
export async function provedHands(
  context: Context,
  id: string,
  proved: readonly RecordedEvent[],
): Promise<ProvedHands> {
  const claims = proved.filter(claimsPasskey)
  const hands = new Set<number>()
  for (const by of new Set(claims.map(({ data }) => String(data.by)))) {
    const { proved: keys, waiting } = await readWitnessed(context, context.db, passkeyStream(by))
    // One that was taken back counts no more from that moment on, not only once a witness has seen it.
    const inUse = passkeysInUse(
      foldPasskeys(
        by,
        [...keys, ...waiting].map((event) => readable<PasskeyEvent>(event)),
      ),
    )
    for (const claim of claims.filter(({ data }) => data.by === by)) {
      const fault = faultOfAssertion(placed(claim), [...proved, ...keys].map(placed))
      if (fault !== null) {
        context.alarm({ what: 'passkey-forged', detail: `${claim.stream} #${claim.seq} by ${by}: ${fault}`, grant: id })
      } else if (inUse.some(({ credential }) => credential === credentialOf(claim))) hands.add(claim.seq)
    }
  }
  return hands
}

/**
 * Whether a decision that is about to be recorded will hold for who verifies it later. @returns what is wrong, or null
 */
export async function faultOfDraft(
  context: Context,
  tx: Db | Tx,
  draft: Pick<Body, 'stream' | 'type' | 'data' | 'seq' | 'at'>,
): Promise<string | null> {
  const keys = await context.record.readStream(tx, passkeyStream(String(draft.data.by)))
  const own = await context.record.readStream(tx, draft.stream)
  const before = [...keys, ...own].map((event, leafIndex) => ({ ...event, leafIndex }))
  const event = { ...draft, v: 1, prev: null, leafIndex: before.length }
  return faultOfAssertion(event, [...before, event])
}

/** Proved events have places. */
function placed(event: RecordedEvent): PlacedBody {
  return { ...event, leafIndex: event.leafIndex ?? Number.MAX_SAFE_INTEGER }
}

function credentialOf({ data }: RecordedEvent): unknown {
  return (data.assertion as { readonly credential?: unknown } | undefined)?.credential
}
