import { afterAll, beforeAll, expect, it } from 'vitest'
import { verifyEvidence } from '../../src/record/verify.ts'
import { conclude } from '../../src/report/conclude.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

/*
 * An emergency at night over two processes: access is stopped at one, which holds at the other and after a
 * restart; what was approved and not yet given is not given; everything that is out is taken away by two.
 */
let house: House
let one: Replica
let two: Replica

beforeAll(async () => {
  house = await openHouse()
  one = await house.startReplica()
  two = await house.startReplica()
})
afterAll(() => house.close())

const words = (answer: unknown) =>
  JSON.stringify(answer, (_key, value: unknown) => {
    const span = value as { kind?: string; text?: string; name?: string } | null
    return span?.kind === undefined ? value : (span.text ?? span.name ?? value)
  }).replaceAll('","', '')
const active = async (id: string) => (await statusOf(id)) === 'active'

it('refuses asks, signatures and extensions everywhere at once, and lets denials and endings go on', async () => {
  const [held, kept, ending] = [await ask('ana'), await give('bo'), await give('ana', 'prod-db:write')]
  expect(words(await one.command('ana', 'freeze prod-db'))).toContain('You may not freeze this')
  expect(words(await one.command('olga', 'freeze prod-bd odd logins'))).toContain('There is no target prod-bd')
  expect(words(await one.command('olga', 'freeze prod-db odd logins'))).toContain('Frozen: prod-db')

  const frozen = await two.command('marcus', 'prod-db 1m to look')
  for (const part of ['prod-db was frozen by Olga', 'odd logins', '/access unfreeze prod-db', 'by two of Carla']) {
    expect(words(frozen)).toContain(part)
  }
  expect(words(await two.press('marcus', 'approve', held))).toContain('was frozen by Olga')
  expect(words(await two.command('bo', `extend ${kept} 1m more`))).toContain('was frozen by Olga')
  expect(words(await two.command('ana', `status ${held}`))).toContain('Frozen: prod-db was frozen by Olga')
  expect(words(await two.command('ana', 'list'))).toContain('odd logins')
  expect(await statusOf(held)).toBe('pending')

  expect(words(await two.press('ana', 'done', ending))).toContain('Ending now')
  await until('it is removed', async () => (await statusOf(ending)) === 'removed')
  expect(await active(kept)).toBe(true)
  expect(words(await two.submit('marcus', 'deny', held, { reason: 'not now' }))).toContain('Denied')
})

it('tells channels, readiness and metrics, and survives a restart', async () => {
  await one.kill()
  one = await house.startReplica()
  expect(words(await one.command('ana', 'prod-db 1m to look'))).toContain('was frozen by Olga')
  await until('the card is there', async () => (await cards('freeze:prod-db:')).some((card) => /odd logins/.test(card)))
  const ready = (await (await fetch(`${one.url}/readyz`)).json()) as {
    status: string
    checks: { name: string; detail: string }[]
  }
  expect(ready.status).toBe('degraded')
  expect(ready.checks.find(({ name }) => name === 'freeze')?.detail).toMatch(/^prod-db is frozen since 2/)
  expect(await (await fetch(`${one.url}/metrics`)).text()).toMatch(/countersign_frozen_seconds\{target="prod-db"\} \d/)
})

it('is lifted by two, and by nobody twice', async () => {
  expect(words(await one.command('olga', 'unfreeze prod-db'))).toContain('One of two')
  expect(words(await two.press('olga', 'lift-freeze', 'prod-db'))).toContain('you are the first')
  expect(words(await two.press('ana', 'lift-freeze', 'prod-db'))).toContain('You may not freeze this')
  await until('Carla is asked', async () =>
    (await cards('freeze:prod-db:')).some((card) => /asks to lift a freeze/.test(card)),
  )
  expect(words(await two.press('carla', 'lift-freeze', 'prod-db'))).toContain('Lifted')
  expect(words(await two.press('dirk', 'lift-freeze', 'prod-db'))).toContain('is not frozen')
  expect(await active(await give('ana'))).toBe(true)
})

it('does not give what was approved before the freeze, and says so', async () => {
  await house.targetDb`alter function jit.provision rename to provision_away`
  const id = await ask('dirk', 'prod-db')
  await one.press('olga', 'approve', id)
  await until('giving it was tried', async () => (await typesOf(`grant:${id}`)).includes('grant.attempt-failed'))
  await two.command('carla', 'freeze everywhere')
  await house.targetDb`alter function jit.provision_away rename to provision`
  await until('it is over', async () => ['failed', 'removed'].includes(await statusOf(id)))
  expect(await typesOf(`grant:${id}`)).not.toContain('grant.active')
  const told = async () =>
    (await cards(`grant:${id}:holder:failed`)).some((card) => /Everything was frozen by/.test(card))
  await until('the holder is told', told)
  await one.command('carla', 'unfreeze')
  await two.command('dirk', 'unfreeze')
})

it('revokes everything of a person by order of two, and has the evidence', async () => {
  const given = await until('Ana has one', async () => (await openOf('ana'))[0] ?? null)
  const asked = await ask('ana', 'prod-db:write')
  const untouched = (await openOf('bo'))[0] ?? ''
  expect(words(await one.command('bo', 'revoke-all @ana why not'))).toContain('You may not order this')
  expect(words(await one.command('ana', 'revoke-all @ana why not'))).toContain('your own access')
  expect(await one.command('marcus', 'revoke-all @ana')).toMatchObject({ kind: 'form', form: { id: 'revoke-all' } })
  const proposed = words(await one.command('marcus', 'revoke-all @Ana laptop stolen'))
  expect(proposed).toContain('Proposed to end 1 grant and 1 request of Ana')
  const order = /R-[0-9A-Z]{6}/.exec(proposed)?.[0] ?? ''
  expect(words(await two.command('carla', 'revoke-all @ana me too'))).toContain('That is proposed already')
  expect(words(await two.press('marcus', 'confirm-order', order))).toContain('you are the first')
  expect(words(await two.press('ana', 'confirm-order', order))).toContain('your own access')
  expect(await active(given)).toBe(true)

  expect(words(await two.press('olga', 'confirm-order', order))).toContain('Confirmed')
  expect(words(await one.press('carla', 'confirm-order', order))).toContain('it was confirmed by Olga')
  await until('it is carried out', async () => (await typesOf(`order:${order}`)).includes('closed'))
  expect([await statusOf(given), await statusOf(asked), await statusOf(untouched)]).toEqual([
    'removed',
    'cancelled',
    'active',
  ])
  expect(words(await one.command('marcus', `status ${order}`))).toContain('1 ended and seen gone, 0 stuck')
  await until('the thread says it', async () =>
    (await cards(`order:${order}:line:`)).some((card) => /1 ended and seen gone/.test(card)),
  )
  expect(await cards(`grant:${given}:holder:over`)).toMatchObject([expect.stringContaining(order)])

  const evidence = await evidenceOn(order, 'carla')
  expect(evidence.reveals.map(({ value }) => value)).toContain('laptop stolen')
  expect(evidence.events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['order.proposed', 'order.confirmed', 'order.reached', 'order.carried-out']),
  )
  expect(conclude(evidence)).toMatchObject({
    ...{ about: order, line: 'signed by two persons, carried out: 1 ended, 1 taken back', standing: 'shown' },
  })
  expect(words(await one.command('bo', `evidence ${order}`))).toContain('You may not see all that is on record')
  expect(conclude(await evidenceOn('freeze:prod-db', 'olga'))?.line).toBe('frozen once, lifted by two persons')
  expect(words(await one.command('bo', 'evidence freeze:prod-db'))).toContain('You may not see all that is on record')
  expect(words(await one.command('olga', 'evidence freeze:demo-db'))).toContain('demo-db is not frozen')
})

it('takes back what nobody confirmed in time, and declines', async () => {
  const proposed = words(await one.command('olga', 'revoke-all prod-db too much'))
  const order = /R-[0-9A-Z]{6}/.exec(proposed)?.[0] ?? ''
  expect(words(await one.command('olga', `cancel ${order}`))).toContain('Taken back')
  expect(words(await two.press('carla', 'confirm-order', order))).toContain('it was declined by Olga')
  expect(words(await two.press('carla', 'confirm-order', 'nothing'))).toContain('There is no order')
  expect(words(await two.press('carla', 'lift-freeze', 'nothing'))).toContain('There is no target')
})

/** Through the link that chat gives. */
async function evidenceOn(id: string, who: string) {
  const answer = JSON.stringify(await one.command(who, `evidence ${id}`))
  const url = /"(http:\/\/localhost:\d+\/evidence\/[\w-]+)"/.exec(answer)?.[1] ?? ''
  const taken = await fetch(url, { method: 'POST', body: new URLSearchParams({ format: 'json' }) })
  return verifyEvidence(await taken.text())
}

async function ask(who: string, what = 'prod-db'): Promise<string> {
  return idOn(await one.command(who, `${what} 2m fix the ledger`))
}

async function give(who: string, what = 'prod-db'): Promise<string> {
  const id = await ask(who, what)
  await one.press('marcus', 'approve', id)
  if (what.endsWith('write')) await one.press('olga', 'approve', id)
  await until(`${id} is active`, () => active(id))
  return id
}

async function statusOf(id: string): Promise<string> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status ?? ''
}

async function openOf(who: string): Promise<string[]> {
  const rows = await house.db<
    { id: string }[]
  >`select id from grant_state where open_for = ${who} order by asked_at desc`
  return rows.map(({ id }) => id)
}

async function typesOf(stream: string): Promise<string[]> {
  const rows = await house.db<{ type: string }[]>`select type from event where stream = ${stream} order by seq`
  return rows.map(({ type }) => type)
}

async function cards(prefix: string): Promise<string[]> {
  const rows = await house.db<{ content: string }[]>`
    select content from local_chat_messages where starts_with(key, ${prefix})`
  return rows.map(({ content }) => content)
}
