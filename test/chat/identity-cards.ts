import type { CardContext } from '../../src/cards/grant-card.ts'
import { linkCard } from '../../src/cards/link-card.ts'
import { announceMachine } from '../../src/cards/machine-announcements.ts'
import { announcePasskeys } from '../../src/cards/passkey-announcements.ts'
import { offeredLine, passkeyListCard } from '../../src/cards/passkey-lines.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import type { Placed } from '../../src/domain/grant-event.ts'
import type { MachineEvent } from '../../src/domain/machine-event.ts'
import type { PasskeyEvent } from '../../src/domain/passkey-event.ts'
import { foldPasskeys } from '../../src/domain/passkey-state.ts'
import type { Card, Line } from '../../src/ports/chat.ts'
import { testPolicy } from '../support/policy.ts'

const policy = testPolicy({
  machines: [
    {
      ...{ id: 'ledger-export', name: 'Ledger export', kind: 'vendor-integration', owner: 'marcus' },
      description: 'Copies the <ledger> & *everything* beside it to the warehouse of the parent company each night',
    },
  ],
})
const names = (id: string) => policy.people.find((one) => one.id === id)?.name ?? id
const context: CardContext = { names, titleOf: () => 'Engineering manager', target: () => null, escalateTo: ['carla'] }

/** The cards of people, their passkeys, accounts and machines, in the states that people see, as the record makes them. */
export function identityCards(at: number): Card[] {
  // Several persons get the same one.
  return uniqueOf(messages(at)).filter((message): message is Card => 'title' in message)
}

/** Their lines: what the owner of a passkey hears. */
export function identityLines(at: number): Line[] {
  return uniqueOf(messages(at)).filter((message): message is Line => !('title' in message))
}

function uniqueOf(messages: Iterable<Card | Line>): (Card | Line)[] {
  return [...new Map([...messages].map((message) => [JSON.stringify(message), message])).values()]
}

function* messages(at: number): Iterable<Card | Line> {
  const [offered, ...ends] = passkeyEvents(at)
  const told = (events: readonly Placed<PasskeyEvent>[]) =>
    announcePasskeys('marcus', events, context).map(({ message }) => message)
  yield* told([offered])
  for (const end of ends) yield* told([offered, end])
  const [enrolled] = ends
  if (enrolled !== undefined) {
    const states = [foldPasskeys('marcus', [offered, enrolled]), foldPasskeys('olga', [offered])]
    yield passkeyListCard(states, 'marcus', at, names)
  }
  yield offeredLine(foldPasskeys('marcus', [offered]), names)
  yield* linkCards(at)
  const [orphaned, owned] = machineEvents(at)
  yield* announceMachine('ledger-export', [orphaned], policy, names).map(({ message }) => message)
  yield* announceMachine('ledger-export', [orphaned, owned], policy, names).map(({ message }) => message)
}

function passkeyEvents(at: number): [Placed<PasskeyEvent>, ...Placed<PasskeyEvent>[]] {
  const passkey = {
    ...{ credential: 'AAAA', publicKey: { kty: 'EC', x: 'x', y: 'y' }, rpId: 'access.acme.example' },
    ...{ flags: { be: true, bs: true }, aaguid: '', transports: [] },
  }
  const confirmers = [
    { id: 'olga', as: ['manager'] },
    { id: 'carla', as: ['compliance'] },
  ]
  const second = { by: 'carla', as: ['compliance'], offer: 1, policy: 'p', assurance: 'click-only' } as const
  return [
    {
      ...{ type: 'passkey.offered', seq: 1, at },
      data: { by: 'marcus', passkey, confirmers, pendingUntil: at + HOUR, policy: 'p' },
    },
    { type: 'passkey.enrolled', seq: 2, at: at + MINUTE, data: { ...second, passkey } },
    { type: 'passkey.declined', seq: 2, at: at + MINUTE, data: second },
    {
      ...{ type: 'passkey.revoked', seq: 2, at: at + MINUTE },
      data: { by: 'olga', as: ['manager'], passkeys: ['AAAA'], policy: 'p' },
    },
  ]
}

function linkCards(at: number): Card[] {
  const [slack, teams] = [
    { platform: 'slack', tenant: 'T0ACME', account: 'U0MARCUS00' },
    { platform: 'teams', tenant: 'a tenant', account: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee' },
  ]
  const facts = {
    expiresAt: at + 10 * MINUTE,
    accounts: [slack, teams].map(({ platform, tenant, account }) => ({ platform, tenant, id: account })),
    links: [{ ...teams, proof: { how: 'object-id' } as const }],
  }
  return [
    linkCard({ ...facts, code: '7K3QF2M9', assurance: null }),
    linkCard({ ...facts, code: null, assurance: 'IAL2' }),
  ]
}

function machineEvents(at: number): [Placed<MachineEvent>, Placed<MachineEvent>] {
  return [
    { type: 'machine.orphaned', seq: 1, at, data: { owner: 'marcus', policy: 'p' } },
    {
      type: 'machine.owned',
      seq: 2,
      at: at + HOUR,
      data: { owner: 'olga', before: 'marcus', policy: 'q', by: 'carla' },
    },
  ]
}
