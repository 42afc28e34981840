import { readDurability } from '../db/durability.ts'
import type { Pools } from '../db/pools.ts'
import { schemaState } from '../db/schema-state.ts'
import type { Db } from '../db/transaction.ts'
import { type Channels, channelList } from '../domain/channels.ts'
import { formatDuration } from '../domain/duration.ts'
import { EVERYWHERE } from '../domain/freeze-event.ts'
import type { Freeze } from '../domain/freeze-state.ts'
import { countIndependent, type Independence, lackOfIndependence } from '../domain/independence.ts'
import type { Clock } from '../ports/clock.ts'
import type { Connector } from '../ports/connector.ts'
import type { Witness } from '../ports/witness.ts'
import type { Sealer } from '../record/sealer.ts'
import { recordStatus } from '../record/watch.ts'
import type { FindingFigures, KeepingFigures } from '../telemetry/house-figures.ts'
import { readLastCheck, readLastPruning, readRecordStart } from './last-check.ts'
import { ageOf, type TargetLog, tellActivity, tellKeeping, tellVerification, tellWitness } from './readiness-lines.ts'

/** One line of readiness, for the people who run this. */
export interface ReadinessCheck {
  readonly name: string
  /** Without it this process can do nothing. */
  readonly decisive: boolean
  look(): Promise<{ state: 'ok' | 'degraded' | 'failed'; detail: string }>
}

/** An event that waits longer than this for its seal holds new grants, and somebody should look. */
const LATE_SEAL_MS = 10_000

/** Everything that must hold for the promises to hold. Only the database and its schema are decisive. */
export function readinessChecks(house: {
  readonly db: Db
  readonly clock: Clock
  readonly roles: Pools['roles']
  readonly sealer: Sealer
  readonly witnesses: readonly Witness[]
  readonly origin: string
  /** How far the clock is behind what is on record, milliseconds; 0 when all is well. */
  readonly fellBack: () => number
  readonly policyHeld: () => Promise<string | null>
  readonly targets: () => readonly string[]
  readonly independence: () => Promise<Independence>
  readonly freezes: () => Promise<readonly Freeze[]>
  /** Where checkpoints are told in chat, and the newest that is on record as told. */
  readonly checkpointNotice: () => Promise<{
    readonly channels: Channels | null
    readonly newest: { readonly size: number; readonly at: number } | null
  }>
  readonly findings: () => Promise<FindingFigures>
  /** Of the policy in force. */
  readonly retentionYears: () => number
  /** Who may hold and erase, and what is held and waits to be erased. */
  readonly keeping: () => Promise<{ readonly keepers: readonly string[]; readonly figures: KeepingFigures | null }>
  readonly connectorOf: (target: string) => Connector | null
  /** How far the logs of targets were read, and why not; of targets that nobody has looked at there is none. */
  readonly activity: () => Promise<readonly TargetLog[]>
  /** Targets that touch financial reporting. */
  readonly financial: () => readonly string[]
  /** The chat platforms where something can go wrong. */
  readonly chats: readonly { readonly platform: string; readonly look: ReadinessCheck['look'] }[]
  /** What needs a passkey by the policy in force, and where passkeys work; null where they cannot. */
  readonly stepUp: () => {
    readonly needs: readonly string[]
    readonly place: string | null
    readonly publicUrl: string
  }
}): ReadinessCheck[] {
  const { db, clock, roles, sealer } = house
  return [
    {
      name: 'database',
      decisive: true,
      look: async () => {
        await db`select 1`
        return { state: 'ok', detail: 'answers' }
      },
    },
    {
      name: 'schema',
      decisive: true,
      look: async () => {
        const { state, missing } = await schemaState(db)
        if (state === 'older') return { state: 'failed', detail: `lacks ${missing.join(', ')}: run migrate` }
        return { state: 'ok', detail: state }
      },
    },
    {
      name: 'durability',
      decisive: false,
      look: async () => {
        const { level, words } = await readDurability(db)
        return { state: level === 'unsafe' || level === 'may-lose' ? 'degraded' : 'ok', detail: words }
      },
    },
    {
      name: 'roles',
      decisive: false,
      look: async () => ({ state: roles === 'enforced' ? 'ok' : 'degraded', detail: `roles: ${roles}` }),
    },
    {
      name: 'record',
      decisive: false,
      look: async () => {
        const [status, now] = [await recordStatus(db), clock.now()]
        const waited = status.oldestPendingAt === null ? 0 : now - status.oldestPendingAt
        const words = `${status.size} sealed, ${status.pending} waiting, ${status.quarantined} in quarantine`
        const held = sealer.state()
        const why = 'message' in held ? `: ${held.message}` : ''
        const late = waited > LATE_SEAL_MS || status.quarantined > 0 || why !== ''
        return { state: late ? 'degraded' : 'ok', detail: `${held.status}${why}; ${words}` }
      },
    },
    {
      name: 'verification',
      decisive: false,
      look: async () => {
        return tellVerification(await readLastCheck(db), await readRecordStart(db), clock.now())
      },
    },
    ...house.witnesses.map(
      (witness): ReadinessCheck => ({
        name: `witness ${witness.name}`,
        decisive: false,
        look: async () =>
          tellWitness(await witness.look(house.origin), witness, {
            retentionYears: house.retentionYears(),
            now: clock.now(),
          }),
      }),
    ),
    {
      name: 'independence',
      decisive: false,
      look: async () => {
        const independence = await house.independence()
        const lack = lackOfIndependence(independence)
        if (lack !== null) return { state: 'degraded', detail: lack }
        return {
          state: 'ok',
          detail: `${countIndependent(independence.keptBy)} independent, ${independence.needed} needed`,
        }
      },
    },
    {
      name: 'checkpoint notice',
      decisive: false,
      look: async () => {
        const { channels, newest } = await house.checkpointNotice()
        if (channels === null) return { state: 'ok', detail: 'none: the policy names no checkpointChannel' }
        const told =
          newest === null ? 'nothing told yet' : `told ${newest.size}${ageOf(newest.at, clock.now(), 'put on record')}`
        const where = channelList(channels).map(({ platform, channel }) => `${channel}${ON[platform ?? ''] ?? ''}`)
        const whose = 'administered by whoever administers that chat'
        return {
          state: 'ok',
          detail: `a notice, no witness: counts for no quorum; ${told}; in ${where.join(', ')}; ${whose}`,
        }
      },
    },
    {
      name: 'clock',
      decisive: false,
      look: async () => {
        const byMs = house.fellBack()
        if (byMs === 0) return { state: 'ok', detail: 'goes on' }
        return {
          state: 'degraded',
          detail: `fell back by ${formatDuration(byMs)}: no decisions until it has caught up`,
        }
      },
    },
    {
      name: 'policy',
      decisive: false,
      look: async () => {
        const held = await house.policyHeld()
        return held === null ? { state: 'ok', detail: 'in force' } : { state: 'degraded', detail: held }
      },
    },
    {
      name: 'freeze',
      decisive: false,
      look: async () => {
        const frozen = (await house.freezes()).map(({ target, at }) => {
          const what = target === EVERYWHERE ? 'everything' : target
          return `${what} is frozen since ${new Date(at).toISOString()}`
        })
        if (frozen.length === 0) return { state: 'ok', detail: 'nothing is frozen' }
        return { state: 'degraded', detail: `${frozen.join('; ')}: no new access there` }
      },
    },
    {
      name: 'findings',
      decisive: false,
      look: async () => {
        const { open, accepted, unreadable } = await house.findings()
        const sum = (which: 'open' | 'overdue') => open.reduce((all, one) => all + one[which], 0)
        const critical = open.find(({ severity }) => severity === 'critical')?.open ?? 0
        const words = `${sum('open')} open, ${critical} of them critical; ${sum('overdue')} overdue; ${accepted} accepted`
        const changed = unreadable === 0 ? '' : `; ${unreadable} changed on record`
        const bad = sum('overdue') + critical + unreadable > 0
        return { state: bad ? 'degraded' : 'ok', detail: `${words}${changed}` }
      },
    },
    {
      name: 'keeping',
      decisive: false,
      look: async () => {
        const { keepers, figures } = await house.keeping()
        return tellKeeping(keepers, figures, await readLastPruning(db), clock.now())
      },
    },
    ...house.chats.map(({ platform, look }) => ({ name: `chat ${platform}`, decisive: false, look })),
    {
      name: 'passkeys',
      decisive: false,
      look: async () => {
        const { needs, place, publicUrl } = house.stepUp()
        if (needs.length === 0) return { state: 'ok', detail: 'no approval needs one' }
        const which =
          needs.length > 3 ? `${needs.slice(0, 3).join(', ')} and ${needs.length - 3} more` : needs.join(', ')
        if (place !== null) return { state: 'ok', detail: `needed for ${which}; they work on ${place}` }
        const why = `passkeys cannot work at ${publicUrl}: set PUBLIC_URL to https and a name, or to localhost`
        return { state: 'degraded', detail: `nobody can approve ${which}: ${why}` }
      },
    },
    {
      name: 'activity',
      decisive: false,
      look: async () => {
        const looked = new Map((await house.activity()).map((one) => [one.target, one]))
        const told = house.targets().map((target) => tellActivity(target, looked.get(target), clock.now()))
        const lacking = told.filter(({ target, lacks }) => lacks && house.financial().includes(target))
        const which = lacking.length === 0 ? '' : `; financial reporting is touched by ${names(lacking)}`
        const detail = `${told.map(({ says }) => says).join('; ')}${which}`
        return { state: lacking.length === 0 ? 'ok' : 'degraded', detail: detail || 'no targets' }
      },
    },
    ...house.targets().map(
      (target): ReadinessCheck => ({
        name: `target ${target}`,
        decisive: false,
        look: async () => {
          const connector = house.connectorOf(target)
          if (connector === null) return { state: 'degraded', detail: 'no connector' }
          const faults = await connector.checkPreconditions()
          if (faults.length === 0) return { state: 'ok', detail: 'reachable, with the rights that it needs' }
          return { state: 'degraded', detail: faults.map((fault) => `${fault.code}: ${fault.message}`).join('; ') }
        },
      }),
    ),
  ]
}

const ON: Readonly<Record<string, string>> = { slack: ' on Slack', teams: ' on Teams' }

function names(all: readonly { readonly target: string }[]): string {
  return all.map(({ target }) => target).join(', ')
}
