import { describe, expect, it } from 'vitest'
import { concludeFinding } from '../../src/domain/conclude-finding.ts'
import { DAY } from '../../src/domain/duration.ts'
import { type FindingEvent, findingStream } from '../../src/domain/finding-event.ts'

const AT = Date.UTC(2026, 10, 21, 14)
const ID = 'F-7K3QF0'
const DUE = AT + 3 * DAY

type Opened = Extract<FindingEvent, { type: 'finding.opened' }>['data']
const opened = (changes: Partial<Opened> = {}): FindingEvent => ({
  type: 'finding.opened',
  data: {
    ...{ cause: 'grant-stuck', subject: { kind: 'grant', id: 'G-7K3QF0' }, detail: 'it could not be removed' },
    ...{ target: 'prod-db', persons: ['ana'], severity: 'critical', financial: true, owners: [], due: DUE },
    ...{ after: null, policy: 'p', channel: 'access', ...changes },
  },
})
const signed = (by: string) => ({ by, as: ['owner'], policy: 'p', assurance: 'click-only' }) as const
const fixed = (by = 'olga'): FindingEvent => ({ type: 'finding.fixed', data: { ...signed(by), done: 'dropped it' } })
const look = (by: string | null = 'dirk', passed = true): FindingEvent => ({
  type: 'finding.retested',
  data: { by, passed, saw: 'nothing left' },
})
const closed = (by: string | null = 'carla', as = ['compliance']): FindingEvent => ({
  type: 'finding.closed',
  data: { by, as: by === null ? [] : as, policy: 'p', assurance: by === null ? null : 'click-only' },
})
const reopened: FindingEvent = {
  type: 'finding.reopened',
  data: { because: 'seen-again', detail: 'there again', due: DUE + DAY },
}
const restAsked: FindingEvent = {
  type: 'finding.acceptance-asked',
  data: { ...signed('olga'), until: AT + 30 * DAY, reason: 'no spare', control: 'looked at daily' },
}
const rests = (by: readonly [string, string] = ['olga', 'carla']): FindingEvent => ({
  type: 'finding.accepted',
  data: { ...{ as: ['compliance'], until: AT + 30 * DAY, policy: 'p', assurance: 'click-only' }, by },
})
const later = (data: { due: number }): FindingEvent => ({
  type: 'finding.due-moved',
  data: { ...signed('olga'), reason: 'parts come', ...data },
})
const END: FindingEvent = { type: 'closed', data: { count: 9 } }
const NOT = 'closed, and NOT as it must be: '

function conclude(events: readonly FindingEvent[], everyMs = 1_000) {
  const facts = events.map(({ type, data }, n) => ({
    ...{ stream: findingStream(ID), seq: n + 1, type, leafIndex: n, data: { ...data }, texts: {} },
    at: AT + n * everyMs,
  }))
  return concludeFinding(facts, new Map())
}

describe('a finding', () => {
  it.each<[string, string, FindingEvent[]]>([
    ['fixed, retested, closed by another person, in time', 'shown', [opened(), fixed(), look(), closed(), END]],
    ['fixed, retested, closed by another person, in time', 'shown', [opened(), fixed(), look(null), closed()]],
    ['not fixed yet (due 2026-11-24T14:00:00.000Z)', 'open', [opened()]],
    ['fixed, not retested yet (due 2026-11-24T14:00:00.000Z)', 'open', [opened(), fixed()]],
    ['fixed, retested, not closed yet (due 2026-11-24T14:00:00.000Z)', 'open', [opened(), fixed(), look()]],
    [
      'its fix did not hold, not fixed yet (due 2026-11-24T14:00:00.000Z)',
      'open',
      [opened(), fixed(), look('dirk', false)],
    ],
    [
      'its fix did not hold, not fixed yet (due 2026-11-25T14:00:00.000Z)',
      'open',
      [opened(), fixed(), look(), reopened],
    ],
    [
      'left as it is until 2026-12-21T14:00:00.000Z, as two persons signed',
      'open',
      [opened(), restAsked, rests(), look(null, false)],
    ],
    [
      'left as it is until 2026-12-21T14:00:00.000Z, and NOT as it must be: one person signed alone',
      'broken',
      [opened(), restAsked, rests(['olga', 'olga'])],
    ],
    [
      'left as it is until 2026-12-21T14:00:00.000Z, and NOT as it must be: the second signed something else than was asked for',
      'broken',
      [opened(), rests()],
    ],
    [`${NOT}nobody fixed it; nobody else looked after the last fix, in time`, 'broken', [opened(), look(), closed()]],
    [`${NOT}nobody else looked after the last fix, in time`, 'broken', [opened(), fixed(), closed()]],
    [`${NOT}nobody else looked after the last fix, in time`, 'broken', [opened(), look(), fixed(), closed()]],
    [`${NOT}nobody else looked after the last fix, in time`, 'broken', [opened(), fixed(), look('olga'), closed()]],
    [`${NOT}nobody else looked after the last fix, in time`, 'broken', [opened(), fixed(), look('ana'), closed()]],
    [`${NOT}its last fix did not hold, in time`, 'broken', [opened(), fixed(), look(), reopened, closed()]],
    [`${NOT}it was closed by olga, who had fixed it, in time`, 'broken', [opened(), fixed(), look(), closed('olga')]],
    [
      `${NOT}it was closed by olga, who had fixed it, in time`,
      'broken',
      [opened(), fixed('olga'), look(null, false), fixed('dirk'), look(null), closed('olga')],
    ],
    [`${NOT}it was closed by ana, whom it is about, in time`, 'broken', [opened(), fixed(), look(), closed('ana')]],
    [`${NOT}carla closed it as nothing, in time`, 'broken', [opened(), fixed(), look(), closed('carla', [])]],
    [
      'seen gone by the machine, closed by itself, in time',
      'shown',
      [opened({ financial: false }), look(null), closed(null)],
    ],
    [
      `${NOT}a person has to close what touches financial reporting, in time`,
      'broken',
      [opened(), look(null), closed(null)],
    ],
    [
      `${NOT}no look of the machine found it gone, in time`,
      'broken',
      [opened({ financial: false }), look('dirk'), closed(null)],
    ],
    [
      `${NOT}a person has to close what has this cause, in time`,
      'broken',
      [opened({ financial: false, cause: 'record-differs' }), look(null), closed(null)],
    ],
  ])('%s (%s)', (line, standing, events) => {
    expect(conclude(events)).toMatchObject({ about: ID, line, standing })
  })

  it('says when it came too late, by the day that was set last', () => {
    const story = [opened(), fixed(), look(), closed()]
    expect(conclude(story, 2 * DAY)).toMatchObject({
      line: 'fixed, retested, closed by another person, 3d after it was due',
      standing: 'broken',
    })
    const moved = [opened(), later({ due: AT + 30 * DAY }), ...story.slice(1)]
    expect(conclude(moved, 2 * DAY)).toMatchObject({ standing: 'shown' })
    expect(conclude([opened(), fixed(), look()], 2 * DAY)).toMatchObject({
      line: 'fixed, retested, not closed yet, not closed when it was due (2026-11-24T14:00:00.000Z)',
      standing: 'broken',
    })
  })

  it('says what was found, every step and every check, and what it does not prove', () => {
    const { parts = [], notProved = [] } = conclude([opened(), fixed(), look(), closed()]) ?? {}
    const values = parts.flatMap(({ facts }) => facts.map(({ label, value }) => `${label}: ${value}`))
    expect(values).toContain('What was seen: it could not be removed')
    expect(values).toContain('Fixed: 2026-11-21T14:00:01.000Z by olga as owner: dropped it (click-only)')
    expect(values).toContain('Checked: whoever closed it had not fixed it: yes')
    expect(notProved).toContain('what a person saw who looked: it is their word')
    expect(notProved).toContainEqual(expect.stringMatching(/^the hand: 2 decisions are clicks/))
  })

  it('concludes nothing of another form', () => {
    expect(conclude([fixed()])).toBeNull()
    expect(conclude([{ type: 'finding.opened', data: {} } as unknown as FindingEvent])).toBeNull()
  })
})
