import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decideErasure,
  decideErasureOrder,
  decideHold,
  decideKeepingDecline,
  decideLifting,
  decidePlacing,
  type KeepingDecision,
} from '../../src/domain/decide-keeping.ts'
import { DAY, HOUR } from '../../src/domain/duration.ts'
import type { Scope } from '../../src/domain/keeping-event.ts'
import { evolveKeeping, holdsAt, type KeepingState, NOTHING_KEPT } from '../../src/domain/keeping-state.ts'
import { addYears, type Kept, rulesFor, whyNotErased, whyNotPruned } from '../../src/domain/may-erase.ts'
import { testPolicy, testTarget } from '../support/policy.ts'

const NOW = Date.UTC(2026, 10, 23)
const policy = testPolicy({ keepers: ['dirk'] })
const as = (by: string, now = NOW, rules = policy) =>
  ({ by, assurance: 'click-only', policy: rules, now, holders: [] as string[] }) as const
const codeOf = (decision: KeepingDecision) => ('refused' in decision ? decision.refused.code : 'accepted')
const ANA: Scope = { kind: 'person', id: 'ana' }

function apply(state: KeepingState, decision: KeepingDecision, at = NOW): KeepingState {
  if ('refused' in decision) throw new Error(decision.refused.code)
  return decision.reduce((now, fact) => evolveKeeping(now, { ...fact, seq: now.seq + 1, at }), state)
}
const ask = (scope = ANA, by = 'carla') => decideHold(NOTHING_KEPT, { id: 'H-000001', scope, said: 'case 12' }, as(by))
const hold = (state: KeepingState) => state.holds.get('H-000001') ?? expect.fail('a hold')
const of = (what: Partial<Kept> = {}): Kept => ({
  ...{ persons: ['ana'], target: 'prod-db', grant: 'G-000001', endedAt: NOW - 100 * DAY },
  ...{ financialReporting: false, retentionYears: 7, ...what },
})

describe('a hold', () => {
  it('holds from the moment it is asked for, and stays only if another keeper places it', () => {
    const asked = apply(NOTHING_KEPT, ask())
    expect(whyNotErased(of(), holdsAt(asked, NOW), NOW)).toEqual({ because: 'held', hold: 'H-000001', until: null })
    expect(codeOf(decidePlacing(hold(asked), as('carla')))).toBe('second-person-needed')
    expect(codeOf(decidePlacing(hold(asked), as('olga')))).toBe('may-not-keep')
    const late = NOW + 8 * HOUR
    expect(holdsAt(asked, late)).toEqual([])
    expect(decidePlacing(hold(asked), as('dirk', late))).toMatchObject({ refused: { outcome: 'expired' } })
    expect(holdsAt(apply(asked, decidePlacing(hold(asked), as('dirk'))), late)).toHaveLength(1)
  })

  it('is not placed with a first signature whose giver is no keeper any more', () => {
    const asked = apply(NOTHING_KEPT, ask())
    const changed = testPolicy({ keepers: ['dirk', 'olga'], compliance: [] })
    expect(codeOf(decidePlacing(hold(asked), as('dirk', NOW, changed)))).toBe('first-signer-gone')
  })

  it('is not for whom it is about, nor asked for twice', () => {
    expect(codeOf(ask({ kind: 'person', id: 'carla' }))).toBe('keeping-on-you')
    const again = decideHold(apply(NOTHING_KEPT, ask()), { id: 'H-2', scope: ANA, said: 'once more' }, as('dirk'))
    expect(codeOf(again)).toBe('already-held')
  })

  it('is lifted by two, and declining the lift leaves it in force', () => {
    const placed = apply(apply(NOTHING_KEPT, ask()), decidePlacing(hold(apply(NOTHING_KEPT, ask())), as('dirk')))
    const once = apply(placed, decideLifting(hold(placed), as('dirk')))
    expect(holdsAt(once, NOW)).toHaveLength(1)
    expect(codeOf(decideLifting(hold(once), as('dirk')))).toBe('second-person-needed')
    const declined = apply(once, decideKeepingDecline(hold(once), as('carla')))
    expect(holdsAt(declined, NOW + 365 * DAY)).toHaveLength(1)
    expect(decideLifting(hold(declined), as('carla'))).toMatchObject([{ type: 'hold.lift-asked' }])
    expect(holdsAt(apply(once, decideLifting(hold(once), as('carla'))), NOW)).toEqual([])
  })

  it('on a grant is neither placed, lifted nor declined by a keeper whose grant it is', () => {
    const rules = testPolicy({ keepers: ['dirk', 'olga'] })
    const own = (by: string) => ({ ...as(by, NOW, rules), holders: ['dirk'] })
    const scope: Scope = { kind: 'grant', id: 'G-000001' }
    const facts = decideHold(NOTHING_KEPT, { id: 'H-000001', scope, said: 'case 12' }, own('carla'))
    expect(facts).toMatchObject([{ data: { signers: [{ id: 'olga' }] } }])
    const asked = apply(NOTHING_KEPT, facts)
    expect(codeOf(decideKeepingDecline(hold(asked), own('dirk')))).toBe('keeping-on-you')
    const placed = apply(asked, decidePlacing(hold(asked), own('olga')))
    expect(codeOf(decideLifting(hold(placed), own('dirk')))).toBe('keeping-on-you')
    const once = apply(placed, decideLifting(hold(placed), own('carla')))
    expect(codeOf(decideLifting(hold(once), own('dirk')))).toBe('keeping-on-you')
    expect(codeOf(decideLifting(hold(once), own('olga')))).toBe('accepted')
  })

  it.each<[Scope, boolean]>([
    [{ kind: 'everything', id: '' }, true],
    [ANA, true],
    [{ kind: 'person', id: 'bo' }, false],
    [{ kind: 'target', id: 'prod-db' }, true],
    [{ kind: 'target', id: 'reports' }, false],
    [{ kind: 'grant', id: 'G-000001' }, true],
    [{ kind: 'grant', id: 'G-000002' }, false],
  ])('on %o', (scope, holds) => {
    const placed = holdsAt(apply(NOTHING_KEPT, ask(scope)), NOW)
    expect(whyNotErased(of(), placed, NOW) !== null).toBe(holds)
  })
})

describe('retention', () => {
  it('counts calendar years from the end, and stops erasure where financial reporting is touched', () => {
    const ended = Date.UTC(2020, 1, 29, 12)
    const [before, after] = [Date.UTC(2027, 2, 1, 12) - 1, Date.UTC(2027, 2, 1, 12)]
    expect(addYears(ended, 7)).toBe(after)
    expect(whyNotErased(of({ endedAt: ended, financialReporting: true }), [], before)).toEqual({
      ...{ because: 'retention', until: after },
    })
    expect(whyNotErased(of({ endedAt: ended, financialReporting: true }), [], after)).toBeNull()
    expect(whyNotErased(of({ endedAt: ended }), [], before)).toBeNull()
    expect(whyNotPruned(of({ endedAt: ended }), [], before)).toMatchObject({ because: 'retention' })
    expect(whyNotErased(of({ endedAt: null }), [], after)).toEqual({ because: 'open', until: null })
  })

  it('is the longer of that of the asking and that of now, and a policy that cannot be read is the strictest', () => {
    const short = testPolicy({ retentionYears: 1, targets: { 'prod-db': testTarget({ financialReporting: false }) } })
    expect(rulesFor('prod-db', policy, short)).toEqual({ financialReporting: true, retentionYears: 7 })
    expect(rulesFor('prod-db', short, policy)).toEqual({ financialReporting: true, retentionYears: 7 })
    expect(rulesFor('prod-db', null, short)).toEqual({ financialReporting: true, retentionYears: 7 })
    expect(rulesFor('prod-db', short, short)).toEqual({ financialReporting: false, retentionYears: 1 })
  })
})

describe('an erasure', () => {
  const asked = (texts: number, kept: readonly unknown[] = []) =>
    decideErasure(
      { id: 'E-000001', person: 'ana', said: 'her right', found: { texts, kept: kept as never } },
      as('carla'),
    )

  it('is refused where it is held or nothing may go, with the day on which something may', () => {
    expect(asked(3, [{ because: 'held', hold: 'H-1', until: null }])).toEqual({
      refused: { code: 'held', hold: 'H-1' },
    })
    const kept = [
      { because: 'retention', until: NOW + 2 * DAY },
      { because: 'retention', until: NOW + DAY },
      { because: 'open', until: null },
    ]
    expect(asked(0, kept)).toMatchObject({ refused: { code: 'nothing-to-erase', kept: 3, from: NOW + DAY } })
    expect(asked(1, kept)).toMatchObject([{ type: 'erasure.asked', data: { texts: 1, kept: 3 } }])
  })

  it('takes a second person, who is told when a hold came between', () => {
    const state = apply(NOTHING_KEPT, asked(3))
    const erasure = state.erasures.get('E-000001') ?? expect.fail('an erasure')
    const order = (by: string, kept: readonly unknown[] = []) =>
      decideErasureOrder(erasure, { texts: 3, kept: kept as never }, as(by))
    expect(codeOf(order('carla'))).toBe('second-person-needed')
    expect(codeOf(order('ana'))).toBe('keeping-on-you')
    expect(codeOf(order('dirk', [{ because: 'held', hold: 'H-1', until: null }]))).toBe('held')
    expect(order('dirk')).toMatchObject([{ type: 'erasure.ordered', data: { by: ['carla', 'dirk'] } }])
  })
})

/*
 * Four people who may and may not decide hold, lift, decline, erase and wait, in any order, beside a book of our own
 * that knows nothing of the decisions' code: whose two signatures stand on each hold, and what each grant waits for.
 */
it('nothing under a hold or inside its retention may ever go, and no hold is lifted by one', () => {
  const PEOPLE = ['carla', 'dirk', 'olga', 'ana'] as const
  const SCOPES: Scope[] = [{ kind: 'everything', id: '' }, ANA, { kind: 'target', id: 'prod-db' }]
  const step = fc.record({
    do: fc.constantFrom('ask', 'ask', 'place', 'place', 'lift', 'lift', 'decline', 'wait', 'year'),
    by: fc.constantFrom(...PEOPLE),
    scope: fc.constantFrom(...SCOPES),
    which: fc.nat(5),
  })
  const seen = { held: 0, lifted: 0, erasable: 0, prunable: 0, retained: 0 }
  const run = (steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[]) => {
    let [now, state] = [NOW, NOTHING_KEPT]
    const book = new Map<string, { scope: Scope; placed: string[]; lift: { by: string; until: number } | null }>()
    for (const { do: what, by, scope, which } of steps) {
      if (what === 'wait') now += 3 * HOUR
      if (what === 'year') now = addYears(now, 1)
      const one = [...state.holds.values()][which % Math.max(1, state.holds.size)]
      const id = `H-${state.holds.size}`
      const decision =
        what === 'ask'
          ? decideHold(state, { id, scope, said: 'case 12' }, as(by, now))
          : one === undefined
            ? []
            : what === 'place'
              ? decidePlacing(one, as(by, now))
              : what === 'lift'
                ? decideLifting(one, as(by, now))
                : what === 'decline'
                  ? decideKeepingDecline(one, as(by, now))
                  : []
      if ('refused' in decision) continue
      for (const fact of decision) {
        state = evolveKeeping(state, { ...fact, seq: state.seq + 1, at: now })
        const entry = 'hold' in fact.data ? book.get(fact.data.hold) : undefined
        if (fact.type === 'hold.asked') book.set(fact.data.hold, { scope, placed: [by], lift: null })
        if (fact.type === 'hold.placed' && entry) {
          expect(entry.placed).not.toContain(by)
          entry.placed.push(by)
        }
        if (fact.type === 'hold.lift-asked' && entry) entry.lift = { by, until: now + policy.pendingForMs }
        if (fact.type === 'hold.lifted' && entry) {
          seen.lifted++
          expect(entry.lift?.by).not.toBe(by)
          expect(now).toBeLessThan(entry.lift?.until ?? 0)
          expect(['carla', 'dirk']).toEqual(expect.arrayContaining([by, entry.lift?.by]))
          book.delete(fact.data.hold)
        }
        if (fact.type === 'keeping.declined' && one?.placed === null) book.delete(one.id)
      }
      for (const financialReporting of [true, false]) {
        const what = of({ endedAt: NOW, financialReporting })
        const isHeld = [...book.values()].some(({ placed }) => placed.length === 2)
        const isKept = now < addYears(NOW, 7)
        const [erased, pruned] = [whyNotErased, whyNotPruned].map((why) => why(what, holdsAt(state, now), now))
        if (isHeld) {
          expect([erased?.because, pruned?.because]).toEqual(['held', 'held'])
          seen.held++
        }
        if (isKept) {
          expect(pruned).not.toBeNull()
          if (financialReporting) expect(erased).not.toBeNull()
          seen.retained++
        }
        if (erased === null) seen.erasable++
        if (pruned === null) seen.prunable++
      }
    }
  }
  fc.assert(fc.property(fc.array(step, { minLength: 20, maxLength: 80 }), run), { numRuns: 500 })
  expect(
    Object.entries(seen).filter(([, count]) => count === 0),
    'each of them was met',
  ).toEqual([])
})
