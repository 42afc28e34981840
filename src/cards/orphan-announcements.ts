import { channelList } from '../domain/channels.ts'
import type { Placed } from '../domain/grant-event.ts'
import { type OrphanFact, type OrphanReason, orphanStream } from '../domain/orphan-event.ts'
import type { Policy } from '../domain/policy.ts'
import type { Card } from '../ports/chat.ts'
import { type Announcement, keyIn } from './announcement.ts'
import { code, text, time } from './text.ts'

/**
 * An access that no live grant explains is said in the channel of its target, and to those who hear what needs a
 * person: somebody restored, or changed, the record.
 * @param id of the grant that the access names
 */
export function announceOrphan(id: string, events: readonly Placed<OrphanFact>[], policy: Policy): Announcement[] {
  return events.flatMap((event, place): Announcement[] => {
    if (event.type !== 'orphan.found') return []
    const next = events[place + 1]
    const gone = next?.type === 'orphan.removed' ? next : null
    const key = `${orphanStream(id)}:${event.seq}`
    const message = orphanCard(id, event, gone)
    const channels = channelList(policy.targets[event.data.target]?.channel ?? policy.channel)
    return [
      ...channels.map(
        (where): Announcement => ({
          ...{ key: keyIn(where, `${key}:card`), to: { kind: 'channel', ...where }, message, priority: 1 },
        }),
      ),
      ...policy.escalateTo.map(
        (identity): Announcement => ({
          key: `${key}:${identity}`,
          to: { kind: 'person', identity },
          message,
          priority: 1,
        }),
      ),
    ]
  })
}

function orphanCard(
  id: string,
  { data, at }: Placed<Extract<OrphanFact, { type: 'orphan.found' }>>,
  gone: Placed<Extract<OrphanFact, { type: 'orphan.removed' }>> | null,
): Card {
  const left = gone?.data.left ?? []
  const proof =
    gone === null
      ? 'not yet: it is tried until it is gone'
      : ['looked, and it was gone at ', time(gone.at, 'time-seconds')]
  return {
    tone: gone === null ? 'alarm' : 'done',
    title: `An access to ${data.target} that nothing on record explains`,
    badge: gone === null ? 'being taken away' : 'taken away',
    facts: [
      { label: 'Account', value: text(code(data.account), ` with ${data.grants.join(', ') || 'nothing'}`) },
      { label: 'Names', value: text(code(id)) },
      { label: 'Why', value: text(whyWord(data.why)) },
      { label: 'Found', value: text(time(at, 'date-time')) },
      { label: 'Proof', value: text(...[proof].flat()) },
      ...(left.length === 0 ? [] : [{ label: 'Left behind', value: text(left.map(({ kind }) => kind).join(', ')) }]),
    ],
    body: [
      text('Somebody restored or changed the record. ', code('verify --log'), ' says what differs.'),
      text('Who finds out why, and by when, stands in the finding about ', code(id), ': ', code('/access findings')),
    ],
    buttons: [],
    footer: [],
  }
}

function whyWord(why: OrphanReason): string {
  switch (why) {
    case 'not-on-record':
      return 'the record knows nothing of it'
    case 'already-ended':
      return 'the record says that it was seen gone'
    case 'never-provided':
      return 'the record says that it was never made'
    case 'record-tampered':
      return 'its record was changed'
    case 'overdue':
      return 'its end is past and could not be recorded'
    case 'record-unreadable':
      return 'its end in the target is past, and the record cannot be asked'
    default:
      return why satisfies never
  }
}
