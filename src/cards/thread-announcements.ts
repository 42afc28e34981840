import type { Placed } from '../domain/grant-event.ts'
import { cardOfThread, type ThreadEvent } from '../domain/thread-event.ts'
import type { Line } from '../ports/chat.ts'
import type { Announcement } from './announcement.ts'
import type { CardContext } from './grant-card.ts'
import { redactionCard } from './redaction-card.ts'
import { line, strong } from './text.ts'

/**
 * What people are told of a thread, each alone: whoever wrote what looked like a secret, at once; and who may be the second to
 * erase a text.
 */
export function announceThread(
  stream: string,
  events: readonly Placed<ThreadEvent>[],
  context: CardContext,
): Announcement[] {
  return events.flatMap((event, place): Announcement[] => {
    if (event.type === 'thread.redaction-asked') {
      const over = events.slice(place + 1).find((next): next is Over => isOver(next, event.seq)) ?? null
      const written = events.find(
        (one): one is Written => one.type === 'thread.written' && one.data.line === event.data.line,
      )
      const about = { over, written: written ?? null, card: cardOfThread(stream) ?? stream }
      const message = redactionCard(event, about, context)
      return event.data.confirmers.map(({ id }) => ({
        ...{ key: `${stream}:redaction:${event.seq}:${id}`, to: { kind: 'person', identity: id } },
        ...{ message, priority: 1 },
      }))
    }
    if (event.type !== 'thread.written' && event.type !== 'thread.edited') return []
    const { by, withheld, platform } = event.data
    if (by === null || withheld === undefined) return []
    const key = `${stream}:withheld:${event.seq}`
    return [{ key, to: { kind: 'person', identity: by }, message: withheldLine(platform), priority: 0 }]
  })
}

type Over = NonNullable<Parameters<typeof redactionCard>[1]['over']>
type Written = NonNullable<Parameters<typeof redactionCard>[1]['written']>

function isOver(event: Placed<ThreadEvent>, asked: number): boolean {
  const isEnd = event.type === 'thread.redacted' || event.type === 'thread.redaction-declined'
  return isEnd && event.data.asked === asked
}

const PLATFORMS: Readonly<Record<string, string>> = { slack: 'Slack', teams: 'Teams' }

/** @param platform where it still stands */
export function withheldLine(platform: string): Line {
  const where = PLATFORMS[platform] ?? 'chat'
  return line(
    'alarm',
    strong('What you just wrote in a thread of mine looks like a secret.'),
    ' I did not keep it; the record says only that there was something. ',
    `It still stands in ${where} for everybody to read: delete it there now, `,
    'and have the secret changed where it is used, whoever may have seen it.',
  )
}
