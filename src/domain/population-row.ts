import type { KnownPolicies } from './conclude-authorised.ts'
import { allowedUntil, latenessOf } from './conclude-ended.ts'
import { concludeGrant } from './conclude-grant.ts'
import type { PopulationMember } from './conclude-population.ts'
import { allOf, lastOf, type ProvedEvent, type ProvedFact, readable } from './conclusion.ts'
import { grantStream } from './grant-event.ts'
import { distinctKeepers, type KeptBy } from './independence.ts'

/**
 * One grant of a population, as a line of a table, from what was proved of it.
 * @param facts of its own stream and those beside it, in the order of the log
 */
export function populationRow(grant: string, facts: readonly ProvedFact[], policies: KnownPolicies): PopulationRow {
  const own = facts.filter(({ stream }) => stream === grantStream(grant))
  const conclusion = concludeGrant(facts, policies)
  const concluded = {
    line: conclusion?.line ?? 'in no form that this version can read',
    standing: conclusion?.standing ?? 'unclear',
    given: own.some(({ type }) => type === 'grant.providing'),
  } as const
  const place = { firstLeaf: own[0]?.leafIndex ?? 0, lastLeaf: own.at(-1)?.leafIndex ?? 0 }
  const closed = own.at(-1)?.type === 'closed'
  const told = conclusion === null ? NOTHING_TOLD : toldBy(own.map(readable))
  return { grant, ...concluded, ...place, closed, askedAt: own[0]?.at ?? 0, ...told }
}

function toldBy(events: readonly ProvedEvent[]): Told {
  const [asked] = allOf(events, 'request.asked')
  if (asked === undefined) return NOTHING_TOLD
  const { by, target, entitlement, durationMs, reason } = asked.data
  const signed = [...allOf(events, 'request.signed'), ...allOf(events, 'extension.signed')]
  return {
    ...{ by, for: asked.data.for, target, entitlement, durationMs, reason },
    signedBy: [...new Set(signed.map(({ data }) => `${data.by} (${data.assurance})`))],
    approvedAt: lastOf(events, 'request.approved')?.at ?? null,
    givenAt: lastOf(events, 'grant.active')?.data.activatedAt ?? null,
    allowedUntil: allowedUntil(events),
    stoppedAt: events.find(({ type }) => type === 'grant.disabled')?.at ?? null,
    lateMs: latenessOf(events),
    goneAt: lastOf(events, 'grant.removed')?.at ?? null,
    keptBy: distinctKeepers(allOf(events, 'grant.providing').flatMap(({ data }) => data.independence?.keptBy ?? [])),
  }
}

const NOTHING_TOLD: Told = {
  ...{ by: '', for: '', target: '', entitlement: '', durationMs: 0, reason: '', signedBy: [] },
  ...{ approvedAt: null, givenAt: null, allowedUntil: null, stoppedAt: null, lateMs: null, goneAt: null, keptBy: [] },
}

/** Moments are epoch ms; null where the events say nothing of it. */
interface Told {
  readonly by: string
  readonly for: string
  readonly target: string
  readonly entitlement: string
  readonly durationMs: number
  readonly reason: string
  /** Each once, with how: `marcus (click-only)`. */
  readonly signedBy: readonly string[]
  readonly approvedAt: number | null
  readonly givenAt: number | null
  /** The end that the events allow. */
  readonly allowedUntil: number | null
  readonly stoppedAt: number | null
  readonly lateMs: number | null
  readonly goneAt: number | null
  /** Witnesses that had confirmed the approval when the access began. */
  readonly keptBy: readonly KeptBy[]
}

export interface PopulationRow extends PopulationMember, Told {
  readonly askedAt: number
  /** Where its first and its last event stand in the log. */
  readonly firstLeaf: number
  readonly lastLeaf: number
  /** Nothing can follow. */
  readonly closed: boolean
}
