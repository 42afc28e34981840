import fc from 'fast-check'
import { expect, it } from 'vitest'
import { concludeFinding } from '../../src/domain/conclude-finding.ts'
import {
  decideAcceptance,
  decideClosing,
  decideDueDate,
  decideFindingDue,
  decideFix,
  decideMachineRetest,
  decideRetest,
  decideSecondAcceptance,
  decideTaking,
} from '../../src/domain/decide-finding.ts'
import { decideOpening, decideSighting } from '../../src/domain/decide-sighting.ts'
import { DAY, HOUR } from '../../src/domain/duration.ts'
import { USUAL_DUE } from '../../src/domain/finding-due.ts'
import { type FindingEvent, readFindingId } from '../../src/domain/finding-event.ts'
import { findingKindOf } from '../../src/domain/finding-kinds.ts'
import { type FindingState, foldFinding, isOverdue } from '../../src/domain/finding-state.ts'
import type { Placed } from '../../src/domain/grant-event.ts'
import type { Refused } from '../../src/domain/refusal.ts'
import { testPolicy, testTarget } from '../support/policy.ts'

const NOW = 1_800_000_000_000
const policy = testPolicy({ targets: { 'prod-db': testTarget({ owners: ['olga', 'dirk', 'marcus'] }) } })
const lax = testPolicy({
  targets: { 'prod-db': testTarget({ owners: ['olga', 'dirk', 'marcus'], financialReporting: false }) },
})
const as = (by: string, now = NOW, rules = policy) => ({ by, assurance: 'click-only', policy: rules, now }) as const

function opened(cause = 'grant-stuck', rules = policy, persons = ['ana', 'marcus']): Placed<FindingEvent>[] {
  const kind = findingKindOf(cause)
  if (kind === null) throw new Error(`${cause} is no finding`)
  const subject = { kind: 'grant', id: 'G-000000' } as const
  const sighting = { cause, kind, subject, detail: 'as first seen', target: 'prod-db', persons }
  return place(decideOpening(sighting, rules, NOW, null), 0, NOW)
}
function place(facts: readonly FindingEvent[], after: number, at: number): Placed<FindingEvent>[] {
  return facts.map((fact, n) => ({ ...fact, seq: after + n + 1, at }))
}
function fold(events: readonly Placed<FindingEvent>[]): FindingState {
  const state = foldFinding('F-000000', events)
  if (state === null) throw new Error('nothing')
  return state
}
const codeOf = (decision: FindingEvent[] | Refused) => ('refused' in decision ? decision.refused.code : 'accepted')

const PEOPLE = ['ana', 'marcus', 'olga', 'dirk', 'carla'] as const
const STEPS = ['seen', 'take', 'fix', 'fix', 'look', 'look', 'gone', 'there', 'close', 'close', 'close'] as const
const MORE = ['accept', 'confirm', 'confirm', 'due', 'hours', 'days', 'months'] as const

/** Asks the events alone, and knows nothing of the state that the decisions read. */
it('nobody closes what they fixed or what is about them, and nothing ends without a look or two who let it rest', () => {
  const seen = { closed: 0, byItself: 0, accepted: 0, reopened: 0 }
  const step = fc.record({ do: fc.constantFrom(...STEPS, ...MORE), by: fc.constantFrom(...PEOPLE) })
  const run = (cause: string, rules: typeof policy, steps: readonly { do: string; by: string }[]) => {
    let now = NOW
    const events = opened(cause, rules)
    for (const { do: act, by } of steps) {
      now += act === 'months' ? 40 * DAY : act === 'days' ? DAY : HOUR / 4
      const state = fold(events)
      const facts = decide(state, act, as(by, now, rules))
      if ('refused' in facts) continue
      for (const fact of facts) {
        checkFact(events, fact, now, rules)
        events.push(...place([fact], events.length, now))
        if (fact.type === 'finding.closed') seen[fact.data.by === null ? 'byItself' : 'closed'] += 1
        if (fact.type === 'finding.accepted') seen.accepted += 1
        if (fact.type === 'finding.reopened') seen.reopened += 1
      }
    }
    checkConclusion(events)
  }
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), fc.boolean(), (steps, financial) => {
      run('grant-stuck', financial ? policy : lax, steps)
      run('orphan-access', financial ? policy : lax, steps)
    }),
    { numRuns: 400 },
  )
  // Else the world proves nothing.
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20)
})

function decide(state: FindingState, act: string, settling: ReturnType<typeof as>): FindingEvent[] | Refused {
  const { now } = settling
  switch (act) {
    case 'seen':
      return decideSighting(state, 'seen again', settling.policy, now)
    case 'take':
      return decideTaking(state, settling)
    case 'fix':
      return decideFix(state, 'restarted it', settling)
    case 'look':
      return decideRetest(state, { passed: true, saw: 'nothing left' }, settling)
    case 'gone':
    case 'there':
      return decideMachineRetest(state, { gone: act === 'gone', saw: 'looked' }, settling.policy.hash)
    case 'close':
      return decideClosing(state, settling)
    case 'accept':
      return decideAcceptance(state, { forMs: 30 * DAY, reason: 'no spare', control: 'looked at daily' }, settling)
    case 'confirm':
      return decideSecondAcceptance(state, settling)
    case 'due':
      return decideDueDate(state, { inMs: 5 * DAY, reason: 'on holiday' }, settling)
    default:
      return decideFindingDue(state, settling.policy, now)
  }
}

/** What was decided is never said to be wrong; without the fix, or the looks, a closing is. */
function checkConclusion(events: readonly Placed<FindingEvent>[]) {
  const concluded = (left: readonly Placed<FindingEvent>[]) =>
    concludeFinding(
      left.map((event) => ({
        ...event,
        stream: 'finding:F-000000',
        leafIndex: event.seq,
        data: { ...event.data },
        texts: {},
      })),
      new Map(),
    )?.line
  const closing = events.find((event) => event.type === 'finding.closed')
  expect(concluded(events)).not.toContain('NOT as it must be')
  if (closing === undefined) return
  for (const needed of closing.data.by === null ? ['finding.retested'] : ['finding.fixed', 'finding.retested']) {
    expect(concluded(events.filter(({ type }) => type !== needed))).toContain('NOT as it must be')
  }
}

function checkFact(before: readonly Placed<FindingEvent>[], fact: FindingEvent, now: number, rules: typeof policy) {
  const first = before[0]
  if (first?.type !== 'finding.opened') throw new Error('not opened')
  expect(before.some(({ type }) => type === 'finding.closed')).toBe(false)
  const { persons, cause, financial } = first.data
  const fixers = before.flatMap((event) => (event.type === 'finding.fixed' ? [event.data.by] : []))
  if (fact.type === 'finding.retested' && fact.data.by !== null) {
    expect([...fixers, ...persons]).not.toContain(fact.data.by)
  }
  if (fact.type === 'finding.closed' && fact.data.by !== null) {
    expect([...fixers, ...persons]).not.toContain(fact.data.by)
    const fixedAt = before.findLastIndex(({ type }) => type === 'finding.fixed')
    const after = before.slice(fixedAt)
    expect(fixedAt).toBeGreaterThan(0)
    expect(after.findLast(({ type }) => type === 'finding.retested')).toMatchObject({ data: { passed: true } })
    expect(after.map(({ type }) => type)).not.toContain('finding.reopened')
  }
  if (fact.type === 'finding.closed' && fact.data.by === null) {
    expect([cause, financial, rules === lax]).toEqual(['grant-stuck', false, true])
    expect(before.at(-1)).toMatchObject({ type: 'finding.retested', data: { by: null, passed: true } })
  }
  if (fact.type === 'finding.accepted') {
    expect(new Set([...fact.data.by, ...persons]).size).toBe(2 + persons.length)
    expect(fact.data.until).toBeGreaterThan(now)
    const asked = before.findLast(({ type }) => type === 'finding.acceptance-asked')
    expect(asked).toMatchObject({ data: { by: fact.data.by[0], until: fact.data.until } })
  }
  if (fact.type === 'finding.reminded') {
    const moments = before.flatMap((event) => (event.type === 'finding.reminded' ? [event.data.moment] : []))
    expect(moments).not.toContain(fact.data.moment)
    expect(fact.data.moment).toBeLessThanOrEqual(now)
  }
}

it('a storm of the same alarm is a few events, and each new detail is kept', () => {
  const events = opened()
  for (let minute = 1; minute <= 30 * 24 * 60; minute++) {
    const now = NOW + minute * 60_000
    const said = minute <= 10_000 ? `seen ${minute % 40}` : 'as first seen'
    events.push(...place(decideSighting(fold(events), said, policy, now), events.length, now))
  }
  expect(events.length).toBeLessThan(60)
  expect(fold(events).details.length).toBe(20)
  expect(fold(events).lastSeenAt).toBeGreaterThan(NOW + 15 * DAY)
})

it('is reminded of half-way, when it is due, and daily after it, each once, with an escalation', () => {
  const events = opened('orphan-access', testPolicy({ escalateTo: ['carla'] }))
  const rules = testPolicy()
  const told: [string, string][] = []
  for (let hour = 0; hour < 24 * 4; hour += 0.5) {
    const now = NOW + hour * HOUR
    const facts = decideFindingDue(fold(events), rules, now)
    for (const fact of facts) {
      if (fact.type === 'finding.reminded') told.push([`${hour} h: ${fact.data.because}`, fact.data.to.join(' ')])
    }
    events.push(...place(facts, events.length, now))
  }
  expect(told).toEqual([
    ['12 h: due-soon', 'olga'],
    ['24 h: due', 'olga'],
    ['48 h: overdue', 'olga carla'],
    ['72 h: overdue', 'olga carla'],
  ])
  expect(isOverdue(fold(events), NOW + 2 * DAY)).toBe(true)
  const late = decideFindingDue(fold(opened()), policy, NOW + 30 * DAY)
  expect(late).toMatchObject([{ data: { because: 'overdue', moment: NOW + 30 * DAY } }])
})

it('is due by its cause, else by its exposure and severity, as the policy says; reminders and what is open again follow', () => {
  const findingDue = {
    bySeverity: { ...USUAL_DUE.bySeverity, critical: 2 * DAY },
    financial: { critical: 12 * HOUR },
    byCause: { 'orphan-access': 4 * HOUR, 'activity-gap': 60 * DAY },
  }
  const strict = testPolicy({ findingDue })
  const notFinancial = testPolicy({ ...lax, findingDue })
  const hoursOf = (cause: string, rules: typeof policy) => (fold(opened(cause, rules)).due - NOW) / HOUR
  expect([hoursOf('grant-stuck', strict), hoursOf('grant-stuck', notFinancial)]).toEqual([12, 48])
  expect([hoursOf('orphan-access', strict), hoursOf('orphan-access', notFinancial)]).toEqual([4, 4])
  expect([hoursOf('activity-gap', strict), hoursOf('due-fault', strict)]).toEqual([60 * 24, 72])
  const reminded = [1, 2, 4, 28].map((hour) =>
    decideFindingDue(fold(opened('orphan-access', strict)), strict, NOW + hour * HOUR),
  )
  expect(reminded.flat().map(({ data }) => 'because' in data && data.because)).toEqual(['due-soon', 'due', 'overdue'])
  const again = { ...fold(opened('orphan-access', strict)), status: 'fixed', due: NOW } as const
  expect(decideSighting(again, 'there', strict, NOW + DAY)).toMatchObject([{ data: { due: NOW + DAY + 4 * HOUR } }])
})

it('is for its stewards alone, by the policy of now', () => {
  const state = fold(opened())
  expect(codeOf(decideTaking(state, as('bo')))).toBe('may-not-settle')
  expect(codeOf(decideFix(state, 'it', as('olga')))).toBe('reason-too-short')
  expect(codeOf(decideClosing(state, as('olga')))).toBe('finding-not-fixed')
  const asked = decideAcceptance(state, { forMs: DAY, reason: 'later', control: 'none yet' }, as('olga'))
  if ('refused' in asked) throw new Error(asked.refused.code)
  const after = fold([...opened(), ...place(asked, 1, NOW)])
  expect(codeOf(decideSecondAcceptance(after, as('olga')))).toBe('second-person-needed')
  expect(codeOf(decideSecondAcceptance(after, as('marcus')))).toBe('finding-on-you')
  const without = testPolicy({ targets: { 'prod-db': testTarget({ owners: ['dirk'] }) } })
  expect(codeOf(decideSecondAcceptance(after, as('dirk', NOW, without)))).toBe('first-signer-gone')
  expect(codeOf(decideAcceptance(state, { forMs: 400 * DAY, reason: 'later', control: 'none' }, as('olga')))).toBe(
    'finding-too-long',
  )
})

it('one person puts it off by 30 days in all, however often, and nobody whom it is about', () => {
  const put = (state: FindingState, inDays: number, by = 'olga', now = NOW) =>
    decideDueDate(state, { inMs: inDays * DAY, reason: 'parts come later' }, as(by, now))
  const events = opened()
  const { due } = fold(events)
  const first = put(fold(events), 25)
  if ('refused' in first) throw new Error(first.refused.code)
  events.push(...place(first, 1, NOW))
  expect(fold(events).due).toBe(NOW + 25 * DAY)
  expect(put(fold(events), 29, 'carla', NOW + 20 * DAY)).toEqual({
    refused: { code: 'finding-put-off', until: due + 30 * DAY },
  })
  expect(put(fold(events), 5, 'carla', NOW + 20 * DAY)).toMatchObject([{ type: 'finding.due-moved' }])
  expect(put({ ...fold(opened()), persons: ['olga'] }, 1)).toEqual({ refused: { code: 'finding-on-you' } })
})

it('what nobody thought of is a finding, and what only could not be said is none', () => {
  expect(findingKindOf('something-new')).toMatchObject({ severity: 'high', closesItself: false })
  expect(findingKindOf('constructor')).toMatchObject({ severity: 'high' })
  expect(findingKindOf('notice-undeliverable')).toBeNull()
  expect(readFindingId('f-oooooi')).toBe('F-000001')
  expect(readFindingId('G-000000')).toBeNull()
})
