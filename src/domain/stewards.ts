import { EVERYWHERE } from './freeze-event.ts'
import type { Approver } from './grant-event.ts'
import type { Policy } from './policy.ts'

/**
 * Who answers for a target in an emergency: its owners, compliance, and whom the policy names under
 * `mayFreeze`. For everything at once: the owners of every target. From the policy alone, so that it
 * works while the directory is away. Sorted by id.
 */
export function stewardsOf(policy: Policy, target: string): Approver[] {
  const targets = target === EVERYWHERE ? Object.keys(policy.targets) : [target]
  return collect(policy, new Map([['owner', ownersOf(policy, targets)], ...always(policy)]))
}

/**
 * Who may order that everything of a person, or on a target, ends. Not the person themselves.
 * @param held targets where the person has something open: their owners have a say
 */
export function orderSignersOf(policy: Policy, subject: Subject, held: readonly string[]): Approver[] {
  if (subject.kind === 'target') return stewardsOf(policy, subject.id)
  const manager = policy.people.find((one) => one.id === subject.id)?.manager
  const reasons = new Map([
    ['manager', manager == null ? [] : [manager]],
    ['owner', ownersOf(policy, held)],
    ...always(policy),
  ])
  return collect(policy, reasons).filter(({ id }) => id !== subject.id)
}

/**
 * Who may see and settle the findings of a target, or of the whole house: its stewards, and whom the policy tells when
 * something is stuck.
 */
export function findingStewardsOf(policy: Policy, target: string | null): Approver[] {
  const targets = target === null ? Object.keys(policy.targets) : [target]
  return collect(
    policy,
    new Map([['owner', ownersOf(policy, targets)], ...always(policy), ['escalation', policy.escalateTo]]),
  )
}

/** Who are to see to a finding: the owners of its target, else compliance, else whoever is told of what is stuck. */
export function findingOwnersOf(policy: Policy, target: string | null): Approver[] {
  const sources: [string, readonly string[]][] = [
    ['owner', target === null ? [] : ownersOf(policy, [target])],
    ['compliance', policy.compliance],
    ['escalation', policy.escalateTo],
  ]
  return sources.map((source) => collect(policy, new Map([source]))).find((found) => found.length > 0) ?? []
}

/**
 * Who decides, two together, what is held and what is erased: compliance, and whom the policy names under `keepers`.
 * Not the person whom it is about. @param subject null where it is about nobody
 */
export function keepersOf(policy: Policy, subject: string | null): Approver[] {
  const reasons = new Map<string, readonly string[]>([
    ['compliance', policy.compliance],
    ['keeper', policy.keepers],
  ])
  return collect(policy, reasons).filter(({ id }) => id !== subject)
}

/** Whose access, or the access to what. */
export interface Subject {
  readonly kind: 'person' | 'target'
  readonly id: string
}

function always(policy: Policy): [string, readonly string[]][] {
  return [
    ['compliance', policy.compliance],
    ['may freeze', policy.mayFreeze],
  ]
}

function ownersOf(policy: Policy, targets: readonly string[]): readonly string[] {
  return targets.flatMap((name) => (Object.hasOwn(policy.targets, name) ? (policy.targets[name]?.owners ?? []) : []))
}

function collect(policy: Policy, reasons: ReadonlyMap<string, readonly string[]>): Approver[] {
  const active = new Set(policy.people.filter((one) => one.status === 'active').map((one) => one.id))
  const found = new Map<string, string[]>()
  for (const [why, ids] of reasons) {
    for (const id of new Set(ids)) if (active.has(id)) found.set(id, [...(found.get(id) ?? []), why])
  }
  return [...found].map(([id, as]) => ({ id, as })).sort((a, b) => (a.id < b.id ? -1 : 1))
}
