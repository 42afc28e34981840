import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createDesk } from '../../src/chat/desk.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import type { Answer, Form } from '../../src/ports/chat.ts'
import { AT, active, approved, askedFor, wordsOf } from '../cards/grant-story.ts'
import { testEntitlement, testTarget } from '../support/policy.ts'
import { createTestContext, type TestContext } from './test-context.ts'

let world: TestContext
let desk: ReturnType<typeof createDesk>
let acts = 0
let id: string

beforeAll(async () => {
  world = await createTestContext(AT + MINUTE)
  desk = createDesk(world.context, (error) => {
    throw error
  })
})
afterAll(() => world.database.drop())
beforeEach(() => {
  acts += 1
  id = `G-${String(acts).padStart(6, '0')}`
  world.setPolicy({})
})

const act = (as: string) => {
  acts += 1
  return { key: `act-${acts}`, account: { platform: 'local', tenant: 'local', id: as } }
}
const press = (as: string, action: string) => desk.press(act(as), { action, request: id, revision: 1 })
const formOf = (answer: Answer): Form => {
  if (answer.kind !== 'form') throw new Error(`no form: ${wordsOf(answer.kind === 'line' ? answer.line : answer.card)}`)
  return answer.form
}
const lineOf = (answer: Answer) => (answer.kind === 'line' ? wordsOf(answer.line) : `a ${answer.kind}`)
const field = (form: Form, name: string) => form.fields.find((one) => one.name === name)
const asked = askedFor({ approvers: [{ id: 'marcus', as: ['manager'] }] })
const writing = (overrides: Parameters<typeof testEntitlement>[0]) =>
  world.setPolicy({
    targets: { 'prod-db': testTarget({ entitlements: { write: testEntitlement({ name: 'write', ...overrides }) } }) },
  })

describe('the form behind Deny', () => {
  it('requires words where the policy does, and only there', async () => {
    await world.happen(id, asked)
    expect(field(formOf(await press('marcus', 'deny')), 'reason')?.required).toBe(true)
    writing({ denyReasonRequired: false })
    expect(field(formOf(await press('marcus', 'deny')), 'reason')?.required).toBe(false)
  })
})

describe('the form behind Extend', () => {
  it('says how much is left to ask for', async () => {
    await world.happen(id, asked, ...approved, ...active)
    const form = formOf(await press('ana', 'extend'))
    expect(field(form, 'duration')?.hint).toContain('2h at most')
    expect(field(form, 'reason')?.required).toBe(false)
  })

  it('opens when the reason of before no longer meets the policy, and asks for one that does', async () => {
    await world.happen(id, asked, ...approved, ...active)
    const pattern = { source: 'CHG-[0-9]+', hint: 'a change such as CHG-7' }
    writing({ reason: { minLength: 3, maxLength: 500, pattern } })
    expect(field(formOf(await press('ana', 'extend')), 'reason')).toMatchObject({ required: true, hint: pattern.hint })
  })

  it.each([2 * HOUR, 2 * HOUR + 500])('is refused when %d ms in all leave nothing to ask for', async (maxTotalMs) => {
    await world.happen(id, asked, ...approved, ...active)
    writing({ maxTotalMs })
    expect(lineOf(await press('ana', 'extend'))).toContain('cannot be extended any further')
  })
})

describe('what the desk answers', () => {
  it('never takes an hour for an hour and a half, from a form', async () => {
    const values = { right: 'prod-db:read', duration: '1h 30m', reason: 'fix ledger' }
    const answer = await desk.submit(act('ana'), { form: 'ask', context: {}, values })
    expect(lineOf(answer)).toContain('Write 1h30m')
    const empty = { ...values, duration: '', reason: '2h of ledger work' }
    expect(lineOf(await desk.submit(act('ana'), { form: 'ask', context: {}, values: empty }))).toContain('missing')
  })

  it('says how to end what is too late to cancel', async () => {
    await world.happen(id, asked, ...approved, ...active)
    expect(lineOf(await press('ana', 'cancel'))).toContain(`/access end ${id}`)
  })

  it('does not tell an owner that they took back what was another person’s', async () => {
    await world.happen(id, asked)
    expect(lineOf(await desk.command(act('olga'), `end ${id}`, null))).toBe('Withdrawn for them. Nothing was given.')
  })
})
