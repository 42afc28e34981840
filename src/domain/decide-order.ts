import { MOST_APPROVERS } from './approvers.ts'
import { announcedIn } from './channels.ts'
import { checkReason } from './check-reason.ts'
import type { Assurance, GrantEvent } from './grant-event.ts'
import type { GrantState } from './grant-state.ts'
import type { OrderEvent } from './order-event.ts'
import type { OrderState } from './order-state.ts'
import type { Policy } from './policy.ts'
import { type Refusal, type Refused, refuse } from './refusal.ts'
import { orderSignersOf, type Subject } from './stewards.ts'

/** A person's act on an order, and what it stands on at this moment. */
export interface Ordering {
  readonly by: string
  readonly assurance: Assurance
  readonly policy: Policy
  readonly now: number
}

/** What its subject has open, and where. */
export interface OpenOf {
  readonly requests: number
  readonly grants: number
  readonly targets: readonly string[]
}

/** A reason is asked for: a second person is to sign on it. */
const ORDER_REASON = { minLength: 3, maxLength: 1000, pattern: null }

/** The first of two persons proposes. */
export function decideProposal(
  subject: Subject,
  said: string,
  open: OpenOf,
  { by, assurance, policy, now }: Ordering,
): OrderEvent[] | Refused {
  const held = open.targets
  const proposer = signerIn(subject, by, policy, held)
  if ('refused' in proposer) return proposer
  const badReason = checkReason(said, ORDER_REASON)
  if (badReason !== null) return badReason
  if (open.requests + open.grants === 0) return refuse({ code: 'nothing-open', subject })
  const signers = orderSignersOf(policy, subject, held).filter(({ id }) => id !== by)
  if (signers.length === 0) return refuse({ code: 'second-person-needed', may: [] })
  const target = subject.kind === 'target' ? policy.targets[subject.id] : undefined
  const { hash, pendingForMs } = policy
  return [
    {
      type: 'order.proposed',
      data: {
        ...{ by, as: proposer.as, subject, reason: said.trim(), ...announcedIn(target?.channel ?? policy.channel) },
        ...{ pendingUntil: now + pendingForMs, requests: open.requests, grants: open.grants, held },
        ...{ signers: signers.slice(0, MOST_APPROVERS), policy: hash, assurance },
      },
    },
  ]
}

/** The second, another one, confirms: by the policy of now, under which the first must still be one who may. */
export function decideConfirmation(state: OrderState, ordering: Ordering): OrderEvent[] | Refused {
  const { by, policy, assurance, now } = ordering
  const late = lateFor(state, now)
  if (late !== null) return { refused: late }
  const signer = signerIn(state.subject, by, policy, state.held)
  if ('refused' in signer) return signer
  const all = orderSignersOf(policy, state.subject, state.held)
  const others = all.filter(({ id }) => id !== state.by).map(({ id }) => id)
  if (by === state.by) return refuse({ code: 'second-person-needed', may: others.slice(0, MOST_APPROVERS) })
  if (!all.some(({ id }) => id === state.by)) return refuse({ code: 'first-signer-gone', by: state.by })
  return [{ type: 'order.confirmed', data: { by, as: signer.as, policy: policy.hash, assurance } }]
}

/** Whoever proposed takes it back; whoever may confirm declines. */
export function decideDecline(state: OrderState, ordering: Ordering): OrderEvent[] | Refused {
  const { by, policy, assurance, now } = ordering
  const late = lateFor(state, now)
  if (late !== null) return { refused: late }
  if (by !== state.by) {
    const signer = signerIn(state.subject, by, policy, state.held)
    if ('refused' in signer) return signer
  }
  return [{ type: 'order.declined', data: { by, policy: policy.hash, assurance } }]
}

/** What time alone decides. */
export function decideOrderDue(state: OrderState, now: number): OrderEvent[] {
  if (state.status !== 'pending' || now < state.pendingUntil) return []
  return [{ type: 'order.expired', data: { pendingUntil: state.pendingUntil } }]
}

/** Whether an order is about a grant: all that was asked for before it was confirmed, whatever became of it since. */
export function covers(order: OrderState, grant: GrantState): boolean {
  return concerns(order.subject, grant) && order.decided !== null && grant.askedAt <= order.decided.at
}

/** A machine's access is its person's, too. */
export function concerns({ kind, id }: Subject, grant: GrantState): boolean {
  return kind === 'target' ? grant.target === id : grant.for === id || grant.by === id
}

/** What a confirmed order makes of a grant that it covers: the ordinary ending, named after it. Empty when it is over. */
export function decideOrdered(order: OrderState, grant: GrantState, now: number): GrantEvent[] {
  const by = order.decided?.by ?? null
  if (order.status !== 'confirmed' || by === null || !covers(order, grant)) return []
  switch (grant.status) {
    case 'pending':
    case 'planned':
      return [{ type: 'request.cancelled', data: { by, order: order.id } }]
    case 'providing':
    case 'active':
      return [{ type: 'grant.ending', data: { cause: 'ordered', by, due: now, order: order.id } }]
    default:
      return []
  }
}

function signerIn(
  subject: Subject,
  by: string,
  policy: Policy,
  held: readonly string[],
): { as: readonly string[] } | Refused {
  if (subject.kind === 'person' && subject.id === by) return refuse({ code: 'order-on-you' })
  const all = orderSignersOf(policy, subject, held)
  const signer = all.find(({ id }) => id === by)
  if (signer !== undefined) return signer
  return refuse({ code: 'may-not-order', may: all.map(({ id }) => id).slice(0, MOST_APPROVERS) })
}

function lateFor(state: OrderState, now: number): Refusal | null {
  if (state.status === 'pending') {
    if (now < state.pendingUntil) return null
    return { code: 'already-decided', outcome: 'expired', by: [], at: state.pendingUntil }
  }
  const outcome = state.status === 'done' ? 'confirmed' : state.status
  const { by, at } = state.decided ?? { by: null, at: state.proposedAt }
  return { code: 'already-decided', outcome, by: by === null ? [] : [by], at }
}
