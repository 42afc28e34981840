import { hash } from 'node:crypto'
import type { Passkey } from '../domain/passkey-event.ts'
import { type EnrolledPasskey, type PasskeyState, passkeysInUse } from '../domain/passkey-state.ts'
import type { Card, Line, Text } from '../ports/chat.ts'
import { code, joined, line, type Names, person, strong, text, time } from './text.ts'

/**
 * Ten signs of SHA-256 of the public key, to compare by voice: `7K3QF-2M9XA`. To make another key with the same mark
 * takes 2^50 tries.
 */
export function markOf({ publicKey }: Pick<Passkey, 'publicKey'>): string {
  const digest = hash('sha256', JSON.stringify(Object.entries(publicKey).sort()), 'buffer')
  const signs = Array.from(digest.subarray(0, 10), (byte) => ALPHABET[byte % ALPHABET.length])
  return `${signs.slice(0, 5).join('')}-${signs.slice(5).join('')}`
}

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

export function kindWord({ flags }: Pick<Passkey, 'flags'>): string {
  if (flags.bs) return 'synced over its owner’s devices'
  return flags.be ? 'may be synced' : 'of one device'
}

/** What the owner reads on the page, right after the browser made it. */
export function offeredLine({ offer }: PasskeyState, names: Names): Line {
  const who = (offer?.confirmers ?? []).map(({ id }) => person(id, names))
  return line(
    ...(['waiting', strong('Made.'), ' It counts as soon as '] as const),
    ...[...joined(who, ' or '), ' confirms that it is yours. They will ask you for this mark: '],
    ...[strong(offer === null ? '' : markOf(offer.passkey)), '.'],
  )
}

export function decidedLine(owner: string, what: 'confirm' | 'decline', names: Names): Line {
  return what === 'confirm'
    ? line('done', strong('Confirmed.'), ' Approvals of ', person(owner, names), ' can be signed with it from now on.')
    : line('info', strong('Declined.'), ' This passkey counts for nothing. ', person(owner, names), ' is told.')
}

export function resetLine(owner: string, by: string, names: Names): Line {
  const whose = owner === by ? ['Your passkeys'] : ['The passkeys of ', person(owner, names)]
  return line(
    ...(['done', strong('Taken back.'), ' ', ...whose, ' sign nothing any more. To begin anew: '] as const),
    ...[code('/access passkey new'), ', and a second person confirms it, as at first.'],
  )
}

/** `/access passkey list`. @param reader whose own come first */
export function passkeyListCard(states: readonly PasskeyState[], reader: string, now: number, names: Names): Card {
  const body = states.flatMap((state) => [
    ...passkeysInUse(state).map((one) => enrolledText(state.identity, one, names)),
    ...waitingTexts(state, now, names),
  ])
  const own = states.find(({ identity }) => identity === reader)
  const hint =
    own !== undefined && passkeysInUse(own).length === 0
      ? [text('You have none that counts. ', code('/access passkey new'), ' makes one.')]
      : [text(code('/access passkey new'), ' adds one, ', code('/access passkey reset'), ' takes all of yours back.')]
  return {
    ...{ tone: 'info', title: 'Passkeys', badge: null, facts: [], buttons: [], footer: [] },
    body: [...body, ...hint],
  }
}

function enrolledText(identity: string, one: EnrolledPasskey, names: Names): Text {
  return text(
    ...[person(identity, names), ': ', code(markOf(one)), `, ${kindWord(one)}, for ${one.rpId}, since `],
    ...[time(one.enrolledAt, 'date-time'), ', confirmed by ', person(one.enrolledBy, names)],
  )
}

function waitingTexts({ identity, offer }: PasskeyState, now: number, names: Names): Text[] {
  if (offer === null || now >= offer.pendingUntil) return []
  const who = offer.confirmers.map(({ id }) => person(id, names))
  return [text(person(identity, names), ': ', code(markOf(offer.passkey)), ' waits for ', ...joined(who, ' or '))]
}
