import { checkReason } from '../domain/check-reason.ts'
import { formatDuration } from '../domain/duration.ts'
import { EVERYWHERE } from '../domain/freeze-event.ts'
import { mayReadDigest } from '../domain/may-read-digest.ts'
import { needPasskey, type Policy } from '../domain/policy.ts'
import { stewardsOf } from '../domain/stewards.ts'
import { offersTo } from '../workflow/look-up.ts'

/** A word that may stand next in a command, and what may follow it. */
export interface CompletionWord {
  readonly word: string
  readonly detail: string
  readonly next: readonly CompletionWord[]
  /** What free text is expected once no more words are offered. */
  readonly rest: string | null
}

/** How long the example asks for: long enough to look round, short enough to see it end. */
const EXAMPLE_MS = 2 * 60_000
const EXAMPLE_REASON = 'fix ledger INC-42'

/**
 * A whole command that this person could send, for a page that offers one to try: the first target that
 * means something by itself. Null when the policy offers them none.
 */
export function exampleFor(policy: Policy, person: string): string | null {
  const offers = offersTo(policy, person)
  const offer = offers.find(({ target, entitlement }) => target.defaultEntitlement === entitlement.name)
  if (offer === undefined) return null
  const { target, entitlement } = offer
  const fits = checkReason(EXAMPLE_REASON, entitlement.reason) === null
  const reason = fits ? EXAMPLE_REASON : (entitlement.reason.pattern?.hint ?? 'say here what you will do, and why')
  return `/access ${target.name} ${formatDuration(Math.min(EXAMPLE_MS, entitlement.maxDurationMs))} ${reason}`
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
        rest: hint === undefined ? 'why' : `why: ${hint}`,
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
    verb('evidence', 'all that is on record about one, or of a period', 'its id, or @person or a target and 2026-Q4'),
    verb('extend', 'ask for more time', 'its id, how much longer, why'),
    verb('done', 'give your access back', 'its id'),
    verb('end', 'end one now', 'its id'),
    verb('cancel', 'take a request back', 'its id'),
    ...(needPasskey(policy).length === 0
      ? []
      : [verb('passkey', 'your passkeys, for approvals that need one', 'new, list or reset')]),
    ...(mayReadDigest(person, policy) === null
      ? [verb('digest', 'what happened in a week', '2026-W47, last or this')]
      : []),
    ...emergencyVerbs(policy, person),
    verb('help', 'what I understand'),
  ]
}

/** For those who may use them: whoever may not is told by whom when they try. */
function emergencyVerbs(policy: Policy, person: string): CompletionWord[] {
  const mine = [EVERYWHERE, ...Object.keys(policy.targets)].filter((target) =>
    stewardsOf(policy, target).some(({ id }) => id === person),
  )
  if (mine.length === 0) return []
  const scopes = (rest: string | null) =>
    mine.map((target) => ({
      ...{ word: target === EVERYWHERE ? 'everywhere' : target, next: [], rest },
      detail: target === EVERYWHERE ? 'every target' : (policy.targets[target]?.description ?? ''),
    }))
  const targets = scopes('why').filter(({ word }) => word !== 'everywhere')
  return [
    { word: 'freeze', detail: 'no new access, at once', next: scopes('why'), rest: null },
    { word: 'unfreeze', detail: 'lift a freeze: two persons', next: scopes(null), rest: null },
    { word: 'findings', detail: 'what somebody must look at', next: [], rest: 'nothing, or the id of one' },
    { word: 'revoke-all', detail: 'end everything: two persons', next: targets, rest: '@person or a target, and why' },
  ]
}
