import { MOST_APPROVERS } from './approvers.ts'
import { checkReason } from './check-reason.ts'
import type { Approver, Assurance, Placed } from './grant-event.ts'
import type { Policy } from './policy.ts'
import { type Refused, refuse } from './refusal.ts'
import { keepersOf } from './stewards.ts'
import type { ThreadEvent } from './thread-event.ts'

/** An act on the text of one line, and what it stands on at this moment. */
export interface Redacting {
  readonly by: string
  readonly assurance: Assurance
  readonly policy: Policy
  readonly now: number
}

/** What is to be erased: a line of a thread, or what was given as reasons for a grant. */
export interface Redactable {
  /** `T-7K3QF2M9`, or the id of the grant. */
  readonly line: string
  /** Whose words they are; null for a stranger's. */
  readonly author: string | null
  /** All whose words are among them, and whose access it is: none of them is the second. */
  readonly persons: readonly string[]
  /** How many texts of it are still there. */
  readonly texts: number
}

/** What one of two asked for, and still waits. */
export type Redaction = Placed<Extract<ThreadEvent, { type: 'thread.redaction-asked' }>>

/** A second person is to sign on it. */
const REDACTION_REASON = { minLength: 3, maxLength: 1000, pattern: null }

/** The newest of a line that nobody has confirmed or declined, and that has not waited too long. */
export function findRedaction(events: readonly Placed<ThreadEvent>[], line: string, now: number): Redaction | null {
  const about = events.filter(
    ({ type, data }) => type.startsWith('thread.redact') && 'line' in data && data.line === line,
  )
  const last = about.at(-1)
  return last?.type === 'thread.redaction-asked' && now < last.data.pendingUntil ? last : null
}

/** The first of two: whoever wrote it, or who answers for what is kept. */
export function decideRedactionAsked(what: Redactable, said: string, act: Redacting): ThreadEvent[] | Refused {
  const { by, policy, now, assurance } = act
  const keepers = keepersOf(policy, what.author)
  const as = by === what.author ? ['author'] : keepers.find(({ id }) => id === by)?.as
  if (as === undefined) return refuseKeeper(keepers)
  const badReason = checkReason(said, REDACTION_REASON)
  if (badReason !== null) return badReason
  if (what.texts === 0) return refuse({ code: 'nothing-to-redact', line: what.line })
  const confirmers = keepers.filter(({ id }) => id !== by && !what.persons.includes(id))
  if (confirmers.length === 0) return refuse({ code: 'second-person-needed', may: [] })
  const pendingUntil = now + policy.pendingForMs
  const signed = {
    by,
    as,
    confirmers: confirmers.slice(0, MOST_APPROVERS),
    pendingUntil,
    policy: policy.hash,
    assurance,
  }
  return [{ type: 'thread.redaction-asked', data: { line: what.line, reason: said.trim(), ...signed } }]
}

/** The second: another one, and never whoever wrote any of it, or whose access it is. One human is one, on whatever platform they press. */
export function decideRedaction(what: Redactable, asked: Redaction, act: Redacting): ThreadEvent[] | Refused {
  const { by, policy, assurance } = act
  const keepers = keepersOf(policy, what.author)
  if (by === asked.data.by) {
    const others = keepers.map(({ id }) => id).filter((id) => id !== by && !what.persons.includes(id))
    return refuse({ code: 'second-person-needed', may: others })
  }
  if (by === what.author || what.persons.includes(by)) return refuse({ code: 'keeping-on-you' })
  const as = keepers.find(({ id }) => id === by)?.as
  if (as === undefined) return refuseKeeper(keepers)
  const first = asked.data.by
  if (first !== what.author && !keepers.some(({ id }) => id === first)) {
    return refuse({ code: 'first-signer-gone', by: first })
  }
  if (what.texts === 0) return refuse({ code: 'nothing-to-redact', line: what.line })
  const data = { line: what.line, by, as, asked: asked.seq, texts: what.texts, policy: policy.hash, assurance }
  return [{ type: 'thread.redacted', data }]
}

/** Whoever asked takes it back; whoever may confirm declines. */
export function decideNoRedaction(what: Redactable, asked: Redaction, act: Redacting): ThreadEvent[] | Refused {
  const { by, policy, assurance } = act
  const keepers = keepersOf(policy, what.author)
  if (by !== asked.data.by && !keepers.some(({ id }) => id === by)) return refuseKeeper(keepers)
  const data = { line: what.line, by, asked: asked.seq, policy: policy.hash, assurance }
  return [{ type: 'thread.redaction-declined', data }]
}

function refuseKeeper(keepers: readonly Approver[]): Refused {
  return refuse({ code: 'may-not-keep', may: keepers.map(({ id }) => id).slice(0, MOST_APPROVERS) })
}
