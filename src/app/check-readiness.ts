import type { Pools } from '../db/pools.ts'
import { needPasskey, type Policy } from '../domain/policy.ts'
import { isRefused } from '../domain/refusal.ts'
import { keepersOf } from '../domain/stewards.ts'
import type { Witness } from '../ports/witness.ts'
import type { Sealer } from '../record/sealer.ts'
import { type ReadinessCheck, readinessChecks } from '../report/readiness.ts'
import { readCursors } from '../workflow/activity-cursor.ts'
import { newestAnnounced } from '../workflow/announce-checkpoint.ts'
import type { Context } from '../workflow/context.ts'
import { countFindings } from '../workflow/count-findings.ts'
import { countKeeping } from '../workflow/count-keeping.ts'
import { allFreezes } from '../workflow/freezes.ts'
import type { ClockGuard } from '../workflow/guard-clock.ts'
import type { ChatFront } from './open-chat.ts'

/** What readiness looks at, by the policy in force at the moment of the look. */
export function checkReadiness(house: {
  readonly context: Context
  readonly roles: Pools['roles']
  readonly sealer: Sealer
  readonly witnesses: readonly Witness[]
  readonly fronts: readonly ChatFront[]
  readonly fellBack: ClockGuard
}): ReadinessCheck[] {
  const { context, roles, sealer, witnesses, fronts, fellBack } = house
  const { db, record, clock, policy, connectorOf, witnessed } = context
  return readinessChecks({
    ...{ db, clock, roles, sealer, witnesses, connectorOf, origin: witnessed.origin },
    chats: fronts.flatMap(({ chat, look }) => (look === undefined ? [] : [{ platform: chat.platform, look }])),
    policyHeld: async () => {
      const inForce = await policy.provedInForce(db)
      if (!isRefused(inForce) || inForce.refused.code === 'clock-fell-back') return null
      return inForce.refused.code === 'policy-unproved'
        ? 'nothing is given: no witness confirms that the record of the policies is whole; see the alarm policy-unproved'
        : 'held: the policy of this process is not the active one'
    },
    targets: () => Object.keys(policy.current().targets),
    activity: () => readCursors(db),
    financial: () => financialOf(policy.current()),
    fellBack: () => {
      const refused = fellBack()?.refused
      return refused?.code === 'clock-fell-back' ? refused.byMs : 0
    },
    independence: async () => {
      const { independentWitnesses } = policy.current()
      const needed = financialOf(policy.current()).length > 0 ? independentWitnesses : 0
      return { needed, keptBy: await context.lookAtWitnesses() }
    },
    freezes: () => allFreezes({ record }, db),
    checkpointNotice: async () => {
      const channels = policy.current().checkpointChannel
      return { channels, newest: channels === null ? null : await newestAnnounced(context, db) }
    },
    findings: () => countFindings({ record }, db, clock.now()),
    retentionYears: () => policy.current().retentionYears,
    keeping: async () => ({
      keepers: keepersOf(policy.current(), null).map(({ id }) => id),
      figures: await countKeeping({ record, clock }, db),
    }),
    stepUp: () => {
      const { passkeys, publicUrl } = context
      return { needs: needPasskey(policy.current()), place: passkeys.place?.rpId ?? null, publicUrl }
    },
  })
}

function financialOf({ targets }: Policy): string[] {
  return Object.values(targets).flatMap(({ name, financialReporting }) => (financialReporting ? [name] : []))
}
