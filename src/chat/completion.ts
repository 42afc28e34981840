import { formatDuration } from '../domain/duration.ts'
import type { Policy } from '../domain/policy.ts'
import { offersTo } from '../workflow/look-up.ts'

/** A word that may stand next in a command, and what may follow it. */
export interface CompletionWord {
  readonly word: string
  readonly detail: string
  readonly next: readonly CompletionWord[]
  /** What free text is expected once no more words are offered. */
  readonly rest: string | null
}

/** What a person may write after `/access`, for platforms that complete as one types. */
export function completionFor(policy: Policy, person: string): CompletionWord[] {
  const asks = offersTo(policy, person).flatMap(({ target, entitlement }) => {
    const isDefault = target.defaultEntitlement === entitlement.name
    const hint = entitlement.reason.pattern?.hint
    const durations = [15 * 60_000, 60 * 60_000, 2 * 60 * 60_000].filter((ms) => ms < entitlement.maxDurationMs)
    return {
      word: isDefault ? target.name : `${target.name}:${entitlement.name}`,
      detail: `${entitlement.description}, up to ${formatDuration(entitlement.maxDurationMs)}`,
      next: [...durations, entitlement.maxDurationMs].map((ms) => ({
        word: formatDuration(ms),
        detail: 'for how long',
        next: [],
        rest: hint === undefined ? 'why' : `why, with ${hint}`,
      })),
      rest: null,
    }
  })
  const verb = (word: string, detail: string, rest: string | null = null) => ({ word, detail, next: [], rest })
  return [
    ...asks,
    verb('list', 'what you may ask for'),
    verb('mine', 'your open requests and grants'),
    verb('status', 'where one stands', 'its id'),
    verb('end', 'end one now', 'its id'),
    verb('help', 'what I understand'),
  ]
}
