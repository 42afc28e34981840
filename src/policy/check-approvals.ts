import { missingSignatures } from '../domain/quorum.ts'
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
      const sources = approvals.map(({ need, from }) => ({
        need,
        asksManager: from.includes('manager'),
        fixed: from.flatMap((source) => {
          if (source === 'manager') return []
          return source === 'owners' ? owners : resolvePeople([source], references)
        }),
      }))
      const asking = requesters === 'everyone' ? Object.keys(file.people) : resolvePeople(requesters, references)
      const stranded = asking.filter((requester) => {
        if (!isActive(requester, file)) return false
        const manager = file.people[requester]?.manager
        // Whom the directory adds is not known here: no warning about what it may mend.
        if (sources.some(({ fixed }) => fixed.some((id) => id.startsWith('group:')))) return false
        if (manager === undefined && file.people[requester]?.externalId !== undefined) return false
        const rules = sources.map(({ need, asksManager, fixed }) => {
          const persons = [...fixed, ...(asksManager && manager !== undefined ? [manager] : [])]
          return { need, persons: new Set(persons.filter((id) => id !== requester && isActive(id, file))) }
        })
        // Even if everybody who may sign did.
        return missingSignatures(rules, new Set(rules.flatMap(({ persons }) => [...persons]))) > 0
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

function isActive(id: string, file: PolicyFile): boolean {
  return Object.hasOwn(file.people, id) && file.people[id]?.status !== 'left'
}
