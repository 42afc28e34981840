import type { Approver, Placed } from './grant-event.ts'
import type { Passkey, PasskeyEvent } from './passkey-event.ts'

/** What the events of one person's passkeys add up to. Only `foldPasskeys` makes one. */
export interface PasskeyState {
  readonly identity: string
  readonly seq: number
  /** What waits for a second person; a newer one takes its place. */
  readonly offer: Offer | null
  readonly passkeys: readonly EnrolledPasskey[]
}

export interface Offer {
  readonly seq: number
  readonly at: number
  readonly passkey: Passkey
  readonly confirmers: readonly Approver[]
  readonly pendingUntil: number
}

export interface EnrolledPasskey extends Passkey {
  readonly enrolledAt: number
  readonly enrolledBy: string
  readonly revokedAt: number | null
}

export function foldPasskeys(identity: string, events: Iterable<Placed<PasskeyEvent>>): PasskeyState {
  let state: PasskeyState = { identity, seq: 0, offer: null, passkeys: [] }
  for (const event of events) state = { ...state, ...change(state, event), seq: event.seq }
  return state
}

function change(state: PasskeyState, event: Placed<PasskeyEvent>): Partial<PasskeyState> {
  const { at, seq } = event
  switch (event.type) {
    case 'passkey.offered': {
      const { passkey, confirmers, pendingUntil } = event.data
      return { offer: { seq, at, passkey, confirmers, pendingUntil } }
    }
    case 'passkey.enrolled': {
      const enrolled = { ...event.data.passkey, enrolledAt: at, enrolledBy: event.data.by, revokedAt: null }
      return { offer: null, passkeys: [...state.passkeys, enrolled] }
    }
    case 'passkey.declined':
      return { offer: null }
    case 'passkey.revoked': {
      const gone = event.data.passkeys
      const passkeys = state.passkeys.map((one) =>
        gone.includes(one.credential) && one.revokedAt === null ? { ...one, revokedAt: at } : one,
      )
      return { offer: null, passkeys }
    }
    case 'act.refused':
      return {}
    default:
      throw new UnknownPasskeyEvent(state.identity, event satisfies never)
  }
}

/** Those that may sign. */
export function passkeysInUse({ passkeys }: PasskeyState): EnrolledPasskey[] {
  return passkeys.filter(({ revokedAt }) => revokedAt === null)
}

/** A newer version wrote it: this process leaves the stream to those that know. */
export class UnknownPasskeyEvent extends Error {
  readonly code = 'UNKNOWN_PASSKEY_EVENT'
  override name = 'UnknownPasskeyEvent'
  constructor(identity: string, event: { readonly type: string }) {
    super(`The passkeys of ${identity} have an event ${event.type}, which this version does not know`)
  }
}
