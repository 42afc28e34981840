import { orphanStream } from './orphan-event.ts'

/** The streams of what is on record about a grant, an order or freezes: its own, and what came beside it or too late. */
export function streamsAbout(own: string, id: string): string[] {
  return [own, `after:${own}`, `undelivered:${own}`, orphanStream(id)]
}
