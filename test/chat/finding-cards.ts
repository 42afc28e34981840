import { announceFinding } from '../../src/cards/finding-announcements.ts'
import { findingsCard } from '../../src/cards/finding-card.ts'
import { acceptanceForm, fixForm, retestForm } from '../../src/cards/finding-forms.ts'
import { DAY } from '../../src/domain/duration.ts'
import type { FindingEvent } from '../../src/domain/finding-event.ts'
import { type FindingState, foldFinding } from '../../src/domain/finding-state.ts'
import type { Card, Form, Line } from '../../src/ports/chat.ts'
import { testPolicy } from '../support/policy.ts'

const ID = 'F-7K3QF0'
const policy = testPolicy()
const names = (id: string) => policy.people.find((one) => one.id === id)?.name ?? id

/** One finding as it goes its way, in the words of the record. @param said what people typed */
function stories(at: number, said: string): [name: string, events: FindingEvent[]][] {
  const signed = { policy: policy.hash, assurance: 'click-only' } as const
  const olga = { by: 'olga', as: ['owner'], ...signed }
  const opened: FindingEvent = {
    type: 'finding.opened',
    data: {
      ...{ cause: 'grant-stuck', subject: { kind: 'grant', id: 'G-7K3QF2' }, target: 'prod-db', persons: ['ana'] },
      ...{ detail: 'remove: the role owns 2 tables', severity: 'critical', financial: true, after: null },
      owners: [
        { id: 'dirk', as: ['owner'] },
        { id: 'olga', as: ['owner'] },
      ],
      ...{ due: at + DAY, policy: policy.hash, channel: 'access' },
    },
  }
  const again: FindingEvent = { type: 'finding.seen-again', data: { detail: 'verify: a session is still open' } }
  const taken: FindingEvent = { type: 'finding.taken', data: olga }
  const moved: FindingEvent = { type: 'finding.due-moved', data: { ...olga, due: at + 3 * DAY, reason: said } }
  const fixed: FindingEvent = { type: 'finding.fixed', data: { ...olga, done: said } }
  const there: FindingEvent = { type: 'finding.retested', data: { by: null, passed: false, saw: 'Still there.' } }
  const gone: FindingEvent = { type: 'finding.retested', data: { by: 'carla', passed: true, saw: said } }
  const asked: FindingEvent = {
    type: 'finding.acceptance-asked',
    data: { ...olga, until: at + 30 * DAY, reason: said, control: 'the login is locked, and looked at daily' },
  }
  const accepted: FindingEvent = {
    type: 'finding.accepted',
    data: { by: ['olga', 'carla'], as: ['compliance'], until: at + 30 * DAY, ...signed },
  }
  const reopened: FindingEvent = {
    type: 'finding.reopened',
    data: { because: 'acceptance-over', detail: null, due: at + 31 * DAY },
  }
  const late: FindingEvent = {
    type: 'finding.reminded',
    data: { because: 'overdue', moment: at + 4 * DAY, to: ['olga', 'carla'] },
  }
  const closed: FindingEvent = { type: 'finding.closed', data: { ...olga, by: 'carla', as: ['compliance'] } }
  return [
    ['opened', [opened]],
    ['overdue', [opened, again, taken, moved, late]],
    ['fixed', [opened, again, taken, fixed, there, fixed]],
    ['gone', [opened, taken, fixed, gone]],
    ['closed', [opened, taken, fixed, gone, closed]],
    ['asked to rest', [opened, asked]],
    ['accepted', [opened, asked, accepted]],
    ['open again', [opened, asked, accepted, reopened]],
  ]
}

/** The card of a finding in every state that people see. */
export function findingCards(at: number): Card[] {
  return stories(at, 'dropped the <tables> & *more* @here').map(([, facts]) => {
    const message = announceFinding(ID, place(facts, at), names)[0]?.message
    if (message === undefined || !('title' in message)) throw new Error('the first announcement is a card')
    return message
  })
}

/** Everything that is said about findings, with the list of them. */
export function findingMessages(at: number, said: string): [name: string, message: Card | Line][] {
  const told = stories(at, said).flatMap(([name, facts]) =>
    announceFinding(ID, place(facts, at), names).map(({ key, message }): [string, Card | Line] => [
      `finding ${name} ${key}`,
      message,
    ]),
  )
  const all = stories(at, said).flatMap(([name, facts]) => (name === 'closed' ? [] : [stateOf(facts, at)]))
  const list = findingsCard({ open: all, unreadable: ['F-9D2XM0'] }, at + 4 * DAY, names)
  return [...told, ['findings', list], ['no findings', findingsCard({ open: [], unreadable: [] }, at, names)]]
}

export function findingForms(): [name: string, form: Form][] {
  const [first] = stories(0, 'why')
  const state = stateOf(first?.[1] ?? [], 0)
  return [
    ['fixed', fixForm(state)],
    ['retest', retestForm(state)],
    ['rest', acceptanceForm(state)],
  ]
}

function stateOf(facts: readonly FindingEvent[], at: number): FindingState {
  const state = foldFinding(ID, place(facts, at))
  if (state === null) throw new Error('nothing was found')
  return state
}

function place(facts: readonly FindingEvent[], at: number) {
  return facts.map((fact, index) => ({ ...fact, seq: index + 1, at: at + index * 60_000 }))
}
