/** Two hundred engineers who ask, Marcus who manages them, Olga who owns, a real target and a light one. */
export function racePolicy({ pendingFor, engineers }: { pendingFor: string; engineers: number }): string {
  const people = Array.from(
    { length: engineers },
    (_, n) => `  e${n}: { name: E${n}, title: Engineer, manager: marcus, accounts: [{ local: e${n} }] }`,
  )
  return `timeZone: UTC
channel: access
pendingFor: ${pendingFor}
escalateTo: [carla]
compliance: [carla]
defaults:
  maxDuration: 8h
  reason: { min: 3 }
  approvals:
    - { need: 1, from: [manager, owners] }
people:
  marcus: { name: Marcus, title: Manager, manager: olga, accounts: [{ local: marcus }] }
  olga: { name: Olga, title: Owner, accounts: [{ local: olga }] }
  carla: { name: Carla, title: Compliance, accounts: [{ local: carla }] }
${people.join('\n')}
targets:
  prod-db:
    description: Production ledger
    owners: [olga]
    default: read
    connector: { kind: postgres, url: 'env:DEMO_TARGET_URL' }
    entitlements:
      read: { description: Read the ledger, level: read, grants: ledger_read }
  light:
    description: Decisions alone
    owners: [olga]
    default: one
    connector: { kind: postgres, url: 'env:DEMO_TARGET_URL' }
    entitlements:
      one: { description: One signature, level: read, grants: ledger_read }
      two:
        description: Two signatures
        level: read
        grants: ledger_read
        approvals:
          - { need: 2, from: [manager, owners] }
`
}
