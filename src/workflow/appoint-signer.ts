import { inTransaction } from '../db/in-transaction.ts'
import type { KeyFact } from '../domain/house-event.ts'
import { type Signer, signCheckpoint } from '../record/signer.ts'
import { EMPTY_ROOT, KEYS_STREAM } from '../record/verify.ts'
import type { Witnessed } from '../record/witnessed.ts'
import { NamedActRefused, type NamedSurroundings, performNamed } from './named-act.ts'

/**
 * A named person lets the next key sign the log. The event says which key follows; the sealer signs the checkpoint at which it
 * stands with both, and goes on with the new one. Called again after a crash it finds that it is done, or does it.
 * @param around.sealed resolves when an event is inside a witnessed checkpoint, or rejects when the signal aborts
 * @throws NamedActRefused, and what the next signer throws when it does not sign
 */
export async function appointSigner(around: AppointSurroundings, by: string): Promise<Appointed> {
  const { db, record, witnessed, clock, committed, signer, nextSigner: next, sealed } = around
  return performNamed(around, { by, act: 'change the signing key' }, async () => {
    if (next === null) throw new NamedActRefused('no-next-signer', NO_NEXT)
    const inForce = (await witnessed.keys()).keys.at(-1)
    if (inForce?.vkey === next.vkey) return { vkey: next.vkey, from: inForce.from, isNew: false }
    if (inForce?.vkey !== signer.vkey) {
      throw new NamedActRefused('not-in-force', `${inForce?.vkey} signs the log, and is not the key of this process`)
    }
    // A key that does not sign must not be waited for: nothing could be sealed meanwhile.
    await signCheckpoint(next, { size: 0, root: EMPTY_ROOT })
    const fact: KeyFact = { type: 'record.signer-appointed', data: { by, from: signer.vkey, to: next.vkey } }
    const [event] = await inTransaction(db, { timeoutMs: 10_000 }, (tx) =>
      record.append(tx, KEYS_STREAM, null, [fact], clock.now()),
    )
    committed()
    await sealed(KEYS_STREAM, event?.seq ?? 0, AbortSignal.timeout(PATIENCE_MS)).catch(() => {
      throw new NamedActRefused('not-sealed', NOT_SEALED)
    })
    const after = (await witnessed.keys()).keys.at(-1)
    if (after?.vkey !== next.vkey) throw new NamedActRefused('no-effect', NO_EFFECT)
    return { vkey: next.vkey, from: after.from, isNew: true }
  })
}

const PATIENCE_MS = 60_000
const NO_NEXT =
  'There is no next key. Set NEXT_SIGNING_KEY_FILE, or NEXT_SIGNER, for every process and here, restart the processes one by one, and call this again'
const NOT_SEALED =
  'It is recorded, but not yet in a checkpoint that every witness has. Look at /readyz of the running processes, and call this again'
const NO_EFFECT =
  'It was sealed by a process that does not have the next key, so nothing has changed. Give it to every process, restart them one by one, and call this again'

interface AppointSurroundings extends NamedSurroundings {
  readonly witnessed: Witnessed
  readonly signer: Signer
  readonly nextSigner: Signer | null
  readonly sealed: (stream: string, seq: number, signal: AbortSignal) => Promise<void>
}

interface Appointed {
  readonly vkey: string
  /** The size from which on it signs. */
  readonly from: number
  /** False when it had been done before. */
  readonly isNew: boolean
}
