import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import { USUAL_DUE } from '../../src/domain/finding-due.ts'
import type { Entitlement, Policy, PolicyPerson, Target } from '../../src/domain/policy.ts'

/** A policy for tests: Ana asks, Marcus manages her, Olga owns the target, Carla is compliance. */
export function testPolicy(overrides: Partial<Policy> = {}): Policy {
  return {
    hash: 'a'.repeat(64),
    timeZone: 'Europe/Madrid',
    channel: 'access',
    fallbackChannel: null,
    digestChannel: null,
    checkpointChannel: null,
    pendingForMs: 8 * HOUR,
    warnBeforeMs: 10 * MINUTE,
    escalateTo: ['carla'],
    compliance: ['carla'],
    mayFreeze: [],
    keepers: [],
    retentionYears: 7,
    findingDue: USUAL_DUE,
    independentWitnesses: 1,
    people: [
      testPerson('ana', { manager: 'marcus' }),
      testPerson('bo', { manager: 'marcus' }),
      testPerson('marcus', { manager: 'olga' }),
      testPerson('olga', {}),
      testPerson('dirk', { manager: 'olga' }),
      testPerson('carla', {}),
    ],
    machines: [],
    directory: null,
    groups: { dba: ['dirk', 'olga'] },
    targets: { 'prod-db': testTarget() },
    ...overrides,
  }
}

function testPerson(id: string, overrides: Partial<PolicyPerson>): PolicyPerson {
  const name = id.charAt(0).toUpperCase() + id.slice(1)
  const accounts = [{ platform: 'local', tenant: 'local', id }]
  const rest = { externalId: null, managerSetBy: [] }
  return { id, name, title: 'Engineer', status: 'active', manager: null, accounts, ...rest, ...overrides }
}

export function testTarget(overrides: Partial<Target> = {}): Target {
  return {
    name: 'prod-db',
    description: 'The ledger',
    owners: ['olga'],
    financialReporting: true,
    channel: null,
    defaultEntitlement: 'read',
    entitlements: { read: testEntitlement(), write: writeEntitlement() },
    connector: { kind: 'postgres', url: 'env:PROD_DB_URL' },
    ...overrides,
  }
}

export function testEntitlement(overrides: Partial<Entitlement> = {}): Entitlement {
  return {
    name: 'read',
    description: 'Read the ledger',
    level: 'read',
    grants: 'ledger_read',
    maxDurationMs: 8 * HOUR,
    maxTotalMs: 12 * HOUR,
    requesters: 'everyone',
    approvals: [{ need: 1, from: [{ kind: 'manager' }, { kind: 'owners' }] }],
    reason: { minLength: 3, maxLength: 500, pattern: null },
    denyReasonRequired: false,
    stepUp: 'none',
    stepUpStated: true,
    ...overrides,
  }
}

function writeEntitlement(): Entitlement {
  return testEntitlement({
    name: 'write',
    description: 'Change the ledger',
    level: 'write',
    grants: 'ledger_write',
    maxDurationMs: 2 * HOUR,
    maxTotalMs: 4 * HOUR,
    approvals: [
      { need: 1, from: [{ kind: 'manager' }] },
      { need: 1, from: [{ kind: 'owners' }, { kind: 'group', group: 'dba' }] },
    ],
    reason: { minLength: 3, maxLength: 500, pattern: { source: 'INC-[0-9]+', hint: 'a ticket such as INC-42' } },
    denyReasonRequired: true,
  })
}
