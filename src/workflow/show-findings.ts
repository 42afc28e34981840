import { findingCard, findingsCard } from '../cards/finding-card.ts'
import { MOST_APPROVERS } from '../domain/approvers.ts'
import { isOverdue } from '../domain/finding-state.ts'
import type { Policy } from '../domain/policy.ts'
import { refuse } from '../domain/refusal.ts'
import { findingStewardsOf } from '../domain/stewards.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { findOpenFindings } from './find-findings.ts'
import { findingOrRefusal } from './finding-store.ts'
import { performAct } from './perform-act.ts'

/** `/access findings`: what this person may settle. */
export function showFindings(context: Context, act: Act): Promise<Answer> {
  return performAct(context, act, {
    name: 'list the findings',
    decides: false,
    reads: true,
    run: async ({ tx, now, by, policy }) => {
      const scopes = [null, ...Object.keys(policy.targets)]
      if (!scopes.some((target) => isSteward(policy, target, by.id))) return mayNot(policy, null)
      const { open, unreadable } = await findOpenFindings(context, tx)
      const mine = open.filter(({ target }) => isSteward(policy, target, by.id))
      return { answer: { kind: 'card', card: findingsCard({ open: mine, unreadable }, now, namesOf(context)) } }
    },
  })
}

/** `/access findings F-7K3QF0`. */
export function showFinding(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'see the finding',
    decides: false,
    reads: true,
    run: async ({ tx, now, by, policy }) => {
      const state = await findingOrRefusal(context, tx, id)
      if ('refused' in state) return state
      if (!isSteward(policy, state.target, by.id)) return { ...mayNot(policy, state.target), finding: id }
      return { answer: { kind: 'card', card: findingCard(state, isOverdue(state, now), namesOf(context)) } }
    },
  })
}

function isSteward(policy: Policy, target: string | null, person: string): boolean {
  return findingStewardsOf(policy, target).some(({ id }) => id === person)
}

function mayNot(policy: Policy, target: string | null) {
  const may = findingStewardsOf(policy, target).map(({ id }) => id)
  return refuse({ code: 'may-not-settle', may: may.slice(0, MOST_APPROVERS) })
}
