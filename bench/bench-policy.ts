/** A policy as large as a bench needs: engineers `p0…`, managers `m0…`, targets `t0…` with entitlements `e0…`. */
export function benchPolicy({ people, targets, entitlements, account, connector }: PolicySize): string {
  const person = (id: string, title: string, manager: string | null) =>
    `  ${id}: { name: ${id}, title: ${title}, ${manager === null ? '' : `manager: ${manager}, `}accounts: [${account(id)}] }`
  const list = (count: number, line: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => line(n)).join('\n')
  return `timeZone: UTC
channel: access
pendingFor: 8h
warnBefore: 1m
escalateTo: [m0]
compliance: [m0]
defaults:
  maxDuration: 8h
  reason: { min: 3 }
  approvals:
    - { need: 1, from: [manager, owners] }
people:
${list(MANAGERS, (n) => person(`m${n}`, 'Manager', null))}
${list(people, (n) => person(`p${n}`, 'Engineer', `m${n % MANAGERS}`))}
targets:
${list(
  targets,
  (n) => `  t${n}:
    description: Target ${n}
    owners: [m0]
    financialReporting: false
    default: e0
    connector: { kind: postgres, url: '${connector}' }
    entitlements:
${list(entitlements, (e) => `      e${e}: { description: Read it, level: read, grants: ledger_read }`)}`,
)}
`
}

const MANAGERS = 20

export function peopleOf({ people }: Pick<PolicySize, 'people'>): string[] {
  const ids = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}${n}`)
  return [...ids('m', MANAGERS), ...ids('p', people)]
}

export interface PolicySize {
  readonly people: number
  readonly targets: number
  readonly entitlements: number
  /** The account of a person, as the policy has it: `{ local: p0 }`. */
  readonly account: (id: string) => string
  /** Where every target is, as the policy has it: `env:DEMO_TARGET_URL`. */
  readonly connector: string
}
