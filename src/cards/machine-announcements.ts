import { channelList } from '../domain/channels.ts'
import type { Placed } from '../domain/grant-event.ts'
import { type MachineEvent, machineStream } from '../domain/machine-event.ts'
import type { Policy } from '../domain/policy.ts'
import type { Card } from '../ports/chat.ts'
import { type Announcement, keyIn } from './announcement.ts'
import { code, type Names, person, text, time } from './text.ts'

/** A machine without an owner is said in the channel, and to those who hear what needs a person, until it has one. */
export function announceMachine(
  id: string,
  events: readonly Placed<MachineEvent>[],
  policy: Policy,
  names: Names,
): Announcement[] {
  return events.flatMap((event, place): Announcement[] => {
    if (event.type !== 'machine.orphaned') return []
    const key = `${machineStream(id)}:${event.seq}`
    const message = machineCard(id, event, events[place + 1] ?? null, policy, names)
    return [
      ...channelList(policy.channel).map((where): Announcement => {
        return { key: keyIn(where, `${key}:card`), to: { kind: 'channel', ...where }, message, priority: 1 }
      }),
      ...policy.escalateTo.map((identity): Announcement => {
        return { key: `${key}:${identity}`, to: { kind: 'person', identity }, message, priority: 1 }
      }),
    ]
  })
}

function machineCard(
  id: string,
  { data, at }: Placed<Extract<MachineEvent, { type: 'machine.orphaned' }>>,
  next: Placed<MachineEvent> | null,
  policy: Policy,
  names: Names,
): Card {
  const machine = policy.machines.find((one) => one.id === id) ?? null
  return {
    tone: next === null ? 'alarm' : 'done',
    title: `${machine?.name ?? id} ${next === null ? 'has' : 'had'} no owner: ${names(data.owner)} has left`,
    badge: next === null ? 'orphaned' : BADGES[next.type],
    facts: [
      { label: 'Machine', value: text(code(id), machine === null ? '' : `, ${machine.kind.replaceAll('-', ' ')}`) },
      ...(machine === null ? [] : [{ label: 'What it does', value: text(machine.description) }]),
      { label: 'Owner before', value: text(person(data.owner, names)) },
      { label: 'Orphaned', value: text(time(at, 'date-time')) },
      ...(next?.type === 'machine.owned' || next?.type === 'machine.orphaned'
        ? [{ label: 'Owner after', value: text(person(next.data.owner, names)) }]
        : []),
    ],
    body:
      next === null ? [text('Name another owner under ', code('machines'), ' in the policy, and activate it.')] : [],
    buttons: [],
    footer: [],
  }
}

const BADGES: Readonly<Record<MachineEvent['type'], string>> = {
  'machine.owned': 'owned again',
  'machine.unlisted': 'out of the policy',
  'machine.orphaned': 'orphaned again',
}
