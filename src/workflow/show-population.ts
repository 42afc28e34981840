import { inTransaction } from '../db/in-transaction.ts'
import { dayAt, dayName } from '../domain/calendar.ts'
import { findSubject } from '../domain/find-subject.ts'
import { SYSTEM_STREAM } from '../domain/house-event.ts'
import { mayOpenPopulation } from '../domain/may-open-evidence.ts'
import { type Period, readPeriod } from '../domain/period.ts'
import { isRefused } from '../domain/refusal.ts'
import type { Subject } from '../domain/stewards.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { type PopulationPlan, planPopulation } from '../record/plan-population.ts'
import type { Context } from './context.ts'
import { linkToEvidence } from './evidence-link.ts'
import { populationOpened } from './open-population.ts'
import { performAct } from './perform-act.ts'
import { showEvidence } from './show-evidence.ts'

/** Made while somebody looks at a page that loads. What takes longer is for the command line. */
const LIMITS = { grants: 2_000, leaves: 60_000 }
const DAYS_WHEN_NOTHING_IS_SAID = 90

/** `/access evidence @person 2026-Q4`, `/access evidence prod-db`: a link for one minute, for those who may see all of it. */
export function showPopulation(
  context: Context,
  act: Act,
  said: { readonly subject: string; readonly period: string; readonly grant: string | null },
): Promise<Answer> {
  const isTarget = Object.hasOwn(context.policy.current().targets, said.subject.toLowerCase())
  if (said.grant !== null && !isTarget) return showEvidence(context, act, said.grant)
  return performAct(context, act, {
    name: 'open the evidence',
    decides: false,
    run: async (performing) => {
      const { by, now, policy } = performing
      const subject = findSubject(policy, said.subject, act.account, context.knownTargets())
      if (isRefused(subject)) return subject
      const period = readPeriod(said.period || lastDays(now, policy.timeZone), now, policy.timeZone)
      if (isRefused(period)) return period
      const may = mayOpenPopulation(subject, by.id, policy)
      if (isRefused(may)) return may
      const words = `${subject.kind === 'person' ? '@' : ''}${subject.id} ${period.name}`
      return linkToEvidence(context, performing, JSON.stringify([subject.kind, subject.id, period.name]), words)
    },
  })
}

function lastDays(now: number, timeZone: string): string {
  const today = dayAt(now, timeZone)
  return `${dayName(today - DAYS_WHEN_NOTHING_IS_SAID + 1)}..${dayName(today)}`
}

/** What a link to a population holds; null for one to anything else. */
export function readPopulationAsked(sealed: string): PopulationAsked | null {
  if (!sealed.startsWith('[')) return null
  const [kind, id, period] = JSON.parse(sealed)
  return { subject: { kind, id }, period }
}

/**
 * Finds what a link leads to. That it was opened, and by whom, is on record before anything leaves.
 * @throws what `planPopulation` throws
 */
export async function takePopulation(
  context: Context,
  { subject, period: said }: PopulationAsked,
  { by, since }: { readonly by: string; readonly since: readonly number[] },
): Promise<TakenPopulation> {
  const { db, record, clock } = context
  const policy = context.policy.current()
  const [person, period] = [await context.directory.byId(by), readPeriod(said, clock.now(), policy.timeZone)]
  const may = mayOpenPopulation(subject, by, policy)
  if (isRefused(may) || isRefused(period) || person?.status !== 'active') return { kind: 'refused', code: 'not-yours' }
  const whose = {
    person: subject.kind === 'person' ? subject.id : null,
    target: subject.kind === 'target' ? subject.id : null,
  }
  const { from, until } = period
  const plan = await planPopulation(context, db, { from, until, ...whose }, { limits: LIMITS, since })
  const opened = populationOpened(by, period, whose, 'chat')
  await inTransaction(db, { timeoutMs: 2_000 }, (tx) => record.append(tx, SYSTEM_STREAM, null, [opened], clock.now()))
  context.committed()
  return { kind: 'many', by, period, plan, ...may }
}

interface PopulationAsked {
  readonly subject: Subject
  /** Its name. */
  readonly period: string
}

export type TakenPopulation =
  | {
      readonly kind: 'many'
      readonly by: string
      readonly period: Period
      readonly plan: PopulationPlan
      readonly policies: boolean
      readonly withhold: boolean
    }
  | { readonly kind: 'refused'; readonly code: 'not-yours' }
