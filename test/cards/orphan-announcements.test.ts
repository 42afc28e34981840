import { expect, it } from 'vitest'
import { announceOrphan } from '../../src/cards/orphan-announcements.ts'
import type { Placed } from '../../src/domain/grant-event.ts'
import type { OrphanFact } from '../../src/domain/orphan-event.ts'
import { testPolicy } from '../support/policy.ts'
import { AT, wordsOf } from './grant-story.ts'

const policy = testPolicy()
const found: Placed<OrphanFact> = {
  ...{ type: 'orphan.found', seq: 1, at: AT },
  data: { target: 'prod-db', account: 'jit_g_7k3qf0', grants: ['ledger_read'], why: 'not-on-record' },
}
const removed: Placed<OrphanFact> = {
  ...{ type: 'orphan.removed', seq: 2, at: AT + 1_000 },
  data: { target: 'prod-db', account: 'jit_g_7k3qf0', checks: [], left: [{ kind: 'table', what: 'public.mine' }] },
}

it('is said in the channel and to those who hear what needs a person, with why', () => {
  const said = announceOrphan('G-7K3QF0', [found], policy)
  expect(said.map(({ to }) => (to.kind === 'person' ? to.identity : to.kind))).toEqual([
    'channel',
    ...policy.escalateTo,
  ])
  for (const { message } of said) {
    expect(wordsOf(message)).toContain('the record knows nothing of it')
    expect(message).toMatchObject({ tone: 'alarm', badge: 'being taken away', buttons: [] })
    expect(wordsOf(message)).toContain('the finding about G-7K3QF0')
  }
})

it('says on the same card that it was seen gone, and what it left behind', () => {
  const [before] = announceOrphan('G-7K3QF0', [found], policy)
  const [after] = announceOrphan('G-7K3QF0', [found, removed], policy)
  expect(after?.key).toBe(before?.key)
  expect(after?.message).toMatchObject({ tone: 'done', badge: 'taken away' })
  expect(after && wordsOf(after.message)).toContain(`it was gone at <${AT + 1_000}>`)
  expect(after && wordsOf(after.message)).toContain('Left behind: table')
})

it('is another card when it is found again', () => {
  const again = { ...found, seq: 3 }
  const keys = announceOrphan('G-7K3QF0', [found, removed, again], policy).map(({ key }) => key)
  expect(new Set(keys).size).toBe(keys.length)
})
