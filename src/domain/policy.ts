import type { Channels } from './channels.ts'
import type { FindingDue } from './finding-due.ts'

/** The rules in force, as the decisions need them. `policy/` makes one of these from YAML; nothing here reads a file. */
export interface Policy {
  /** SHA-256 of the exact text it was read from, hex. What the record calls "the policy". */
  readonly hash: string
  /** IANA zone for calendars and for moments that have no reader. */
  readonly timeZone: string
  /** Where a target's requests are announced when it names no channel of its own. */
  readonly channel: Channels
  /** Where they go when their own channel cannot be reached; null: to nobody but those who are told in person. */
  readonly fallbackChannel: Channels | null
  /** Where the weekly digest goes, besides to compliance in person; null: nowhere else. */
  readonly digestChannel: Channels | null
  /** Where checkpoints are told, for people to keep; null: nowhere. */
  readonly checkpointChannel: Channels | null
  /** A pending request ends after this long, milliseconds. */
  readonly pendingForMs: number
  /** How long before its end a grant's holder is told, milliseconds. */
  readonly warnBeforeMs: number
  /** Who is told when a request has nobody to approve it, and when a removal is stuck. Identity ids. */
  readonly escalateTo: readonly string[]
  /** Who may end any grant, besides its holder, its approvers and the target's owners. Identity ids. */
  readonly compliance: readonly string[]
  /** Who may freeze any target, besides compliance and its owners. Identity ids. */
  readonly mayFreeze: readonly string[]
  /** Who may hold and erase, two together, besides compliance. Identity ids. */
  readonly keepers: readonly string[]
  /** Calendar years that a grant is kept from its end. */
  readonly retentionYears: number
  /** By when somebody must have seen to what is found. */
  readonly findingDue: FindingDue
  /** How many witnesses out of the operators' reach should keep the evidence where financial reporting is touched. */
  readonly independentWitnesses: number
  /**
   * As the file has them; in the policy that decisions get, with everybody of the directory (`populate-policy.ts`).
   */
  readonly people: readonly PolicyPerson[]
  readonly machines: readonly PolicyMachine[]
  /** What is taken from a directory besides; null for nothing. */
  readonly directory: DirectoryRules | null
  readonly groups: Readonly<Record<string, readonly string[]>>
  readonly targets: Readonly<Record<string, Target>>
}

export interface PolicyPerson {
  readonly id: string
  readonly name: string
  readonly title: string
  readonly status: 'active' | 'left'
  readonly manager: string | null
  readonly accounts: readonly { readonly platform: string; readonly tenant: string; readonly id: string }[]
  /** The id by which the directory calls the same human; null for a person of the file alone. */
  readonly externalId: string | null
  /** Who made them report to this manager, or may have: they do not sign as that manager. */
  readonly managerSetBy: readonly string[]
}

export const MACHINE_KINDS = [
  ...(['service-account', 'pipeline', 'bot', 'vendor-integration', 'device', 'workload', 'agent'] as const),
] as const

/** A non-human identity: its id is nobody's else, no person's either. */
export interface PolicyMachine {
  readonly id: string
  readonly name: string
  readonly kind: (typeof MACHINE_KINDS)[number]
  /** Identity id of the person who answers for it. */
  readonly owner: string
  readonly description: string
}

/** What the policy believes of the directory that pushes people. */
export interface DirectoryRules {
  /** The name in this policy, and the directory's own name for the group. */
  readonly groups: Readonly<Record<string, string>>
  /** By Slack workspace: the domains whose confirmed e-mail links an account. */
  readonly slackEmail: Readonly<Record<string, readonly string[]>>
  /** The Entra tenant whose object ids the directory gives as external ids; null: none. */
  readonly teamsTenant: string | null
  /** Whether the directory's identity assurance level is taken over. */
  readonly identityAssurance: boolean
  /** Who can change what the directory says. Identity ids. */
  readonly administrators: readonly string[]
}

export interface Target {
  readonly name: string
  readonly description: string
  /** Identity ids, groups already resolved. */
  readonly owners: readonly string[]
  readonly financialReporting: boolean
  readonly channel: Channels | null
  /** What a bare target means in `/access`; always of level `read`. */
  readonly defaultEntitlement: string | null
  readonly entitlements: Readonly<Record<string, Entitlement>>
  readonly connector: TargetConnector
}

/** Settings of the adapter. `url` is a reference to a secret (`env:PROD_DB_URL`, `file:/run/secrets/x`), never the secret. */
export interface TargetConnector {
  readonly kind: 'postgres'
  readonly url: string
}

export interface Entitlement {
  readonly name: string
  readonly description: string
  readonly level: 'read' | 'write' | 'admin'
  /** The target's own name for it, such as a database role. */
  readonly grants: string
  /** The longest that one request may ask for, milliseconds. */
  readonly maxDurationMs: number
  /** The longest that a grant may last with all its extensions, from its activation, milliseconds. */
  readonly maxTotalMs: number
  /** Who may ask: identity ids, or everybody active. */
  readonly requesters: 'everyone' | readonly string[]
  /** All must be met, by distinct persons over all of them. Never empty. */
  readonly approvals: readonly ApprovalRule[]
  readonly reason: ReasonRule
  /** Whether a denial must say why. */
  readonly denyReasonRequired: boolean
  /** What an approval needs beside the click. A denial gives nothing, so it needs no more. */
  readonly stepUp: 'passkey' | 'none'
  /** Whether the file says so itself. */
  readonly stepUpStated: boolean
}

/** `need` distinct persons out of the union of `from`. */
export interface ApprovalRule {
  readonly need: number
  readonly from: readonly ApproverSource[]
}

export type ApproverSource =
  | { readonly kind: 'manager' }
  | { readonly kind: 'owners' }
  | { readonly kind: 'group'; readonly group: string }

export interface ReasonRule {
  readonly minLength: number
  readonly maxLength: number
  /** A regular expression that the reason must contain, such as a ticket; with the words that explain it. */
  readonly pattern: { readonly source: string; readonly hint: string } | null
}

/** What is approved with a passkey alone, as `prod-db:write`. */
export function needPasskey({ targets }: Policy): string[] {
  return Object.values(targets).flatMap(({ name, entitlements }) =>
    Object.values(entitlements)
      .filter(({ stepUp }) => stepUp === 'passkey')
      .map((entitlement) => `${name}:${entitlement.name}`),
  )
}
