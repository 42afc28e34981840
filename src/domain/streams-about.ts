import { activityStream } from './activity-event.ts'
import { orphanStream } from './orphan-event.ts'
import { threadStream } from './thread-event.ts'

/** The streams of all that is on record about a grant, an order or freezes, what people said and did beside it too. */
export function streamsAbout(own: string, id: string): string[] {
  return [...streamsOfStory(own, id), threadStream(own), activityStream(id)]
}

/** Those that say what it came to: its own, what came beside it or too late, and what was found of it again. */
export function streamsOfStory(own: string, id: string): string[] {
  return [own, `after:${own}`, `undelivered:${own}`, orphanStream(id)]
}
