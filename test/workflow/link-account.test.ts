import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDesk } from '../../src/chat/desk.ts'
import { type AccountProfile, mayHave } from '../../src/domain/decide-link.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import type { Account, Answer } from '../../src/ports/chat.ts'
import { announce } from '../../src/workflow/announce.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { createProvisioning, type Provisioning } from '../../src/workflow/provision-people.ts'
import { AT } from '../record/record-fixture.ts'
import { createTestContext, type TestContext } from './test-context.ts'

/** One human is one human, over both chats: what links an account, and everything that does not. */
const TENANT = '11111111-2222-4333-8444-555555555555'
const OBJECT = 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee'
const RULES = {
  ...{ groups: {}, slackEmail: { T0ACME: ['acme.example'] }, teamsTenant: TENANT, identityAssurance: true },
  administrators: [],
}
const slack = (id: string, tenant = 'T0ACME'): Account => ({ platform: 'slack', tenant, id })
const teams = (id: string, tenant = TENANT): Account => ({ platform: 'teams', tenant, id })
const local = (id: string): Account => ({ platform: 'local', tenant: 'local', id })

let house: TestContext
let people: Provisioning
let desk: ReturnType<typeof createDesk>
let profiles: Map<string, AccountProfile>
let asked: string[]
let acts = 0
beforeEach(async () => {
  house = await createTestContext(AT)
  house.setPolicy({ directory: RULES })
  profiles = new Map([[OBJECT, member(null)]])
  asked = []
  const context = Object.assign(house.context, {
    profileOf: async ({ id }: Account) => {
      asked.push(id)
      return profiles.get(id) ?? null
    },
  })
  desk = createDesk(context, (error) => {
    throw error
  })
  people = createProvisioning(context)
})
afterEach(() => house.database.drop())

const member = (confirmedEmail: string | null): AccountProfile => ({ kind: 'member', confirmedEmail })
const say = async (account: Account, words: string) => {
  return JSON.stringify(await desk.command({ key: `act-${++acts}`, account }, words, null))
}
const who = async (account: Account) => {
  await house.context.people.look(house.context.db)
  return (await house.context.directory.byAccount(account))?.id ?? null
}
async function enter(userName: string, more: Record<string, unknown> = {}): Promise<string> {
  const entered = await people.enter({ userName, displayName: userName, ...more })
  return 'id' in entered ? entered.id : ''
}
const eventsOf = (id: string) => house.context.record.readStream(house.context.db, `identity:${id}`)

describe('on Slack a confirmed address', () => {
  it.each(['eva@acme.example', 'EVA@Acme.Example'])(
    'of a domain of the policy links whom the directory gives it: %s',
    async (email) => {
      const eva = await enter('eva@acme.example')
      profiles.set('U1', member(email))
      expect(await say(slack('U1'), 'list')).toContain('prod-db')
      expect(await who(slack('U1'))).toBe(eva)
      const linked = (await eventsOf(eva)).find(({ type }) => type === 'account.linked')
      expect(linked?.data).toMatchObject({ platform: 'slack', account: 'U1', proof: { how: 'confirmed-email' } })
      expect(await say(slack('U1'), 'link')).toContain('not claimed')
    },
  )

  it.each<[string, AccountProfile | null, Account]>([
    ['with a plus', member('eva+2@acme.example'), slack('U1')],
    ['of another domain', member('eva@evil.example'), slack('U1')],
    ['of a domain under it', member('eva@x.acme.example'), slack('U1')],
    ['that is not confirmed', member(null), slack('U1')],
    ['of a guest', { kind: 'guest', confirmedEmail: 'eva@acme.example' }, slack('U1')],
    ['of a bot', { kind: 'bot', confirmedEmail: 'eva@acme.example' }, slack('U1')],
    ['of somebody of another organisation', { kind: 'stranger', confirmedEmail: 'eva@acme.example' }, slack('U1')],
    ['in a workspace that the policy does not name', member('eva@acme.example'), slack('U1', 'T0OTHER')],
    ['that Slack does not tell', null, slack('U1')],
  ])('links nobody %s', async (_, profile, account) => {
    const eva = await enter('eva@acme.example')
    if (profile !== null) profiles.set('U1', profile)
    expect(await say(account, 'prod-db 1h fix the ledger')).toContain('I do not know you here yet')
    expect(await who(account)).toBeNull()
    expect((await eventsOf(eva)).map(({ type }) => type)).toEqual(['identity.entered'])
  })

  it('that was changed in the directory links nobody, and moves nothing', async () => {
    const eva = await enter('eva@acme.example')
    profiles.set('U1', member('eva@acme.example'))
    await say(slack('U1'), 'list')
    const bo = await enter('bob@acme.example')
    await people.change(eva, { userName: 'eva@acme.example', emails: [{ value: 'old@acme.example' }] }, null)
    await people.change(bo, { userName: 'bob@acme.example', emails: [{ value: 'eva@acme.example' }] }, null)
    expect(await who(slack('U1'))).toBe(eva)
    profiles.set('U2', member('eva@acme.example'))
    await say(slack('U2'), 'list')
    expect(await who(slack('U2'))).toBeNull()
  })

  it('that two share is nobody’s, and those who can settle it are told, once', async () => {
    const eva = await enter('eva@acme.example')
    await enter('eva+admin@acme.example')
    profiles.set('U1', member('eva@acme.example'))
    expect(await say(slack('U1'), 'list')).toContain('I cannot tell whose account this is')
    await say(slack('U1'), 'list')
    expect(await who(slack('U1'))).toBeNull()
    expect((await eventsOf(eva)).map(({ type }) => type)).toEqual(['identity.entered', 'account.not-linked'])
    await announce(house.context, `identity:${eva}`)
    const told = [...house.chat.messages.values()]
    expect(told.map(({ to }) => to)).toEqual([{ kind: 'person', account: local('carla') }])
    expect(JSON.stringify(told)).toContain('could not be linked')
  })

  it('is not asked for again and again', async () => {
    await enter('eva@acme.example')
    await say(slack('U9'), 'list')
    await say(slack('U9'), 'list')
    expect(asked).toEqual(['U9'])
    await house.clock.advance(MINUTE)
    await say(slack('U9'), 'list')
    expect(asked).toEqual(['U9', 'U9'])
  })
})

describe('on Teams', () => {
  it('the object id of the directory links, in any case, and an address never does', async () => {
    const eva = await enter('eva@acme.example', { externalId: OBJECT.toUpperCase() })
    await say(teams(OBJECT), 'list')
    expect(await who(teams(OBJECT))).toBe(eva)
    profiles.set('other', member('eva@acme.example'))
    await say(teams('bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee'), 'list')
    expect(asked).toEqual([OBJECT])
    expect(await who(teams('bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee'))).toBeNull()
  })

  it.each<[string, AccountProfile | null]>([
    ['a guest', { kind: 'guest', confirmedEmail: null }],
    ['somebody without an account of the tenant', { kind: 'stranger', confirmedEmail: null }],
    ['whoever Teams cannot be asked about', null],
  ])('%s is a stranger, with the object id of the directory and with a code', async (_, profile) => {
    await enter('eva@acme.example', { externalId: OBJECT })
    profiles.delete(OBJECT)
    if (profile !== null) profiles.set(OBJECT, profile)
    expect(await say(teams(OBJECT), 'list')).toContain('I do not know you here yet')
    const code = /link ([0-9A-Z]{4}-[0-9A-Z]{4})/.exec(await say(local('ana'), 'link'))?.[1] ?? ''
    expect(await say(teams(OBJECT), `link ${code}`)).toContain('cannot be linked')
    expect(await who(teams(OBJECT))).toBeNull()
    // Asked again soon where Teams could not be asked, and known then.
    profiles.set(OBJECT, member(null))
    await house.clock.advance(profile === null ? 5_000 : MINUTE)
    expect(await say(teams(OBJECT), 'list')).toContain('prod-db')
  })

  it('whom the policy or an earlier link knows is not asked about: nothing waits for Teams', async () => {
    await say(teams(OBJECT), `link ${/link ([0-9A-Z-]{9})/.exec(await say(local('ana'), 'link'))?.[1]}`)
    asked.length = 0
    profiles.delete(OBJECT)
    expect(await say(teams(OBJECT), 'list')).toContain('prod-db')
    expect(asked).toEqual([])
  })

  it('the object id of another tenant is a stranger', async () => {
    await enter('eva@acme.example', { externalId: OBJECT })
    const account = teams(OBJECT, '99999999-2222-4333-8444-555555555555')
    expect(await say(account, 'list')).toContain('I do not know you here yet')
  })

  it('whoever shares a mailbox with somebody who is here is nobody: an admin account signs for nobody', async () => {
    await enter('eva@acme.example')
    await house.clock.advance(1)
    await enter('EVA+admin@acme.example', { externalId: OBJECT })
    expect(await say(teams(OBJECT), 'list')).toContain('I cannot tell whose account this is')
    expect(await who(teams(OBJECT))).toBeNull()
  })
})

describe('/access link', () => {
  const codeIn = (answer: string) => /link ([0-9A-Z]{4}-[0-9A-Z]{4})/.exec(answer)?.[1] ?? ''

  it('makes the account on which the code is typed theirs: who asked there cannot sign here', async () => {
    const code = codeIn(await say(local('marcus'), 'link'))
    expect(await say(teams(OBJECT), `link ${code.toLowerCase()}`)).toContain('Linked')
    expect(await who(teams(OBJECT))).toBe('marcus')
    const id = /G-[0-9A-Z]{6}/.exec(await say(local('marcus'), 'prod-db 1h fix the ledger'))?.[0] ?? ''
    const press = { action: 'approve', request: id, revision: 1 }
    const answer: Answer = await desk.press({ key: 'press-1', account: teams(OBJECT) }, press)
    expect(JSON.stringify(answer)).toContain('your own')
    expect((await loadGrant(house.context, house.context.db, id))?.state.status).toBe('pending')
    expect((await eventsOf('marcus')).map(({ type }) => type)).toEqual(['link.code-shown', 'account.linked'])
    await announce(house.context, 'identity:marcus')
    expect(JSON.stringify([...house.chat.messages.values()])).toContain('Was that not you?')
  })

  it('never moves an account: not between request and approval, not by a second code', async () => {
    const first = codeIn(await say(local('ana'), 'link'))
    await say(teams(OBJECT), `link ${first}`)
    const second = codeIn(await say(local('marcus'), 'link'))
    expect(await say(teams(OBJECT), `link ${second}`)).toContain('I cannot tell whose account this is')
    expect(await who(teams(OBJECT))).toBe('ana')
    expect((await eventsOf('marcus')).at(-1)?.type).toBe('account.not-linked')
  })

  it('cannot be used between request and approval: whoever asked is who they are on every account of theirs', async () => {
    const id = /G-[0-9A-Z]{6}/.exec(await say(local('marcus'), 'prod-db 1h fix the ledger'))?.[0] ?? ''
    const approve = async () =>
      JSON.stringify(
        await desk.press(
          { key: `relink-${++acts}`, account: teams(OBJECT) },
          { action: 'approve', request: id, revision: 1 },
        ),
      )
    expect(await approve()).toContain('I do not know you here yet')
    // Their own second account; then, by a directory that says so, another human's name, mailbox and object id.
    await say(teams(OBJECT), `link ${codeIn(await say(local('marcus'), 'link'))}`)
    expect(await approve()).toContain('your own')
    const boss = await enter('boss@acme.example', { externalId: OBJECT, displayName: 'Boss' })
    await people.change(boss, { userName: 'marcus@acme.example', externalId: OBJECT, displayName: 'Marcus' }, null)
    await say(teams(OBJECT), `link ${codeIn(await say(local('olga'), 'link'))}`)
    expect(await who(teams(OBJECT))).toBe('marcus')
    expect(await approve()).toContain('your own')
    const loaded = await loadGrant(house.context, house.context.db, id)
    expect([loaded?.state.status, loaded?.state.signatures]).toEqual(['pending', []])
  })

  it('makes an account one person’s, of two whose codes are typed on it at the same moment', async () => {
    const codes = [codeIn(await say(local('ana'), 'link')), codeIn(await say(local('marcus'), 'link'))]
    const answers = await Promise.all(codes.map((code) => say(teams(OBJECT), `link ${code}`)))
    expect(answers.map((answer) => /Linked|I cannot tell/.exec(answer)?.[0]).toSorted()).toEqual([
      ...['I cannot tell', 'Linked'],
    ])
    expect(await who(teams(OBJECT))).toBe(answers[0]?.includes('Linked') ? 'ana' : 'marcus')
    const policy = house.context.policy.current()
    const [owner, other] = answers[0]?.includes('Linked') ? ['ana', 'marcus'] : ['marcus', 'ana']
    expect(mayHave(other, teams(OBJECT), policy)).toBe('belongs-to-another')
    expect(mayHave(owner, teams(OBJECT), policy)).toBeNull()
    expect(mayHave(owner, teams('another'), policy)).toBe('has-another-account')
  })

  it('gives nobody a second account in one place', async () => {
    await say(teams(OBJECT), `link ${codeIn(await say(local('ana'), 'link'))}`)
    const other = teams('bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee')
    profiles.set(other.id, member(null))
    expect(await say(other, `link ${codeIn(await say(local('ana'), 'link'))}`)).toContain('I cannot tell')
    expect(await who(other)).toBeNull()
  })

  it('takes a code once, within ten minutes, and only the last one shown', async () => {
    const old = codeIn(await say(local('ana'), 'link'))
    const late = codeIn(await say(local('ana'), 'link'))
    expect(await say(teams(OBJECT), `link ${old}`)).toContain('That is no code')
    await house.clock.advance(10 * MINUTE)
    expect(await say(teams(OBJECT), `link ${late}`)).toContain('That is no code')
    const good = codeIn(await say(local('ana'), 'link'))
    expect(await say(teams(OBJECT), `link ${good}`)).toContain('Linked')
    const other = slack('U7')
    profiles.set('U7', member(null))
    expect(await say(other, `link ${good}`)).toContain('That is no code')
  })

  it('lets nobody guess', async () => {
    const answers: string[] = []
    for (let tried = 0; tried < 7; tried++) answers.push(await say(teams(OBJECT), `link 0000-000${tried}`))
    expect(answers.slice(0, 5).every((answer) => answer.includes('That is no code'))).toBe(true)
    expect(answers.slice(5).every((answer) => answer.includes('Too many codes'))).toBe(true)
    const code = codeIn(await say(local('ana'), 'link'))
    expect(await say(teams(OBJECT), `link ${code}`)).toContain('Too many codes')
    await house.clock.advance(HOUR)
    expect(await say(teams(OBJECT), `link ${codeIn(await say(local('ana'), 'link'))}`)).toContain('Linked')
  })

  it.each<AccountProfile['kind']>(['guest', 'bot', 'stranger', 'gone'])('links no %s of Slack', async (kind) => {
    profiles.set('U5', { kind, confirmedEmail: null })
    const code = codeIn(await say(local('ana'), 'link'))
    expect(await say(slack('U5'), `link ${code}`)).toContain('cannot be linked')
    expect(await who(slack('U5'))).toBeNull()
  })

  it('keeps the code nowhere in clear', async () => {
    const code = codeIn(await say(local('ana'), 'link')).replace('-', '')
    const rows = await house.context
      .db`select to_jsonb(e) as row from event e union all select to_jsonb(l) from link_code l`
    expect(rows.length).toBeGreaterThan(1)
    expect(JSON.stringify(rows)).not.toContain(code)
    expect(JSON.stringify(rows)).not.toContain(`${code.slice(0, 4)}-${code.slice(4)}`)
  })

  it('ends with whoever leaves, so that the account can be somebody’s anew', async () => {
    const eva = await enter('eva@acme.example', { externalId: OBJECT })
    await say(teams(OBJECT), 'list')
    await people.change(eva, { userName: 'eva@acme.example', externalId: OBJECT, active: false }, null)
    expect(await say(teams(OBJECT), 'list')).toContain('has left')
  })
})

it('says what the directory claims of who somebody is, where the policy takes it over', async () => {
  const extension = 'urn:ietf:params:scim:schemas:extension:countersign:2.0:User'
  await enter('eva@acme.example', { [extension]: { identityAssurance: 'IAL2' } })
  profiles.set('U1', member('eva@acme.example'))
  expect(await say(slack('U1'), 'link')).toContain('IAL2, by the directory')
  house.setPolicy({ directory: { ...RULES, identityAssurance: false } })
  expect(await say(slack('U1'), 'link')).toContain('not claimed')
})
