import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concludeGrant } from '../../src/domain/conclude-grant.ts'
import type { Conclusion, ProvedFact } from '../../src/domain/conclusion.ts'
import { HOUR, MINUTE, SECOND } from '../../src/domain/duration.ts'
import { type GrantEvent, grantStream } from '../../src/domain/grant-event.ts'
import type { Policy } from '../../src/domain/policy.ts'
import {
  active,
  approved,
  asked,
  askedFor,
  closed,
  ending,
  endNear,
  extended,
  extensionAsked,
  ID,
  removed,
  signed,
  stuck,
} from '../cards/grant-story.ts'
import { testPolicy } from '../support/policy.ts'

const AT = 1_800_000_000_000
const END = AT + 2 * HOUR
const LOOKED = { name: 'role in the catalogue', expected: 'absent', observed: 'absent', ok: true }
const WORKS = { name: 'login', expected: 'let in', observed: 'let in', ok: true }

/** When each thing happens, after the asking. */
const WHEN: Readonly<Partial<Record<GrantEvent['type'], number>>> = {
  'grant.ending': 2 * HOUR,
  'grant.disabled': 2 * HOUR + 400,
  'grant.sessions-ended': 2 * HOUR + 500,
  'grant.access-removed': 2 * HOUR + 600,
  'grant.looked': 2 * HOUR + 700,
  'grant.removed': 2 * HOUR + SECOND,
  'grant.stuck': 2 * HOUR + MINUTE,
  closed: 2 * HOUR + 2 * MINUTE,
}

function factsOf(
  events: readonly GrantEvent[],
  changes: Partial<Record<GrantEvent['type'], number>> = {},
): ProvedFact[] {
  return events.map(({ type, data }, index) => ({
    ...{ stream: grantStream(ID), seq: index + 1, type, leafIndex: index, data: { ...data }, texts: {} },
    at: AT + (changes[type] ?? WHEN[type] ?? 0),
  }))
}

function conclude(events: readonly GrantEvent[], changes?: Parameters<typeof factsOf>[1]): Conclusion {
  const conclusion = concludeGrant(factsOf(events, changes), new Map())
  if (conclusion === null) throw new Error('no conclusion')
  return conclusion
}

const changed = <E extends GrantEvent>(event: GrantEvent, data: Partial<E['data']>) =>
  ({ ...event, data: { ...event.data, ...data } }) as GrantEvent
const [providing, usable] = active as [GrantEvent, GrantEvent]
const works = changed(usable, { checks: [WORKS] })
const gone = changed(removed, { checks: [LOOKED] })
const given = [asked, ...approved, providing, works]
const whole = [...given, endNear, ...ending, gone, closed]
const marcus = { by: ['marcus'], policy: 'p', usableUntil: AT + HOUR }
const denied: GrantEvent = {
  type: 'request.denied',
  data: { by: 'marcus', reason: 'not today', policy: 'p', assurance: 'click-only' },
}
const looked = (verdict: 'still-present' | 'indeterminate'): GrantEvent => ({
  type: 'grant.looked',
  data: { verdict, checks: [], left: [] },
})

describe('the line', () => {
  it.each<[string, string, GrantEvent[]]>([
    ['authorised, ended on time, seen gone', 'shown', whole],
    ['not authorised yet, to be decided by 2027-01-15T09:00:00.000Z, not given yet', 'open', [asked]],
    ['denied by marcus, never given', 'shown', [asked, denied, closed]],
    ['taken back by ana, never given', 'shown', [asked, { type: 'request.cancelled', data: { by: 'ana' } }, closed]],
    ['never decided, never given', 'shown', [asked, { type: 'request.expired', data: { pendingUntil: AT } }, closed]],
    ['authorised, not given yet', 'shown', [asked, ...approved]],
    [
      'authorised, taken back by ana, never given',
      'shown',
      [asked, ...approved, { type: 'request.cancelled', data: { by: 'ana' } }],
    ],
    [
      'authorised, never given',
      'shown',
      [asked, ...approved, { type: 'grant.failed', data: { code: 'approval-stale', message: 'too late' } }, closed],
    ],
    ['authorised, not yet ended (due 2027-01-15T10:00:00.000Z), not proved to be gone', 'open', given],
    [
      'authorised, ending, and logins not seen stopped, not proved to be gone',
      'open',
      [...given, ...ending.slice(0, 1)],
    ],
    ['authorised, ended on time, not proved to be gone', 'open', [...given, ...ending]],
    ['authorised, ended on time, stuck: not proved to be gone', 'broken', [...given, ...ending, stuck]],
    ['authorised, ended on time, seen gone', 'shown', [...given, ...ending, stuck, gone]],
    ['authorised, ended on time, seen to be still there', 'broken', [...given, ...ending, looked('still-present')]],
    ['authorised, ended on time, not proved to be gone', 'open', [...given, ...ending, looked('indeterminate')]],
    [
      'authorised, ended on time, called removed, and no look shows it',
      'broken',
      [...given, ...ending, removed, closed],
    ],
    [
      'authorised, ended on time, called removed, and no look shows it',
      'broken',
      [...given, ...ending, changed(removed, { checks: [LOOKED, { ...LOOKED, ok: false }] })],
    ],
    [
      'authorised, ended on time, seen gone, with 1 left behind',
      'shown',
      [...given, ...ending, changed(gone, { left: [{ kind: 'object', what: 'table t' }] })],
    ],
    [
      'authorised, ended on time, seen gone, never seen to work',
      'shown',
      [
        ...[asked, ...approved, providing],
        { type: 'grant.ending', data: { cause: 'provision-failed', by: null, due: END } },
        ...[...ending.slice(1), gone],
      ],
    ],
    ['authorised, given again after its end, seen gone', 'broken', [...given, ...ending, works, gone]],
  ])('%s (%s)', (line, standing, events) => {
    expect(conclude(events)).toMatchObject({ line, standing })
  })

  it('says by how much it ended late, counted to when logins stopped, from the end that was allowed', () => {
    expect(conclude(whole, { 'grant.disabled': 2 * HOUR + 5 * SECOND }).line).toContain('ended on time')
    expect(conclude(whole, { 'grant.disabled': 2 * HOUR + 5_001 })).toMatchObject({
      line: 'authorised, ended late by 5.001 s, seen gone',
      standing: 'broken',
    })
    const allowedLess = whole.map((event) =>
      event.type === 'grant.ending' ? changed(event, { due: END + 3 * MINUTE }) : event,
    )
    const late = { 'grant.disabled': 2 * HOUR + 3 * MINUTE }
    expect(conclude(allowedLess, late).line).toBe('authorised, ended late by 3m, seen gone')
  })

  it('counts from the new end where more time was approved', () => {
    const longer = [asked, ...approved, providing, works, extensionAsked, ...extended, ...ending, gone]
    const moved = longer.map((event) => {
      if (event.type === 'grant.ending') return changed(event, { due: END + 30 * MINUTE })
      return event.type === 'extension.signed' ? changed(event, { by: 'marcus', as: ['manager'] }) : event
    })
    const byMarcus = moved.map((event) =>
      event.type === 'extension.approved' ? changed(event, { by: ['marcus'] }) : event,
    )
    const at = { 'grant.disabled': 2.5 * HOUR, 'grant.removed': 2.5 * HOUR + 1 }
    expect(conclude(byMarcus, at).line).toBe('authorised, ended on time, seen gone')
    const withoutApproval = byMarcus.filter(({ type }) => type !== 'extension.approved')
    expect(conclude(withoutApproval, at).line).toBe('NOT authorised, ended on time, seen gone')
  })

  it('says when it was signed by the platform’s clock too, where that is on record', () => {
    const heard = factsOf(given).map((fact) => ({ ...fact, data: { ...fact.data, platformAt: fact.at - 1_250 } }))
    const part = concludeGrant(heard, new Map())?.parts.find(({ title }) => title === 'Authorised')
    const [signature] = part?.facts.filter(({ label }) => label === 'Signed') ?? []
    const said = /^(\S+Z) by marcus .*, (\S+Z) by the chat platform’s clock$/.exec(signature?.value ?? '')
    expect(Date.parse(said?.[1] ?? '') - Date.parse(said?.[2] ?? '')).toBe(1_250)
    expect(JSON.stringify(conclude(given))).not.toContain('platform’s clock')
  })

  it('says that it was found there again, whatever the stream itself says', () => {
    const beside = (seq: number, type: string, checks: object[]): ProvedFact => ({
      ...{ stream: `orphan:${ID}`, seq, type, at: AT + 3 * HOUR, leafIndex: 90 + seq, texts: {} },
      data: {
        target: 'prod-db',
        account: 'jit_7k3qf0',
        grants: ['ledger_write'],
        why: 'already-ended',
        checks,
        left: [],
      },
    })
    const line = (...more: ProvedFact[]) => concludeGrant([...factsOf(whole), ...more], new Map())?.line
    const found = beside(1, 'orphan.found', [])
    expect(line(found)).toBe('authorised, ended on time, found there again')
    expect(line(found, beside(2, 'orphan.removed', [LOOKED]))).toBe(
      'authorised, ended on time, found there again, then seen gone',
    )
    expect(line(found, beside(2, 'orphan.removed', []))).toContain('not proved to be gone')
  })
})

describe('authorised', () => {
  const withApproval = (change: object, ...before: GrantEvent[]) => [
    ...[asked, ...before],
    ...[changed(approved[1] as GrantEvent, change), providing, works, ...ending, gone],
  ]
  const olga: GrantEvent = { ...signed, data: { ...signed.data, by: 'olga', as: ['owner'] } } as GrantEvent

  it.each<[string, GrantEvent[], string]>([
    ['nobody approved', whole.filter(({ type }) => type !== 'request.approved'), 'NOT authorised'],
    ['nobody signed', withApproval(marcus), 'no signature'],
    ['the approval names nobody', withApproval({ ...marcus, by: [] }, signed), 'names nobody'],
    ['one person counts twice', withApproval({ ...marcus, by: ['marcus', 'marcus'] }, signed), 'one person twice'],
    ['another one signed', withApproval(marcus, olga), 'of whom there is no signature'],
    ['who signed is no manager', withApproval({ ...marcus, by: ['olga'] }, olga), 'fewer signatures than its rules'],
    [
      'the asker signed',
      [...[askedFor({ by: 'marcus' }), ...approved, providing, works], ...ending, gone],
      'marcus for themselves',
    ],
    [
      'one signature where two persons are asked for',
      [askedFor({ rules: ['1 of manager', '1 of owners'] }), ...whole.slice(1)],
      'fewer signatures than its rules',
    ],
    ['it was denied first', [asked, signed, denied, ...whole.slice(2)], 'went on after request.denied'],
    [
      'the target was touched before the approval was witnessed',
      whole.map((event) => (event.type === 'grant.providing' ? changed(event, { checkpointSize: 2 }) : event)),
      'before its approval was in a witnessed checkpoint',
    ],
    [
      'it was given for longer than was asked for',
      whole.map((event) => (event.type === 'grant.active' ? changed(event, { endsAt: END + 1 }) : event)),
      'for longer than was asked for',
    ],
    ['the end was moved without a word', [...given, ...extended.slice(2), ...ending, gone], 'nobody had approved'],
    [
      'the approval had lapsed',
      whole.map((event) => (event.type === 'request.approved' ? changed(event, { usableUntil: AT - 1 }) : event)),
      'after it had lapsed',
    ],
  ])('not where %s', (_, events, why) => {
    const { line, standing, parts } = conclude(events)
    expect(line).toMatch(/^NOT authorised/)
    expect(standing).toBe('broken')
    expect(parts.find(({ title }) => title === 'Authorised')?.says).toContain(why)
  })

  it('is not shown where the policy changed and its rules are not known', () => {
    const other = whole.map((event) => (event.type === 'request.approved' ? changed(event, { policy: 'q' }) : event))
    expect(conclude(other)).toMatchObject({ standing: 'unclear' })
    expect(conclude(other).line).toBe('not shown to be authorised, ended on time, seen gone')
  })

  it('goes by the text of the policy where it came along', () => {
    const line = (policy: Policy | null) => concludeGrant(factsOf(whole), new Map([['p', policy]]))?.line
    // By this policy, writing needs an owner or a DBA too.
    expect(line(testPolicy())).toMatch(/^NOT authorised/)
    expect(line(null)).toMatch(/^authorised/)
  })

  it('names every check of the approval, also those that passed', () => {
    const checksOf = (events: GrantEvent[]) =>
      conclude(events)
        .parts.find(({ title }) => title === 'Authorised')
        ?.facts.filter(({ label }) => label === 'Checked')
        .map(({ value }) => value)
    expect(checksOf(whole)).toEqual([
      'by distinct persons: yes',
      'none of them asked for it or holds it: yes',
      'each signed before it, by themselves: yes',
      'they fill the rules of the policy that it names: yes',
      'nothing had ended the request before: yes',
      'it was in a witnessed checkpoint before the target was touched: yes',
      'it was used in its time: yes',
      'nobody had it for longer than was signed: yes',
    ])
    const late = whole.map((event) =>
      event.type === 'request.approved' ? changed(event, { usableUntil: AT - 1 }) : event,
    )
    expect(checksOf(late)).toContain('it was used in its time: NO, the approval was used after it had lapsed')
    expect(checksOf([asked, ...approved])).toHaveLength(5)
  })

  it('says the assurance of every decision', () => {
    const part = conclude(whole).parts.find(({ title }) => title === 'Authorised')
    expect(part?.facts).toContainEqual({
      label: 'Signed',
      value: `${new Date(AT).toISOString()} by marcus as manager (click only, AAL not claimed)`,
    })
  })
})

describe('what is not proved', () => {
  it('is always said of activity, clicks, witnesses, clocks, the thread and the build', () => {
    const { notProved } = conclude(whole)
    for (const word of ['activity: not collected', '1 decision is a click', 'witness', 'clock', 'thread', 'build']) {
      expect(notProved.join('\n')).toContain(word)
    }
    expect(notProved.join('\n')).not.toContain('is not closed')
  })

  it('names open streams, texts that are gone and notices that were lost', () => {
    const salted = factsOf(given).map((fact) => ({
      ...fact,
      data: { ...fact.data, ...(fact.seq === 1 && { reason: { salted: 'ff' } }) },
    }))
    const lost: ProvedFact = {
      ...{
        stream: `undelivered:${grantStream(ID)}`,
        seq: 1,
        type: 'notice.undeliverable',
        at: AT,
        leafIndex: 50,
        texts: {},
      },
      data: { to: 'ana', notice: 'n', code: 'refused' },
    }
    const notProved = concludeGrant([...salted, lost], new Map())?.notProved.join('\n')
    expect(notProved).toContain(`grant:${ID}: it is not closed`)
    expect(notProved).toContain(`the reason in grant:${ID} #1`)
    expect(notProved).toContain('1 notice could not be delivered')
  })
})

describe('whatever the events are', () => {
  const pool = [...whole.slice(1), denied, stuck, extensionAsked, ...extended, looked('still-present'), works]

  /** The good story with something dropped, exchanged or put in. */
  const story = fc
    .record({
      drop: fc.uniqueArray(fc.nat({ max: whole.length - 1 }), { maxLength: 2 }),
      swap: fc.option(fc.tuple(fc.nat({ max: whole.length - 1 }), fc.nat({ max: whole.length - 1 }))),
      put: fc.option(fc.tuple(fc.nat({ max: whole.length }), fc.constantFrom(...pool))),
    })
    .map(({ drop, swap, put }) => {
      const events = [...whole]
      if (swap !== null) {
        const [a, b] = swap.map((place) => events[place]) as [GrantEvent, GrantEvent]
        events[swap[0]] = b
        events[swap[1]] = a
      }
      const left = events.filter((_, place) => !drop.includes(place))
      if (put !== null) left.splice(put[0], 0, put[1])
      return left
    })
    .filter(([first]) => first === asked)

  it('it is all well only where another one signed, then it was approved, given, ended, stopped and looked at', () => {
    let well = 0
    let not = 0
    fc.assert(
      fc.property(story, (events) => {
        const conclusion = concludeGrant(factsOf(events), new Map())
        if (conclusion?.standing !== 'shown' || !conclusion.line.includes('seen gone')) {
          not++
          return
        }
        well++
        const steps = [signed, approved[1], providing, ending[0]].map((event) => events.indexOf(event as GrantEvent))
        expect(steps).not.toContain(-1)
        expect(steps).toEqual(steps.toSorted((a, b) => a - b))
        const ended = steps.at(-1) ?? Infinity
        expect(
          events.findLastIndex(({ type }) => type === 'grant.disabled' || type === 'grant.removed'),
        ).toBeGreaterThan(ended)
        expect(events.lastIndexOf(gone)).toBeGreaterThan(ended)
        for (const type of ['grant.providing', 'grant.active', 'grant.extended']) {
          expect(events.findLastIndex((event) => event.type === type)).toBeLessThan(ended)
        }
        expect(events.slice(0, steps[2]).some(({ type }) => type === 'request.denied')).toBe(false)
      }),
      { numRuns: 5_000 },
    )
    expect(Math.min(well, not)).toBeGreaterThan(200)
  })

  it('it never throws, and what it does not know gets no verdict', () => {
    const types = [...new Set(pool.map(({ type }) => type)), 'orphan.found', 'later.invented']
    const fact = fc.record({ type: fc.constantFrom(...types), data: fc.dictionary(fc.string(), fc.jsonValue()) })
    fc.assert(
      fc.property(fc.array(fact), (facts) => {
        const all = facts.map(({ type, data }, index): ProvedFact => {
          return {
            stream: grantStream(ID),
            seq: index + 2,
            type,
            at: AT,
            leafIndex: index + 1,
            data: data as object as ProvedFact['data'],
            texts: {},
          }
        })
        const conclusion = concludeGrant([...factsOf([asked]), ...all], new Map())
        expect(conclusion === null || conclusion.line.length > 0).toBe(true)
      }),
    )
    expect(concludeGrant([], new Map())).toBeNull()
    expect(concludeGrant(factsOf([signed]), new Map())).toBeNull()
  })
})

it.each<{ by: unknown }>([{ by: null }, { by: {} }, { by: ['ana'] }, { by: { toString: null } }])(
  'an event of an odd form concludes nothing, and breaks nothing: $by',
  ({ by }) => {
    const odd = { ...asked, data: { ...asked.data, by } } as unknown as GrantEvent
    expect(concludeGrant(factsOf([odd]), new Map())).toBeNull()
  },
)
