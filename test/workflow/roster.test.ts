import { expect, it } from 'vitest'
import { createPolicyDirectory } from '../../src/directory/policy-directory.ts'
import type { Policy } from '../../src/domain/policy.ts'
import { StreamConflict } from '../../src/record/append.ts'
import type { Context } from '../../src/workflow/context.ts'
import { loadRoster } from '../../src/workflow/roster.ts'
import { testPolicy } from '../support/policy.ts'

const before = testPolicy()
const after = testPolicy({ hash: 'b'.repeat(64), groups: { dba: ['bo'] } })
const rules = [{ need: 1, from: [{ kind: 'group', group: 'dba' } as const] }]

it('asks again, rather than count the people of one policy by the rules of another', async () => {
  const house = { current: before }
  const roster = loadRoster(contextOf(house), before, 'prod-db', rules, 'ana')
  house.current = after
  await expect(roster).rejects.toBeInstanceOf(StreamConflict)
  expect(await loadRoster(contextOf(house), after, 'prod-db', rules, 'ana')).toMatchObject({ groups: { dba: ['bo'] } })
})

function contextOf(house: { current: Policy }): Context {
  const current = () => house.current
  return { directory: createPolicyDirectory(current), policy: { current } } as unknown as Context
}
