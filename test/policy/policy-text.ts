/** A small policy without faults. Tests change one line of it and look for the fault on that line. */
export const GOOD_POLICY = `timeZone: UTC
channel: access
escalateTo: [E4]
compliance: [E4]
keepers: [E2]
defaults:
  maxDuration: 8h
  approvals:
    - { need: 1, from: [manager, owners] }
people:
  E1:
    name: Ana Ruiz
    manager: E2
    accounts:
      - local: ana
      - slack: T01/U01
  E2:
    name: Marcus Okafor
    manager: E4
    accounts:
      - local: marcus
  E3:
    name: Priya Natarajan
    manager: E4
  E4:
    name: Helen Brandt
groups:
  dba: [E2, E3]
targets:
  prod-db:
    description: Ledger
    owners: [E3]
    default: read
    connector:
      kind: postgres
      url: env:PROD_DB_URL
    entitlements:
      read:
        description: Read
        level: read
        grants: ledger_read
      write:
        description: Write
        level: write
        grants: ledger_write
        maxDuration: 2h
        requesters: [E1]
        approvals:
          - { need: 1, from: [manager] }
          - { need: 1, from: [owners, group:dba] }
        reason:
          min: 15
          pattern: 'INC-[0-9]{1,8}'
          hint: Name the ticket
`

/** The good policy with one text replaced; throws when the text is not there exactly once. */
export function changed(from: string, to: string, base = GOOD_POLICY): string {
  const parts = base.split(from)
  if (parts.length !== 2) throw new Error(`"${from}" stands ${parts.length - 1} times in the policy`)
  return parts.join(to)
}

/** The number of the line that holds a text, from 1. */
export function lineOf(text: string, part: string): number {
  const offset = text.indexOf(part)
  if (offset < 0) throw new Error(`"${part}" is not in the policy`)
  return text.slice(0, offset).split('\n').length
}
