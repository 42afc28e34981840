import type { CheckpointEvent } from '../domain/checkpoint-event.ts'
import { counted } from '../domain/counted.ts'
import type { Placed } from '../domain/grant-event.ts'
import type { Card } from '../ports/chat.ts'
import { type Announcement, keyIn } from './announcement.ts'
import { code, text, time } from './text.ts'

/** Enough to compare by eye; the note below has all of it. */
const SHORT_ROOT = 12

/** One checkpoint in each of its channels, for whoever wants to keep it. */
export function announceCheckpoints(stream: string, events: readonly Placed<CheckpointEvent>[]): Announcement[] {
  return events.flatMap(({ data }) =>
    data.announcedIn.map((where): Announcement => {
      const key = keyIn(where, `${stream}:card`)
      return { key, to: { kind: 'channel', ...where }, message: checkpointCard(data), priority: 3 }
    }),
  )
}

/** A phone breaks no long word. */
function inGroups(hex: string): string {
  return hex.replaceAll(/.{16}(?!$)/g, '$& ')
}

function checkpointCard({ size, root, note, fingerprint, since, week }: CheckpointEvent['data']): Card {
  const added =
    since === null
      ? text('all of them: the first checkpoint that is told here')
      : text(`${counted(size - since.size, 'event')} since `, time(since.at, 'date-time'))
  return {
    tone: 'info',
    title: `Checkpoint of the record: ${counted(size, 'event')}`,
    badge: 'notice',
    facts: [
      { label: 'New', value: added },
      ...(week === null ? [] : [{ label: 'With', value: text(`the digest of ${week}`) }]),
      { label: 'Root', value: text(code(`${root.slice(0, SHORT_ROOT)}…`)) },
      { label: 'Key', value: text(code(inGroups(fingerprint))) },
    ],
    body: [],
    verbatim: note.trimEnd(),
    buttons: [],
    footer: text(
      'Keep it: copy this message into a file. ',
      code('verify --log --earlier <file>'),
      ' shows whether the record still continues it. A notice, no witness: whoever administers this chat can delete it.',
    ),
  }
}
