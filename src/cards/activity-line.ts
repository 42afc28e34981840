import type { ActivityEvent } from '../domain/activity-event.ts'
import { activityWords } from '../domain/activity-sums.ts'
import type { Told } from './announcement.ts'
import { line } from './text.ts'

export type ActivityEnded = Extract<ActivityEvent, { type: 'activity.ended' }>['data']

/** The last line of a thread: what the log of the target told. Where it tells nothing of anybody, readiness says so instead. */
export function activityLine(stream: string, ended: ActivityEnded | null): Told[] {
  if (ended === null || ended.outcome === 'not-collected') return []
  const message = line(ended.outcome === 'complete' ? 'info' : 'alarm', `${activityWords(ended)}.`)
  return [{ key: `${stream}:activity`, to: { kind: 'thread' }, message, priority: 3 }]
}
