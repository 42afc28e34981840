import type { Effect as QueuedEffect } from '../effects/effect.ts'
import type { Effect } from './context.ts'

/** An effect as the queue keeps it: effects of one kind and key wait as one. */
export function toEffect(effect: Effect): QueuedEffect {
  return effect.kind === 'announce'
    ? { kind: effect.kind, key: effect.stream, data: { stream: effect.stream } }
    : { kind: effect.kind, key: effect.grant, data: { grant: effect.grant } }
}
