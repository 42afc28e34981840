import { afterAll, beforeEach, expect, test } from 'vitest'
import { MINUTE } from '../../src/domain/duration.ts'
import type { Answer } from '../../src/ports/chat.ts'
import { openPasskeyToken } from '../../src/secrets/passkey-link.ts'
import { confirmDecision } from '../../src/workflow/confirm-decision.ts'
import { decideGrant } from '../../src/workflow/decide-grant.ts'
import { decideOnPasskey, newPasskey, offerPasskey, resetPasskeys } from '../../src/workflow/enrol-passkey.ts'
import { freezeTarget } from '../../src/workflow/freeze-target.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { loadPasskeys } from '../../src/workflow/passkey-store.ts'
import { showPasskeyPage } from '../../src/workflow/show-decision.ts'
import { testEntitlement, testTarget } from '../support/policy.ts'
import {
  createSoftPasskey,
  newPasskeyOf,
  responseOf,
  type SoftPasskey,
  UP,
  type Wrong,
} from '../support/soft-passkey.ts'
import { createTestContext, type TestContext } from './test-context.ts'

/* On a real database and record, with a clock that the test moves and passkeys without a device. */
const START = 1_790_000_000_000
const GRANT = 'G-7K3QF2'
const entitlement = testEntitlement({ stepUp: 'passkey' })
const withPasskey = { 'prod-db': testTarget({ entitlements: { read: entitlement } }) }

let house: TestContext
const houses: TestContext[] = []
let marcus: SoftPasskey
let acts = 0

beforeEach(async () => {
  house = await createTestContext(START)
  houses.push(house)
  house.setPolicy({ targets: withPasskey })
  await askFor(GRANT)
  marcus = await enrol('marcus')
})
afterAll(async () => {
  for (const { database } of houses) await database.drop()
})

const actOf = (id: string) => ({ key: `test:${acts++}`, account: { platform: 'local', tenant: 'local', id } })
const words = (answer: Answer) => JSON.stringify(answer)

async function askFor(id: string, durationMs = 30 * MINUTE): Promise<void> {
  const approvers = [{ id: 'marcus', as: ['manager'] }]
  await house.happen(id, {
    type: 'request.asked',
    data: {
      ...{ by: 'ana', for: 'ana', target: 'prod-db', entitlement: 'read', grants: 'ledger_read', durationMs },
      ...{ reason: 'fix the ledger', channel: 'access', pendingUntil: START + 60 * MINUTE, policy: 'a'.repeat(64) },
      ...{ approvers, rules: ['1 of manager, owners'] },
    },
  })
}

/** A link, opened as the door does. */
function opened(answer: Answer) {
  const token = /\/passkey\/([\w-]+)/.exec(words(answer))?.[1]
  if (token === undefined) throw new Error(`no link in ${words(answer)}`)
  const ticket = openPasskeyToken(house.context.sealing, token)
  if (ticket === null) throw new Error('not our token')
  const challenge = Buffer.from(ticket.challenge, 'base64').toString('base64url')
  return { token, ticket, challenge }
}

async function enrol(who: string, confirmedBy = 'carla'): Promise<SoftPasskey> {
  const passkey = createSoftPasskey()
  const { token, ticket, challenge } = opened(await newPasskey(house.context, actOf(who)))
  await offerPasskey(house.context, token, ticket, newPasskeyOf(passkey, challenge))
  const { state } = await loadPasskeys(house.context, house.context.db, who)
  await decideOnPasskey(house.context, actOf(confirmedBy), who, state.offer?.seq ?? 0, 'confirm')
  return passkey
}

const press = (who = 'marcus', id = GRANT, what: 'approve' | 'approve-extension' = 'approve') =>
  decideGrant(house.context, actOf(who), id, { what })

async function confirm(link: ReturnType<typeof opened>, passkey = marcus, wrong: Wrong = {}): Promise<string> {
  const { token, ticket, challenge } = link
  return words(await confirmDecision(house.context, token, ticket, responseOf(passkey, challenge, wrong)))
}

async function typesOf(id = GRANT): Promise<string[]> {
  return ((await loadGrant(house.context, house.context.db, id))?.events ?? []).map(({ type }) => type)
}

test('the press decides nothing, the passkey approves, and the event holds the whole assertion', async () => {
  const link = opened(await press())
  expect(await typesOf()).toEqual(['request.asked', 'passkey.challenged'])
  expect(await confirm(link)).toContain('Approved.')
  const loaded = await loadGrant(house.context, house.context.db, GRANT)
  expect(loaded?.events.at(-1)).toMatchObject({ type: 'request.approved', data: { by: ['marcus'], stepUp: 'passkey' } })
  expect(loaded?.events.at(-2)).toMatchObject({
    type: 'request.signed',
    data: {
      ...{ by: 'marcus', assurance: 'passkey' },
      assertion: {
        challenge: {
          request: GRANT,
          revision: 1,
          entitlement: 'prod-db:read',
          decision: 'approve',
          approver: 'marcus',
        },
        flags: { up: true, uv: true, be: false, bs: false },
      },
    },
  })
})

test('a denial needs no more than a click', async () => {
  const answer = await decideGrant(house.context, actOf('marcus'), GRANT, { what: 'deny', reason: 'not now' })
  expect(words(answer)).toContain('Denied.')
})

test('whoever answers a second time gets the first answer, and nothing happens twice', async () => {
  const link = opened(await press())
  const answers = await Promise.all([confirm(link), confirm(link), confirm(link)])
  expect(new Set(answers).size).toBe(1)
  expect(await confirm(link, createSoftPasskey())).toBe(answers[0])
  expect((await typesOf()).filter((type) => type === 'request.signed')).toHaveLength(1)
  const page = await showPasskeyPage(house.context, link.token, link.ticket)
  expect(page).toEqual({ kind: 'refused', code: 'used' })
})

test.each<[string, (link: ReturnType<typeof opened>) => Promise<string>, string]>([
  ['another key', (link) => confirm(link, createSoftPasskey()), 'not one that is confirmed as yours'],
  ['no user verification', (link) => confirm(link, marcus, { bits: UP }), 'does not hold for this decision'],
  ['another challenge', (link) => confirm(link, marcus, { challenge: 'AAAA' }), 'does not hold'],
  ['another page', (link) => confirm(link, marcus, { origin: 'http://localhost:4000' }), 'does not hold'],
  ['another host', (link) => confirm(link, marcus, { rpId: 'evil.example' }), 'does not hold'],
  ['another ceremony', (link) => confirm(link, marcus, { type: 'webauthn.create' }), 'does not hold'],
  [
    'a signature of another key under this one’s name',
    (link) => confirm(link, { ...createSoftPasskey(), credential: marcus.credential }),
    'does not hold',
  ],
])('%s decides nothing, is on record, and burns the link', async (_, wrong, said) => {
  const link = opened(await press())
  expect(await wrong(link)).toContain(said)
  expect(await confirm(link)).toContain(said)
  expect(await typesOf()).toEqual(['request.asked', 'passkey.challenged', 'act.refused'])
})

test('an assertion for one request is none for another', async () => {
  await askFor('G-7K3QF3')
  const [one, two] = [opened(await press()), opened(await press('marcus', 'G-7K3QF3'))]
  const response = responseOf(marcus, one.challenge)
  expect(words(await confirmDecision(house.context, two.token, two.ticket, response))).toContain('does not hold')
  expect(await typesOf('G-7K3QF3')).not.toContain('request.signed')
  expect(words(await confirmDecision(house.context, one.token, one.ticket, response))).toContain('Approved.')
})

test('a link is good for five minutes', async () => {
  const link = opened(await press())
  await house.clock.set(START + 5 * MINUTE)
  expect(await showPasskeyPage(house.context, link.token, link.ticket)).toEqual({ kind: 'refused', code: 'expired' })
  expect(await confirm(link)).toContain('has expired')
  expect(await typesOf()).not.toContain('request.signed')
})

test('a link is for whoever pressed: with the passkey of another it decides nothing', async () => {
  const olga = await enrol('olga')
  const link = opened(await press())
  expect(await confirm(link, olga)).toContain('not one that is confirmed as yours')
  expect(await typesOf()).not.toContain('request.signed')
})

test('an account that is linked to somebody else since decides nothing', async () => {
  const link = opened(await press())
  const { people } = house.context.policy.current()
  const moved = people.map((one) => {
    const local = (id: string) => [{ platform: 'local', tenant: 'local', id }]
    return one.id === 'marcus'
      ? { ...one, accounts: local('m2') }
      : one.id === 'olga'
        ? { ...one, accounts: local('marcus') }
        : one
  })
  house.setPolicy({ targets: withPasskey, people: moved })
  expect(await confirm(link)).toContain('for somebody else')
  expect(await typesOf()).not.toContain('request.signed')
})

test('a policy that changed since is not signed for, nor is a link whose row was changed', async () => {
  const one = opened(await press())
  house.setPolicy({ targets: withPasskey, hash: 'b'.repeat(64) })
  expect(await confirm(one)).toContain('What you saw has changed')
  const two = opened(await press())
  await house.database.admin`
    update passkey_link set inputs = replace(inputs, '"prod-db:read"', '"prod-db:write"') where used_at is null`
  expect(await confirm(two)).toContain('There is no such link')
  expect(await typesOf()).not.toContain('request.signed')
})

test('a freeze that came meanwhile holds it, and no link is given during one', async () => {
  const frozen = opened(await press())
  await freezeTarget(house.context, actOf('carla'), { scope: 'prod-db', reason: '' })
  expect(await confirm(frozen)).toContain('frozen')
  expect(words(await press())).toContain('frozen')
})

test('a passkey that was taken back signs nothing, and a new one takes a second person', async () => {
  const link = opened(await press())
  expect(words(await resetPasskeys(house.context, actOf('marcus'), ''))).toContain('Taken back.')
  expect(await confirm(link)).toContain('not one that is confirmed as yours')
  expect(words(await press())).toContain('has no passkey here')
  const again = opened(await newPasskey(house.context, actOf('marcus')))
  const known = newPasskeyOf(marcus, again.challenge)
  expect(words(await offerPasskey(house.context, again.token, again.ticket, known))).toContain('enrolled before')
  const fresh = await enrol('marcus', 'olga')
  expect(await confirm(opened(await press()), fresh)).toContain('Approved.')
})

test.each([
  ['ana', 'Only the manager of its owner and compliance'],
  ['dirk', 'Only the manager of its owner and compliance'],
])('%s may not take the passkeys of Marcus back', async (who, said) => {
  expect(words(await resetPasskeys(house.context, actOf(who), '@marcus'))).toContain(said)
})

test('a click from before the policy asked for a passkey does not count any more', async () => {
  const plain = testEntitlement({ approvals: [{ need: 2, from: [{ kind: 'manager' }, { kind: 'owners' }] }] })
  house.setPolicy({ targets: { 'prod-db': testTarget({ entitlements: { read: plain } }) } })
  expect(words(await press('marcus'))).toContain('Signed.')
  const strict = { ...plain, stepUp: 'passkey' as const }
  house.setPolicy({ targets: { 'prod-db': testTarget({ entitlements: { read: strict } }) } })
  const olga = await enrol('olga')
  expect(await confirm(opened(await press('olga')), olga)).toContain('Another signature is still needed')
  expect(await confirm(opened(await press('marcus')))).toContain('Approved.')
})

test('where PUBLIC_URL is no place for passkeys, an approval that needs one is held, and says why', async () => {
  const nowhere = {
    ...house.context,
    passkeys: { ...house.context.passkeys, place: null },
    publicUrl: 'http://10.0.0.5',
  }
  const answer = await decideGrant(nowhere, actOf('marcus'), GRANT, { what: 'approve' })
  expect(words(answer)).toContain('passkeys cannot work at http://10.0.0.5')
  expect(await typesOf()).toEqual(['request.asked', 'act.refused'])
})
