import { POLICY_STREAM } from '../domain/house-event.ts'
import type { Effect as QueuedEffect } from '../effects/effect.ts'
import type { Effect } from './context.ts'

/** What follows when a policy was loaded or activated: it is told, and everybody is decided again by it. */
export const POLICY_CHANGED: readonly Effect[] = [
  { kind: 'announce', stream: POLICY_STREAM },
  { kind: 'settle-people' },
]

/** An effect as the queue keeps it: effects of one kind and key wait as one. */
export function toEffect(effect: Effect): QueuedEffect {
  switch (effect.kind) {
    case 'announce':
      return {
        ...{ kind: announceKind(effect.platform ?? null), key: effect.stream, data: { stream: effect.stream } },
        ...{ priority: effect.urgent === true ? 1 : 0 },
        ...(effect.notBefore !== undefined && { delayUntil: effect.notBefore }),
      }
    case 'provision':
    case 'extend':
      return { kind: effect.kind, key: effect.grant, data: { grant: effect.grant } }
    case 'finish-activity': {
      const { kind, grant, notBefore } = effect
      return { kind, key: grant, data: { grant }, delayUntil: notBefore }
    }
    case 'revoke-all':
      return { kind: effect.kind, key: effect.order, data: { order: effect.order } }
    case 'erase':
      return { kind: effect.kind, key: effect.erasure, data: { erasure: effect.erasure } }
    case 'make-digests':
      return { kind: effect.kind, key: 'weeks', data: {} }
    case 'announce-checkpoint':
      return 'week' in effect
        ? { kind: effect.kind, key: 'digest', data: { week: effect.week } }
        : { kind: effect.kind, key: 'slot', data: { slot: effect.slot } }
    case 'check-record':
      return { kind: effect.kind, key: effect.whole ? 'whole' : 'log', data: { whole: effect.whole ?? false } }
    case 'settle-person':
      return { kind: effect.kind, key: effect.person, data: { person: effect.person } }
    case 'mind-findings':
    case 'reconcile-threads':
    case 'keep-record':
    case 'settle-people':
      return { kind: effect.kind, key: 'all', data: {} }
    default:
      return effect satisfies never
  }
}

/**
 * Where there are several platforms each has a queue of its own, with its own back-off: one that is away does not hold
 * back the others. What is kept for all of them is handed on.
 */
export function announceKind(platform: string | null): string {
  return platform === null ? 'announce' : `announce-${platform}`
}

/** As it is kept where these platforms are configured. */
export function forEachPlatform(effect: Effect, platforms: readonly string[]): Effect[] {
  if (effect.kind !== 'announce' || effect.platform !== undefined || platforms.length < 2) return [effect]
  return platforms.map((platform) => ({ ...effect, platform }))
}
