import { expect, it } from 'vitest'
import { mayOpenEvidence } from '../../src/domain/may-open-evidence.ts'
import { approved, asked, stateOf } from '../cards/grant-story.ts'
import { testPolicy } from '../support/policy.ts'

const state = stateOf(asked, ...approved)
const policy = testPolicy()

it.each([
  ['ana', { policies: false }],
  ['marcus', { policies: false }],
  ['olga', { policies: true }],
  ['carla', { policies: true }],
])('%s may: whose it is, who decides, who owns the target, and compliance', (by, may) => {
  expect(mayOpenEvidence(state, by, policy)).toEqual(may)
})

it('nobody else may, and they are told who can', () => {
  for (const by of ['bo', 'dirk', 'constructor', '']) {
    expect(mayOpenEvidence(state, by, policy)).toEqual({
      refused: { code: 'may-not-open-evidence', may: ['ana', 'carla', 'olga'] },
    })
  }
})

it('who signed and is not asked any more may still', () => {
  const changed = stateOf(asked, ...approved, {
    type: 'request.approvers-changed',
    data: { approvers: [], missing: 0, rules: [], policy: 'q' },
  })
  expect(mayOpenEvidence(changed, 'marcus', policy)).toEqual({ policies: false })
})

it('of a target that has left the policy, compliance may', () => {
  const without = testPolicy({ targets: {} })
  expect(mayOpenEvidence(state, 'carla', without)).toEqual({ policies: true })
  expect(mayOpenEvidence(state, 'olga', without)).toMatchObject({ refused: { code: 'may-not-open-evidence' } })
})
