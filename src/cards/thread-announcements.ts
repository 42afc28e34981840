import type { Placed } from '../domain/grant-event.ts'
import type { ThreadEvent } from '../domain/thread-event.ts'
import type { Line } from '../ports/chat.ts'
import type { Announcement } from './announcement.ts'
import { line, strong } from './text.ts'

/** What people are told of a thread: whoever wrote what looked like a secret hears it at once, and alone. */
export function announceThread(stream: string, events: readonly Placed<ThreadEvent>[]): Announcement[] {
  return events.flatMap((event): Announcement[] => {
    if (event.type !== 'thread.written' && event.type !== 'thread.edited') return []
    const { by, withheld, platform } = event.data
    if (by === null || withheld === undefined) return []
    const key = `${stream}:withheld:${event.seq}`
    return [{ key, to: { kind: 'person', identity: by }, message: withheldLine(platform), priority: 0 }]
  })
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
