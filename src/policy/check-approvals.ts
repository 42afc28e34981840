import type { Report } from './fault.ts'
import type { PolicyFile } from './policy-file.ts'
import { type References, resolvePeople } from './references.ts'
import { settleEntitlement } from './settle-entitlement.ts'

/** Warns of approvals that cannot be had, naming for whom: their requests would wait, escalate and expire. */
export function checkApprovals(file: PolicyFile, references: References, report: Report): void {
  for (const [name, target] of Object.entries(file.targets)) {
    const owners = resolvePeople(target.owners, references)
    for (const [key, entitlement] of Object.entries(target.entitlements)) {
      const { approvals, requesters } = settleEntitlement(entitlement, file.defaults)
      if (approvals === null) continue
      const sources = approvals.map(({ from }) => ({
        manager: from.includes('manager'),
        fixed: from.flatMap((source) => {
          if (source === 'manager') return []
          return source === 'owners' ? owners : resolvePeople([source], references)
        }),
      }))
      const asking = requesters === 'everyone' ? Object.keys(file.people) : resolvePeople(requesters, references)
      const stranded = asking.filter((requester) => {
        if (!isActive(requester, file)) return false
        const manager = file.people[requester]?.manager
        const eligible = sources.map(({ manager: asksManager, fixed }) =>
          [...fixed, ...(asksManager && manager !== undefined ? [manager] : [])].filter(
            (id) => id !== requester && isActive(id, file),
          ),
        )
        return !canSign(approvals.map(({ need }, index) => ({ need, eligible: eligible[index] ?? [] })))
      })
      if (stranded.length === 0) continue
      const shown = stranded.slice(0, 10).map((id) => `${file.people[id]?.name} (${id})`)
      const more = stranded.length > shown.length ? ` and ${stranded.length - shown.length} more` : ''
      report({
        severity: 'warning',
        path: ['targets', name, 'entitlements', key, ...(entitlement.approvals === undefined ? [] : ['approvals'])],
        at: 'key',
        message: `${name}:${key} can never be approved for ${shown.join(', ')}${more}: too few distinct persons may sign`,
        remedy: 'Add approvers or managers, or limit requesters to those who can be approved',
      })
    }
  }
}

/**
 * Whether distinct persons can meet all rules at once: each seat of each rule looks for a person, and
 * moves others on when they can sit elsewhere (augmenting paths).
 */
export function canSign(rules: readonly { readonly need: number; readonly eligible: readonly string[] }[]): boolean {
  const seats = rules.flatMap(({ need, eligible }) => Array.from({ length: need }, () => eligible))
  const seatOf = new Map<string, number>()
  const take = (seat: number, tried: Set<string>): boolean => {
    for (const person of seats[seat] ?? []) {
      if (tried.has(person)) continue
      tried.add(person)
      const taken = seatOf.get(person)
      if (taken !== undefined && !take(taken, tried)) continue
      seatOf.set(person, seat)
      return true
    }
    return false
  }
  return seats.every((_, seat) => take(seat, new Set()))
}

function isActive(id: string, file: PolicyFile): boolean {
  return Object.hasOwn(file.people, id) && file.people[id]?.status !== 'left'
}
