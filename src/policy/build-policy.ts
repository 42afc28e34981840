import { createHash } from 'node:crypto'
import type { Channels } from '../domain/channels.ts'
import type { ApproverSource, DirectoryRules, Entitlement, Policy, Target } from '../domain/policy.ts'
import { readAccount } from './account.ts'
import type { EntitlementFile, PolicyFile, TargetFile } from './policy-file.ts'
import { type References, resolvePeople } from './references.ts'
import { settleEntitlement, settleFindingDue, settleWaits } from './settle-entitlement.ts'

/** Turns a file without faults into the policy that decisions use: groups resolved, defaults in, times in milliseconds. */
export function buildPolicy(file: PolicyFile, references: References, text: string): Policy {
  return {
    hash: hashPolicy(text),
    timeZone: file.timeZone,
    channel: buildChannels(file.channel),
    fallbackChannel: file.fallbackChannel === undefined ? null : buildChannels(file.fallbackChannel),
    digestChannel: file.digestChannel === undefined ? null : buildChannels(file.digestChannel),
    checkpointChannel: file.checkpointChannel === undefined ? null : buildChannels(file.checkpointChannel),
    ...settleWaits(file),
    escalateTo: resolvePeople(file.escalateTo, references),
    compliance: resolvePeople(file.compliance, references),
    mayFreeze: resolvePeople(file.mayFreeze ?? [], references),
    keepers: resolvePeople(file.keepers ?? [], references),
    retentionYears: Number.parseInt(file.retention ?? '7y', 10),
    findingDue: settleFindingDue(file.findings),
    independentWitnesses: file.independentWitnesses ?? 1,
    people: Object.entries(file.people).map(([id, person]) => ({
      id,
      name: person.name,
      title: person.title ?? '',
      status: person.status ?? 'active',
      manager: person.manager ?? null,
      accounts: (person.accounts ?? []).map(readAccount),
      externalId: person.externalId ?? null,
      managerSetBy: [],
    })),
    machines: Object.entries(file.machines ?? {}).map(([id, machine]) => ({ id, ...machine })),
    directory: file.directory === undefined ? null : buildDirectory(file.directory),
    groups: dictionary(Object.entries(file.groups ?? {})),
    targets: dictionary(
      Object.entries(file.targets).map(([name, target]) => [name, buildTarget(name, target, file, references)]),
    ),
  }
}

function buildDirectory(file: NonNullable<PolicyFile['directory']>): DirectoryRules {
  return {
    groups: dictionary(Object.entries(file.groups ?? {})),
    slackEmail: dictionary(Object.entries(file.slackEmail ?? {})),
    // Entra writes GUIDs in either case; they name the same tenant.
    teamsTenant: file.teamsTenant?.toLowerCase() ?? null,
    identityAssurance: file.identityAssurance === 'directory',
    administrators: file.administrators ?? [],
  }
}

/** What the record calls a policy: SHA-256 of its exact text, hex. */
export function hashPolicy(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

function buildChannels(channels: PolicyFile['channel']): Channels {
  if (typeof channels === 'string') return channels
  return Object.fromEntries(
    Object.entries(channels).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}

function buildTarget(name: string, target: TargetFile, file: PolicyFile, references: References): Target {
  return {
    name,
    description: target.description,
    owners: resolvePeople(target.owners, references),
    financialReporting: target.financialReporting ?? false,
    channel: target.channel === undefined ? null : buildChannels(target.channel),
    defaultEntitlement: target.default ?? null,
    entitlements: dictionary(
      Object.entries(target.entitlements).map(([key, own]) => [
        key,
        buildEntitlement(key, own, target, file, references),
      ]),
    ),
    connector: target.connector,
  }
}

function buildEntitlement(
  name: string,
  own: EntitlementFile,
  target: TargetFile,
  file: PolicyFile,
  references: References,
): Entitlement {
  const settled = settleEntitlement(own, file.defaults)
  if (settled.maxDurationMs === null || settled.approvals === null) {
    throw new TypeError(`${name} went past the checks without a limit or without approvals`)
  }
  const { min, max, pattern, hint } = settled.reason
  return {
    name,
    description: own.description,
    level: own.level,
    grants: own.grants,
    maxDurationMs: settled.maxDurationMs,
    maxTotalMs: settled.maxTotalMs,
    requesters: settled.requesters === 'everyone' ? 'everyone' : resolvePeople(settled.requesters, references),
    approvals: settled.approvals.map(({ need, from }) => ({ need, from: from.map(buildSource) })),
    reason: {
      minLength: min,
      maxLength: max,
      pattern: pattern === null || hint === null ? null : { source: pattern, hint },
    },
    denyReasonRequired: settled.denyReasonRequired,
    stepUp: own.stepUp ?? (target.financialReporting === true ? 'passkey' : 'none'),
    stepUpStated: own.stepUp !== undefined,
  }
}

function buildSource(source: string): ApproverSource {
  if (source === 'manager' || source === 'owners') return { kind: source }
  return { kind: 'group', group: source.slice('group:'.length) }
}

/** Without a prototype: what people type is looked up here, and `constructor` must not be found. */
function dictionary<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.assign(Object.create(null), Object.fromEntries(entries))
}
