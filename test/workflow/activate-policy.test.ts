import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { parsePolicy } from '../../src/policy/parse-policy.ts'
import { activatePolicy } from '../../src/workflow/activate-policy.ts'
import { createPolicyInForce, type PolicyText } from '../../src/workflow/policy-in-force.ts'
import { AT } from '../record/record-fixture.ts'
import { signedExtension } from './signed-extension.ts'
import { createTestContext, type TestContext } from './test-context.ts'

const text = await readFile(path.join(import.meta.dirname, '../support/policy.yaml'), 'utf8')
const first = parsed(text)
const moved = parsed(text.replace('env:DEMO_TARGET_URL', 'env:NEW_TARGET_URL'))
const reworded = parsed(text.replace('Read the ledger', 'Read the whole ledger'))
const target = text.slice(text.indexOf('  prod-db:\n'))
const withNewServer = parsed(text + target.replace('prod-db', 'prod-db-2').replace('DEMO_TARGET_URL', 'NEW_TARGET_URL'))

let test: TestContext
beforeEach(async () => {
  test = await createTestContext(AT)
  for (const file of [first, moved, reworded, withNewServer]) await createPolicyInForce(file, around()).load()
})
afterEach(() => test.database.drop())

const [asked, signed, approved, providing, active] = signedExtension(AT) as [
  GrantEvent,
  GrantEvent,
  GrantEvent,
  Extract<GrantEvent, { type: 'grant.providing' }>,
  GrantEvent,
]
const ending: GrantEvent = { type: 'grant.ending', data: { cause: 'expired', by: null, due: AT } }
const gone: GrantEvent = { type: 'grant.removed', data: { checks: [], left: [], lateMs: 0 } }
const ID = 'G-7K3QF0'

it.each<[string, GrantEvent[]]>([
  ['planned', [asked, signed, approved]],
  ['providing', [asked, signed, approved, providing]],
  ['active', [asked, signed, approved, providing, active]],
  ['ending', [asked, signed, approved, providing, active, ending]],
])(
  'refuses another server for the target of a grant that is %s, and takes a new server under a new name',
  async (status, happened) => {
    await test.happen(ID, ...happened)
    await expect(activate(moved)).rejects.toMatchObject({
      code: 'grants-open',
      message:
        `${ID} is ${status} on prod-db:read, and the policy ${moved.policy.hash.slice(0, 12)} says that prod-db is ` +
        'postgres at env:NEW_TARGET_URL, while the access was given at postgres at env:DEMO_TARGET_URL\n' +
        `Nobody could take that access away. End it (/access end ${ID}) and wait until it is removed; or keep the target as it is, and add a new server under another name`,
    })
    expect(await activate(reworded)).toMatchObject({ policy: reworded.policy.hash })
    await expect(activate(moved)).rejects.toMatchObject({ code: 'grants-open' })
    expect(await activate(withNewServer)).toMatchObject({ policy: withNewServer.policy.hash })
  },
)

it('lets the target move while a request only waits, and once the access is removed', async () => {
  await test.happen(ID, asked)
  await test.happen('G-8K3QF0', asked, signed, approved, providing, active, ending)
  await expect(activate(moved)).rejects.toMatchObject({ message: expect.not.stringContaining(ID) })
  await test.happen('G-8K3QF0', gone)
  expect(await activate(moved)).toMatchObject({ policy: moved.policy.hash, before: first.policy.hash })
})

it('goes by the policy under which the access was given, whatever was activated since', async () => {
  await test.happen(ID, asked)
  await activate(moved)
  await test.happen(ID, signed, approved, { ...providing, data: { ...providing.data, policy: first.policy.hash } })
  expect(await activate(reworded)).toMatchObject({ policy: reworded.policy.hash })
  await expect(activate(moved)).rejects.toMatchObject({ code: 'grants-open' })
})

function activate({ policy }: PolicyText) {
  return activatePolicy(around(), policy.hash, 'carla')
}

function around() {
  const { db, record, witnessed, clock } = test.context
  const nothing = () => undefined
  return { db, record, witnessed, clock, changed: async () => undefined, committed: nothing, onUnproved: nothing }
}

function parsed(words: string): PolicyText {
  const reading = parsePolicy(words, 'policy.yaml')
  if ('faults' in reading) throw new Error(JSON.stringify(reading.faults))
  return { policy: reading.policy, text: words }
}
