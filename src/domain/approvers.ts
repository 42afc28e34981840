import type { Approver } from './grant-event.ts'
import type { ApprovalRule, ApproverSource } from './policy.ts'
import { missingSignatures, type ResolvedRule } from './quorum.ts'

/** Who stands where around one request, as the directory and the policy say it at this moment. */
export interface Roster {
  /** The asker's manager; null when the directory names none. */
  readonly manager: string | null
  readonly owners: readonly string[]
  readonly groups: Readonly<Record<string, readonly string[]>>
  /** Who has not left, among everybody above, the parties and the signers. */
  readonly active: ReadonlySet<string>
}

/** As many are named on the record and told; whoever else is eligible may sign all the same. */
export const MOST_APPROVERS = 50

/** The two who never sign for a request: the one who asks, and the one it is for. */
export interface Parties {
  readonly by: string
  readonly for: string
}

/** The rules with persons in them. Nobody signs for themselves, whatever their role; who left does not sign. */
export function resolveRules(rules: readonly ApprovalRule[], roster: Roster, parties: Parties): ResolvedRule[] {
  const may = (id: string) => roster.active.has(id) && id !== parties.by && id !== parties.for
  return rules.map((rule) => ({
    need: rule.need,
    persons: new Set(rule.from.flatMap((source) => personsOf(source, roster)).filter(may)),
  }))
}

/** Everybody who may sign, each once, with why they. Sorted by id, so that the record is stable. */
export function eligibleApprovers(rules: readonly ApprovalRule[], roster: Roster, parties: Parties): Approver[] {
  const reasons = new Map<string, Set<string>>()
  for (const source of rules.flatMap((rule) => rule.from)) {
    for (const id of personsOf(source, roster)) {
      if (!roster.active.has(id) || id === parties.by || id === parties.for) continue
      const why = reasons.get(id) ?? new Set()
      reasons.set(id, why.add(sourceWord(source)))
    }
  }
  return [...reasons].map(([id, why]) => ({ id, as: [...why].sort() })).sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** How many persons are missing even if everybody eligible signed. Over 0, the request is held. */
export function missingApprovers(rules: readonly ApprovalRule[], roster: Roster, parties: Parties): number {
  const resolved = resolveRules(rules, roster, parties)
  return missingSignatures(
    resolved,
    resolved.flatMap((rule) => [...rule.persons]),
  )
}

/** A rule in words, as the record and the card say it: `1 of manager`, `2 of owners, group dba`. */
export function ruleInWords(rule: ApprovalRule): string {
  return `${rule.need} of ${rule.from.map(sourceInWords).join(', ')}`
}

function personsOf(source: ApproverSource, roster: Roster): readonly string[] {
  switch (source.kind) {
    case 'manager':
      return roster.manager === null ? [] : [roster.manager]
    case 'owners':
      return roster.owners
    case 'group':
      return roster.groups[source.group] ?? []
    default:
      return source satisfies never
  }
}

function sourceInWords(source: ApproverSource): string {
  return source.kind === 'group' ? `group ${source.group}` : source.kind
}

function sourceWord(source: ApproverSource): string {
  return source.kind === 'owners' ? 'owner' : sourceInWords(source)
}
